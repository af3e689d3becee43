/** `quorate kube-apiserver`: upstream's flags around the API server. */
import { readFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { gunzipSync, gzipSync } from 'node:zlib'
import { QuorateError } from '../../base/errors.js'
import { ApiServer, type ApiServerOptions } from '../../apiserver/server.js'
import { ClientCertificates } from '../../apiserver/http/certificate.js'
import { listen } from '../../apiserver/http/listen.js'
import type { RequestHeaderOptions } from '../../apiserver/authn/request-header.js'
import { createAuthority, createLeaf } from '../../pki/certificates.js'
import { type FlagDefinition, type Flags, type FlagTable, parseFlags, usage } from '../flags/flags.js'
import definitions from '../flags/data/kube-apiserver.json' with { type: 'json' }
import { kubeletConnector, type KubeletConnectorOptions } from '../../apiserver/kubelet-connector/connector.js'
import { webhookCaller } from '../../apiserver/webhooks/webhook-caller.js'
import { gitVersion, platformName } from '../version.js'
import { type ComponentMain, type HostedApiServer, type HostedDeps, running } from './component.js'
import { componentMetrics } from './serving/metrics.js'
import { openStore } from './store-address.js'

const table: FlagTable = {
  component: 'kube-apiserver',
  definitions: definitions as readonly FlagDefinition[],
  implemented: new Set([
    ...[
      'advertise-address',
      'bind-address',
      'secure-port',
      'tls-cert-file',
      'tls-private-key-file',
      'cert-dir',
      'client-ca-file',
      'http2-max-streams-per-connection',
    ],
    ...['etcd-servers', 'etcd-cafile', 'etcd-certfile', 'etcd-keyfile', 'etcd-prefix', 'etcd-compaction-interval'],
    ...['token-auth-file', 'enable-bootstrap-token-auth', 'anonymous-auth', 'api-audiences', 'authorization-mode'],
    ...[
      'requestheader-client-ca-file',
      'requestheader-allowed-names',
      'requestheader-username-headers',
      'requestheader-group-headers',
      'requestheader-extra-headers-prefix',
      'requestheader-uid-headers',
    ],
    ...[
      'service-account-issuer',
      'service-account-key-file',
      'service-account-signing-key-file',
      'service-account-extend-token-expiration',
      'service-account-max-token-expiration',
      'service-account-lookup',
    ],
    ...['enable-admission-plugins', 'disable-admission-plugins', 'allow-privileged'],
    ...['service-cluster-ip-range', 'service-node-port-range', 'endpoint-reconciler-type', 'event-ttl'],
    ...['max-requests-inflight', 'max-mutating-requests-inflight', 'request-timeout', 'min-request-timeout'],
    ...[
      'kubelet-client-certificate',
      'kubelet-client-key',
      'kubelet-certificate-authority',
      'kubelet-preferred-address-types',
      'proxy-client-cert-file',
      'proxy-client-key-file',
    ],
    ...['v', 'logging-format'],
  ]),
}

/** Upstream's bound on the body of a request. */
const maxRequestBytes = 3 * 2 ** 20
const shutdownGraceMs = 2_000

export const kubeApiserver: ComponentMain = {
  name: 'kube-apiserver',
  help: () => usage(table, 'The Kubernetes API server: validates and serves the objects of the cluster.'),
  start(argv, deps) {
    const flags = parseFlags(table, argv)
    return running(async () => startServer(flags, deps))
  },
}

async function startServer(flags: Flags, deps: HostedDeps): Promise<{ stop(how?: { crash?: boolean }): Promise<void> }> {
  const { clock, logger, resolvePath } = deps
  const read = (name: string) => readFlagFile(flags, name, resolvePath)
  if (flags.list('etcd-servers').length === 0)
    throw new QuorateError('FlagMissing', '--etcd-servers must be specified', {
      remedy: 'Name the store, for example --etcd-servers=https://127.0.0.1:2379.',
    })
  const store = openStore({
    servers: flags.list('etcd-servers'),
    tls: { ca: read('etcd-cafile'), cert: read('etcd-certfile'), key: read('etcd-keyfile') },
    prefix: flags.string('etcd-prefix'),
    compactionIntervalMs: flags.durationMs('etcd-compaction-interval'),
    ...{ clock, logger, resolvePath },
  })
  const clientCa = read('client-ca-file')
  const serving = await servingPair(flags, deps)
  const ip = flags.string('advertise-address') || hostAddress(flags.string('bind-address'))
  const port = flags.int('secure-port')
  const requestHeaderCa = read('requestheader-client-ca-file')
  const clientCertificates = new ClientCertificates({
    ...(clientCa ? { users: clientCa } : {}),
    ...(requestHeaderCa ? { frontProxies: requestHeaderCa } : {}),
  })
  const server = new ApiServer(serverOptions(flags, deps, { store, ip, port, clientCa, requestHeaderCa }))
  const listening = await listen({
    host: flags.string('bind-address'),
    port,
    ...serving,
    clientCertificates,
    maxRequestBytes,
    ...(flags.int('http2-max-streams-per-connection') > 0 ? { maxStreams: flags.int('http2-max-streams-per-connection') } : {}),
    handle: (request, responder) => server.handle(request, responder),
  })
  logger.info('Serving securely', { address: `${flags.string('bind-address')}:${listening.port}` })
  const gone = new AbortController()
  const hosted: HostedApiServer = {
    gone: gone.signal,
    transport(pem) {
      const identity = pem === undefined ? {} : clientCertificates.ofPem(pem, clock.now())
      return identity && server.transportOf(identity)
    },
  }
  const names = new Set([`127.0.0.1:${listening.port}`, `${ip.includes(':') ? `[${ip}]` : ip}:${listening.port}`])
  const health = async (path: string) => (await server.transportOf({}).request({ method: 'GET', path })).status
  const added = [...names].flatMap((name) => [deps.hostedApiServers?.add(name, hosted), deps.hostedHealth?.add(name, health)])
  const withdraw = () => {
    for (const remove of added) remove?.()
  }
  try {
    await server.start()
  } catch (error) {
    withdraw()
    gone.abort()
    await listening.close(0)
    await store.close()
    throw error
  }
  logger.info('All post-start hooks are done')
  return {
    async stop(how) {
      withdraw()
      if (how?.crash) gone.abort()
      await server.stop(how)
      gone.abort()
      await listening.close(how?.crash ? 0 : shutdownGraceMs)
      await store.close()
    },
  }
}

/** Where others reach a server that nobody told: upstream takes an address of the machine when it listens on all or on loopback. */
function hostAddress(bindAddress: string): string {
  const isOwn = bindAddress === '0.0.0.0' || bindAddress === '::' || bindAddress === '::1' || bindAddress.startsWith('127.')
  if (!isOwn) return bindAddress
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address && !address.internal && address.family === 'IPv4')
  return outside?.address ?? '127.0.0.1'
}

