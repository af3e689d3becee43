/** `quorate coredns`: the cluster's DNS server, with CoreDNS's flags (written with one dash or two) around its Corefile. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { messageOf, QuorateError } from '../../base/errors.js'
import { Metrics } from '../../base/metrics.js'
import { restClient } from '../../client/rest-client.js'
import { patientTransport } from '../../client/patient-transport.js'
import type { Client } from '../../client/client.js'
import type { CorefileOptions } from '../../dns/corefile/corefile.js'
import { DnsInstance } from '../../dns/instance.js'
import { dnsLog } from '../../dns/log.js'
import { dnsMetrics } from '../../dns/metrics.js'
import type { ClusterAccessOptions } from '../../dns/plugin.js'
import { implementedPlugins } from '../../dns/plugins/registry.js'
import { machineNetwork } from '../../dns/sockets/machine.js'
import { FlagError, type FlagDefinition, type Flags, type FlagTable, parseFlags, usage } from '../flags/flags.js'
import { packageVersion, platformName } from '../version.js'
import { type ComponentMain, type HostedDeps, running } from './component.js'
import { accessTransport, connectKubeconfig, userAgentOf } from './kubeconfig-client.js'

const name = 'coredns'

/** The CoreDNS whose behaviour this is. */
const corednsVersion = '1.14.2'

const definitions: readonly FlagDefinition[] = [
  { name: 'conf', type: 'string', default: 'Corefile', help: 'Corefile to load.' },
  { name: 'dns.port', type: 'int', default: '53', help: 'Port of server blocks that name none.' },
  { name: 'p', type: 'int', default: '53', help: 'The same.' },
  { name: 'pidfile', type: 'string', help: 'File to write the process id to.' },
  { name: 'plugins', type: 'bool', help: 'List the plugins and end.' },
  { name: 'quiet', type: 'bool', help: 'Say nothing at the start.' },
  { name: 'version', type: 'bool', help: 'Show the version and end.' },
  { name: 'v', type: 'int', default: '0' },
]

const table: FlagTable = { component: name, definitions, implemented: new Set(definitions.map((definition) => definition.name)) }

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount'

export const coredns: ComponentMain = {
  name,
  help: () => usage(table, "The cluster's DNS server, configured by a Corefile as CoreDNS is."),
  start(argv, deps) {
    // Go's flags have one dash or two.
    const flags = parseFlags(
      table,
      argv.map((argument) => argument.replace(/^-(?=[a-z])/i, '--')),
    )
    const line = deps.output ?? ((text: string) => deps.logger.info(text))
    if (flags.bool('version') || flags.bool('plugins')) {
      const text = flags.bool('version') ? [`CoreDNS-${corednsVersion}`, banner] : implementedPlugins.map((each) => `dns.${each}`)
      for (const each of text) line(each)
      return { ready: Promise.resolve(), done: Promise.resolve(), stop: () => Promise.resolve() }
    }
    return running((fail) => startServer(flags, { deps, line, fail }))
  },
}

const banner = `${platformName}, quorate ${packageVersion}`

interface Started {
  readonly deps: HostedDeps
  readonly line: (text: string) => void
  readonly fail: (error: Error) => void
}

async function startServer(flags: Flags, { deps, line, fail }: Started) {
  const { clock, random, logger, resolvePath } = deps
  const log = dnsLog(line)
  const registry = new Metrics()
  const instance: DnsInstance = new DnsInstance({
    ...{ clock, random, logger, log, registry },
    metrics: dnsMetrics(registry, corednsVersion),
    network: machineNetwork(),
    readFile: (path) => readFileSync(resolvePath(path), 'utf8'),
    cluster: (access) => clusterClient(access, deps),
    // It has said why; nothing may keep it from ending.
    fail: (error) => void instance.stop({ crash: true }).then(() => fail(error)),
    readCorefile: () => corefile(flags, deps),
    banner: [`CoreDNS-${corednsVersion}`, banner],
    quiet: flags.bool('quiet'),
  })
  await instance.start().catch(async (error: unknown) => {
    await instance.stop({ crash: true }).catch(() => undefined)
    throw error
  })
  const pidfile = flags.string('pidfile')
  if (pidfile !== '') writeFileSync(resolvePath(pidfile), `${process.pid}\n`)
  return {
    async stop(how?: { crash?: boolean }) {
      if (!how?.crash) log.line('[INFO] SIGTERM: Shutting down servers then terminating')
      await instance.stop(how)
      if (pidfile !== '' && !how?.crash) rmSync(resolvePath(pidfile), { force: true })
    },
  }
}

