/** The server as its Deployment runs it: by its service account's token, with the rights of system:coredns and nothing else. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { UnknownObject } from '../../api/object.js'
import type { RunningComponent } from '../../base/component.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { realClock } from '../../base/real-clock.js'
import type { Client } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import { corefile, dnsManifests } from '../../dns/manifests.js'
import { machineNetwork } from '../../dns/sockets/machine.js'
import { queryBytes, type Reply, replyOf } from '../../dns/testdata/dns-server.js'
import { createAuthority, createLeaf, createSigningKey } from '../../pki/certificates.js'
import type { HostedDeps } from './component.js'
import { coredns } from './coredns.js'
import { etcd } from './etcd.js'
import { kubeApiserver } from './kube-apiserver.js'
import { connectKubeconfig } from './kubeconfig-client.js'
import { freePort } from './testdata/free-port.js'

let dir: string
let deps: HostedDeps
let apiPort: number
let client: Client
const lines: string[] = []
const started: RunningComponent[] = []

async function run(component: RunningComponent): Promise<RunningComponent> {
  await component.ready
  started.unshift(component)
  return component
}

async function writeCredentials(): Promise<void> {
  const nowMs = deps.clock.now()
  const authority = await createAuthority('test-ca', { nowMs })
  const server = await createLeaf(authority, { commonName: 'kube-apiserver', ipAddresses: ['127.0.0.1'], usages: ['server'], nowMs })
  const signing = await createSigningKey()
  const files = {
    'ca.crt': authority.cert,
    'server.crt': server.cert,
    'server.key': server.key,
    'sa.key': signing.key,
    'sa.pub': signing.publicKey,
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  writeFileSync(join(dir, 'tokens.csv'), 'admintoken,admin,admin-uid,"system:masters"\n')
  writeFileSync(
    join(dir, 'admin.conf'),
    `apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:${apiPort}", certificate-authority: ca.crt}}]
users: [{name: u, user: {token: admintoken}}]
`,
  )
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'quorate-dns-cluster-'))
  apiPort = await freePort()
  deps = {
    clock: realClock(),
    random: seededRandom(1),
    logger: silentLogger,
    resolvePath: (path) => (path.startsWith(dir) ? path : join(dir, path)),
    output: (line) => lines.push(line),
    env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(apiPort) },
  }
  await writeCredentials()
  await run(etcd.start(['--data-dir=/data', '--listen-client-urls=unix:///s.sock'], deps))
  const flags = ['--etcd-servers=unix:///s.sock', `--secure-port=${apiPort}`, '--bind-address=127.0.0.1', '--token-auth-file=/tokens.csv']
  const tokens = ['--service-account-issuer=https://k', '--service-account-key-file=/sa.pub', '--service-account-signing-key-file=/sa.key']
  const tls = ['--tls-cert-file=/server.crt', '--tls-private-key-file=/server.key', '--authorization-mode=Node,RBAC']
  await run(kubeApiserver.start([...flags, ...tokens, ...tls, '--service-cluster-ip-range=10.96.0.0/12'], deps))
  client = connectKubeconfig('/admin.conf', deps, { userAgent: 'test' })
})

afterAll(async () => {
  for (const component of started) await component.stop({ crash: true })
  await client.close()
  rmSync(dir, { recursive: true, force: true })
})

const kinds = {
  ServiceAccount: 'serviceAccounts',
  ClusterRole: 'clusterRoles',
  ClusterRoleBinding: 'clusterRoleBindings',
  ConfigMap: 'configMaps',
  Service: 'services',
  Deployment: 'deployments',
} as const

async function deploy(): Promise<void> {
  for (const object of dnsManifests({ serviceSubnet: '10.96.0.0/12', dnsDomain: 'cluster.local', tag: 'v0' }))
    await client.resource<UnknownObject>(resources[kinds[object.kind as keyof typeof kinds]]).create(object)
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: { audiences: ['https://k'] } }
  const { status } = await client
    .resource(resources.serviceAccounts)
    .createSubresource<object, { status: { token: string } }>('kube-system', 'coredns', 'token', request)
  const secrets = join(dir, 'var/run/secrets/kubernetes.io/serviceaccount')
  mkdirSync(secrets, { recursive: true })
  writeFileSync(join(secrets, 'token'), status.token)
  copyFileSync(join(dir, 'ca.crt'), join(secrets, 'ca.crt'))
}

describe('the deployed server', () => {
  it('serves the cluster with the rights and the Corefile of its objects', async () => {
    await deploy()
    const [port, health, ready, metrics] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
    mkdirSync(join(dir, 'etc/coredns'), { recursive: true })
    writeFileSync(join(dir, 'etc/resolv.conf'), 'nameserver 192.0.2.1\n')
    const text = corefile('cluster.local')
      .replace('.:53 {', `.:${port} {\n    bind 127.0.0.1`)
      .replace('health {', `health 127.0.0.1:${health} {`)
      .replace('ready\n', `ready 127.0.0.1:${ready}\n`)
      .replace(':9153', `127.0.0.1:${metrics}`)
    writeFileSync(join(dir, 'etc/coredns/Corefile'), text)
    await run(coredns.start(['-conf', '/etc/coredns/Corefile'], deps))
    expect(lines.join('\n')).not.toContain('unsynced')
    expect((await ask(port, 'kube-dns.kube-system.svc.cluster.local', 'A')).answers).toEqual([
      'kube-dns.kube-system.svc.cluster.local. 30 A 10.96.0.10',
    ])
    expect((await ask(port, '_dns-tcp._tcp.kube-dns.kube-system.svc.cluster.local', 'SRV')).answers).toHaveLength(1)
    const service = { metadata: { name: 'late', namespace: 'default' }, spec: { clusterIP: '10.96.0.77', ports: [{ port: 80 }] } }
    await client.resource<UnknownObject>(resources.services).create(service)
    await vi.waitFor(
      async () => {
        expect((await ask(port, 'late.default.svc.cluster.local', 'A')).answers).toEqual([
          'late.default.svc.cluster.local. 30 A 10.96.0.77',
        ])
      },
      { timeout: 10_000, interval: 20 },
    )
  })
})

function ask(port: number, name: string, type: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const connection = machineNetwork().udp(
      { host: '127.0.0.1', port },
      {
        message(bytes) {
          connection.close()
          resolve(replyOf(bytes))
        },
        closed: reject,
      },
    )
    connection.send(queryBytes(name, type))
  })
}