interface Reached {
  readonly store: ApiServerOptions['store']
  readonly ip: string
  readonly port: number
  readonly clientCa: string | undefined
  readonly requestHeaderCa: string | undefined
}

function serverOptions(flags: Flags, deps: HostedDeps, { store, ip, port, clientCa, requestHeaderCa }: Reached): ApiServerOptions {
  const { clock, random, logger, resolvePath, hostname: machine = hostname() } = deps
  const read = (name: string) => readFlagFile(flags, name, resolvePath)
  const issuers = flags.list('service-account-issuer')
  const signingKeyPem = read('service-account-signing-key-file')
  const tokenFile = read('token-auth-file')
  const keyPems = flags.list('service-account-key-file').map((file) => readFile(resolvePath(file), 'service-account-key-file'))
  const [first = 30000, last = 32767] = flags.string('service-node-port-range').split('-').map(Number)
  const maxTokenMs = flags.durationMs('service-account-max-token-expiration')
  return {
    ...{ store, clock, random, logger, defer: (fn: () => void) => setImmediate(fn) },
    authentication: {
      clientCertificates: clientCa !== undefined,
      ...(requestHeaderCa ? { requestHeader: requestHeaderOptions(flags) } : {}),
      ...(tokenFile === undefined ? {} : { tokenFile }),
      bootstrapTokens: flags.bool('enable-bootstrap-token-auth'),
      anonymous: !flags.has('anonymous-auth') || flags.bool('anonymous-auth'),
      ...(flags.list('api-audiences').length ? { apiAudiences: flags.list('api-audiences') } : {}),
      ...(issuers.length
        ? {
            serviceAccounts: {
              issuers,
              keyPems,
              ...(signingKeyPem ? { signingKeyPem } : {}),
              ...(maxTokenMs > 0 ? { expirationSecondsMax: maxTokenMs / 1000 } : {}),
            },
          }
        : {}),
    },
    authorizationModes: flags.list('authorization-mode').length ? flags.list('authorization-mode') : ['AlwaysAllow'],
    admission: { enable: flags.list('enable-admission-plugins'), disable: flags.list('disable-admission-plugins') },
    allocation: {
      serviceCidrs: flags.list('service-cluster-ip-range').length ? flags.list('service-cluster-ip-range') : ['10.0.0.0/24'],
      nodePorts: { first, last },
    },
    limits: {
      maxRequestsInFlight: flags.int('max-requests-inflight'),
      maxMutatingRequestsInFlight: flags.int('max-mutating-requests-inflight'),
      maxRequestBytes,
      requestTimeoutMs: flags.durationMs('request-timeout'),
    },
    self: { ip, port },
    reconcileEndpoints: flags.string('endpoint-reconciler-type') !== 'none',
    identity: { name: `apiserver-${machine}-${port}`, hostname: machine },
    authenticationInfo: {
      ...(clientCa ? { clientCa } : {}),
      ...(requestHeaderCa ? { requestHeader: { clientCa: requestHeaderCa, ...headerNames(flags) } } : {}),
    },
    eventTtlSeconds: flags.durationMs('event-ttl') / 1000,
    ...{ gitVersion, platform: platformName },
    metrics: componentMetrics(),
    compression: { gzip: (bytes) => gzipSync(bytes), gunzip: (bytes) => gunzipSync(bytes) },
    connect: (access) => kubeletConnector(access, connectorOptions(flags, deps)),
    webhooks: webhookCaller(deps.route),
  }
}