function corefile(flags: Flags, { resolvePath, env = process.env }: HostedDeps): CorefileOptions {
  const file = flags.string('conf')
  const port = Number(flags.has('p') ? flags.string('p') : flags.string('dns.port'))
  if (!(port >= 0 && port < 65_536)) throw new FlagError(`--dns.port: ${port} is no port`)
  return {
    file,
    text: readText(resolvePath(file), file, 'loading Corefile: '),
    environment: (variable) => env[variable],
    port,
    readFiles(pattern, from) {
      const path = isAbsolute(pattern) ? pattern : join(dirname(from), pattern)
      return matching(resolvePath(path)).map((found) => ({ file: found, text: readText(found, found) }))
    },
  }
}

function readText(path: string, named: string, loading = ''): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'no such file or directory' : code === 'EACCES' ? 'permission denied' : messageOf(error)
    throw new QuorateError('FileUnreadable', `${loading}open ${named}: ${why}`, { cause: error })
  }
}

/** By the properties of the kubernetes plugin; without any, as the service account of the pod that this runs in. */
function clusterClient(access: ClusterAccessOptions, deps: HostedDeps): Client {
  if (access.context !== undefined) throw new QuorateError('NotImplemented', "kubeconfig's context: only the current one is used")
  if (access.kubeconfig !== undefined) return connectKubeconfig(access.kubeconfig, deps, { userAgent: name })
  const to = access.endpoint === undefined ? inCluster(deps) : { server: endpointUrl(access.endpoint), ...certificates(access, deps) }
  const transport = accessTransport({ insecureSkipVerify: false, headers: {}, ...to }, deps)
  return restClient(patientTransport(transport, { clock: deps.clock }), { userAgent: userAgentOf(name) })
}

function endpointUrl(endpoint: string): string {
  const server = endpoint.includes('://') ? endpoint : `https://${endpoint}`
  if (!server.startsWith('https://')) throw new QuorateError('BadEndpoint', `endpoint: ${endpoint} is no https:// address`)
  return server.replace(/\/$/, '')
}

function certificates({ tls }: ClusterAccessOptions, { resolvePath }: HostedDeps) {
  const read = (path: string) => readText(resolvePath(path), path)
  return tls ? { cert: read(tls.cert), key: read(tls.key), ca: read(tls.ca) } : {}
}

function inCluster({ resolvePath, env = process.env }: HostedDeps) {
  const [host, port] = [env.KUBERNETES_SERVICE_HOST, env.KUBERNETES_SERVICE_PORT]
  if (!host || !port)
    throw new QuorateError(
      'NotInCluster',
      'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined',
      { remedy: 'Outside of a pod, name a kubeconfig in the kubernetes block.' },
    )
  const ca = `${serviceAccount}/ca.crt`
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: readText(resolvePath(ca), ca),
    tokenFile: resolvePath(`${serviceAccount}/token`),
  }
}

/** The files of a pattern with * and ? in its last part, in order; the file itself when it is none. */
function matching(path: string): string[] {
  const [folder, last] = [dirname(path), basename(path)]
  if (!/[*?]/.test(last)) return existsSync(path) ? [path] : []
  const escaped = last
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  const shape = new RegExp(`^${escaped}$`)
  const names = existsSync(folder) ? readdirSync(folder) : []
  return names
    .filter((each) => shape.test(each))
    .sort()
    .map((each) => join(folder, each))
}
