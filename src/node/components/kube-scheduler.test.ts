import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Lease } from '../../api/types/coordination-v1.js'
import type { Node, Pod } from '../../api/types/core-v1.js'
import type { RunningComponent } from '../../base/component.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { realClock } from '../../base/real-clock.js'
import type { Client } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import type { HostedDeps } from './component.js'
import { etcd } from './etcd.js'
import { kubeApiserver } from './kube-apiserver.js'
import { kubeScheduler } from './kube-scheduler.js'
import { connectKubeconfig } from './kubeconfig-client.js'
import { freePort } from './testdata/free-port.js'

/** Folder of recorded behaviour of the real components. */
const reference = process.env['QUORATE_REFERENCE'] ?? ''
const exam = join(reference, 'exam')
const missing =
  reference === '' ? 'QUORATE_REFERENCE is not set' : spawnSync('python3', ['--version']).status !== 0 ? 'python3 is not installed' : ''
if (missing) console.log(`recorded scheduling cases: skipped, ${missing}`)

describe('quorate kube-scheduler', () => {
  let dir: string
  let deps: HostedDeps
  let port: number
  let client: Client
  const started: RunningComponent[] = []
  const run = async (component: RunningComponent) => {
    await component.ready
    started.unshift(component)
    return component
  }

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'quorate-scheduler-'))
    deps = { clock: realClock(), random: seededRandom(1), logger: silentLogger, resolvePath: (path) => join(dir, path) }
    port = await freePort()
    writeFileSync(join(dir, 'tokens.csv'), 'admintoken,admin,admin-uid,"system:masters"\n')
    writeFileSync(join(dir, 'scheduler.conf'), kubeconfig(port))
    await run(etcd.start(['--data-dir=/data', '--listen-client-urls=unix:///s.sock'], deps))
    const flags = ['--etcd-servers=unix:///s.sock', `--secure-port=${port}`, '--bind-address=127.0.0.1', '--token-auth-file=/tokens.csv']
    await run(kubeApiserver.start([...flags, '--authorization-mode=Node,RBAC', '--allow-privileged=true'], deps))
    client = connectKubeconfig('/scheduler.conf', deps, { userAgent: 'test' })
  })
  afterAll(async () => {
    await client.close()
    for (const component of started) await component.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  const scheduler = (...argv: string[]) => kubeScheduler.start(['--kubeconfig=/scheduler.conf', '--secure-port=0', ...argv], deps)

  it('refuses what it could not do as asked: unknown flags, no kubeconfig, a configuration of another kind', async () => {
    expect(() => kubeScheduler.start(['--no-such-flag'], deps)).toThrow('unknown flag')
    expect(() => kubeScheduler.start([], deps)).toThrow('--kubeconfig or --config must be specified')
    writeFileSync(join(dir, 'wrong.yaml'), 'apiVersion: kubescheduler.config.k8s.io/v1beta3\nkind: KubeSchedulerConfiguration\n')
    await expect(scheduler('--config=/wrong.yaml').ready).rejects.toThrow('no kind "KubeSchedulerConfiguration" is registered')
  })

  it('leads by the lease kube-system/kube-scheduler, and schedules for the profiles of --config', async () => {
    writeFileSync(join(dir, 'config.yaml'), config)
    const running = scheduler('--config=/config.yaml')
    await running.ready
    await client.resource<Node>(resources.nodes).create(node('a'))
    await client.resource<Node>(resources.nodes).create(node('b'))
    await client.resource<Node>(resources.nodes).patch('', 'a', { type: 'merge', body: { spec: { taints: null } } })
    await client.resource<Node>(resources.nodes).patch('', 'b', { type: 'merge', body: { spec: { taints: null } } })
    await client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })
    const pods = client.resource<Pod>(resources.pods)
    for (const name of ['p', 'q', 'r']) await pods.create(packed(name))
    await vi.waitFor(
      async () => {
        const nodes = (await pods.list({ namespace: 'default' })).items.map(({ spec }) => spec?.nodeName)
        // The profile fills nodes up instead of spreading.
        expect(new Set(nodes).size).toBe(1)
        expect(nodes[0]).toMatch(/^[ab]$/)
      },
      { timeout: 10_000, interval: 20 },
    )
    const lease = await client.resource<Lease>(resources.leases).get('kube-system', 'kube-scheduler')
    expect(lease.spec?.holderIdentity).toMatch(/.+_.+/)
    await running.stop()
    const released = await client.resource<Lease>(resources.leases).get('kube-system', 'kube-scheduler')
    expect(released.spec?.holderIdentity ?? '').toBe('')
    for (const name of ['p', 'q', 'r']) await pods.delete('default', name, { gracePeriodSeconds: 0 })
    for (const name of ['a', 'b']) await client.resource<Node>(resources.nodes).delete('', name)
  })

  it.skipIf(missing !== '' || !existsSync(join(exam, 'schedule.py')))(
    'does what the real scheduler did in every recorded case',
    { timeout: 600_000 },
    async () => {
      const running = scheduler('--leader-elect=false')
      await running.ready
      const { code, output } = await python([
        ...[join(exam, 'schedule.py'), 'replay', `https://127.0.0.1:${port}`, 'admintoken', join(exam, 'scheduling'), '-v'],
      ])
      await running.stop()
      expect(output).toMatch(/\d+ passed, 0 failed/)
      expect(code).toBe(0)
    },
  )
})

function python(argv: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('python3', argv, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => void (output += chunk.toString()))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}

const node = (name: string): Node => ({
  metadata: { name },
  status: { allocatable: { cpu: '4', memory: '8Gi', pods: '10' }, capacity: { cpu: '4', memory: '8Gi', pods: '10' } },
})

const packed = (name: string): Pod => ({
  metadata: { name, namespace: 'default' },
  spec: {
    schedulerName: 'packing',
    containers: [{ name: 'main', image: 'registry.test/app:1', resources: { requests: { cpu: '1', memory: '1Gi' } } }],
  },
})

const config = `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection: { leaderElect: true }
profiles:
  - schedulerName: default-scheduler
  - schedulerName: packing
    plugins:
      score: { disabled: [{ name: NodeResourcesBalancedAllocation }] }
    pluginConfig:
      - name: NodeResourcesFit
        args: { scoringStrategy: { type: MostAllocated } }
`

const kubeconfig = (port: number) => `apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: 'https://127.0.0.1:${port}', insecure-skip-tls-verify: true } }]
users: [{ name: u, user: { token: admintoken } }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: x
`