function connectorOptions(flags: Flags, { random, resolvePath, route }: HostedDeps): KubeletConnectorOptions {
  const read = (name: string) => readFlagFile(flags, name, resolvePath)
  const [certificateAuthority, clientCertificate, clientKey] = [
    read('kubelet-certificate-authority'),
    read('kubelet-client-certificate'),
    read('kubelet-client-key'),
  ]
  return {
    random,
    ...(certificateAuthority ? { certificateAuthority } : {}),
    ...(clientCertificate && clientKey ? { clientCertificate, clientKey } : {}),
    preferredAddressTypes: flags.list('kubelet-preferred-address-types'),
    ...(route ? { route } : {}),
  }
}

/** --requestheader-*, as given. */
function headerNames(flags: Flags) {
  return {
    allowedNames: flags.list('requestheader-allowed-names'),
    usernameHeaders: flags.list('requestheader-username-headers'),
    uidHeaders: flags.list('requestheader-uid-headers'),
    groupHeaders: flags.list('requestheader-group-headers'),
    extraHeaderPrefixes: flags.list('requestheader-extra-headers-prefix'),
  }
}

function requestHeaderOptions(flags: Flags): RequestHeaderOptions {
  const { allowedNames, ...names } = headerNames(flags)
  const lower = (values: readonly string[]) => values.map((value) => value.toLowerCase())
  return {
    allowedNames,
    usernameHeaders: lower(names.usernameHeaders),
    uidHeaders: lower(names.uidHeaders),
    groupHeaders: lower(names.groupHeaders),
    extraHeaderPrefixes: lower(names.extraHeaderPrefixes),
  }
}

/** The serving certificate of the flags, or one made for the occasion (upstream makes one in --cert-dir). */
async function servingPair(flags: Flags, { clock, resolvePath }: HostedDeps): Promise<{ cert: string; key: string }> {
  const cert = readFlagFile(flags, 'tls-cert-file', resolvePath)
  const key = readFlagFile(flags, 'tls-private-key-file', resolvePath)
  if (cert && key) return { cert, key }
  const nowMs = clock.now()
  const authority = await createAuthority('quorate-self-signed', { nowMs })
  const names = {
    dnsNames: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', hostname()],
    ipAddresses: ['127.0.0.1'],
  }
  return createLeaf(authority, { commonName: 'kube-apiserver', usages: ['server'], ...names, nowMs })
}

/** undefined when the flag was not given. */
function readFlagFile(flags: Flags, name: string, resolvePath: (path: string) => string): string | undefined {
  const file = flags.string(name)
  return file === '' ? undefined : readFile(resolvePath(file), name)
}

function readFile(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new QuorateError('FileUnreadable', `--${flag}: ${(error as Error).message}`, { cause: error })
  }
}
