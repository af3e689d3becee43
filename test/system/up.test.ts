/** `quorate up` as its users see it: what comes up, what its parts say, and that neither a broken manifest nor SIGKILL costs anything. */
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type TestCluster, upCluster } from '../cluster.js'
import { isOnPath } from '../programs.js'

interface Status {
  readonly state: string
  readonly nodes: readonly { name: string; ready?: boolean; machine: string }[]
  readonly components: readonly { name: string; node: string; state: string; ready: boolean; message?: string }[]
  readonly processes: readonly { name: string; pid?: number }[]
}

const soon = { timeout: 20_000, interval: 100 }

describe.skipIf(!isOnPath('kubectl'))('quorate up (skipped without kubectl)', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await upCluster('up')
  })
  afterAll(async () => cluster?.remove())

  const status = async () => JSON.parse(await cluster.quorate('status', 'up', '-o', 'json')) as Status
  const clusterDir = () => join(cluster.home, 'clusters/up')
  const manifest = (node: string, component: string) => join(clusterDir(), 'nodes', node, 'etc/kubernetes/manifests', `${component}.yaml`)

  it('has three control planes and two workers, all Ready, no workload on a control plane', async () => {
    const nodes = (await cluster.kubectl('get', 'nodes', '--no-headers')).trim().split('\n')
    const fields = nodes.map((line) => line.split(/\s+/).slice(0, 3).join(' '))
    expect(fields).toEqual([
      ...['cp-1', 'cp-2', 'cp-3'].map((name) => `${name} Ready control-plane`),
      ...['worker-1', 'worker-2'].map((name) => `${name} Ready <none>`),
    ])
    const taints = await cluster.kubectl(
      'get',
      'node',
      'cp-1',
      '-o',
      'jsonpath={.spec.taints[?(@.key=="node-role.kubernetes.io/control-plane")].effect}',
    )
    expect(taints).toBe('NoSchedule')
  })

  it('shows the static pods of each control plane, and their logs', async () => {
    const expected = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].flatMap((name) =>
      ['cp-1', 'cp-2', 'cp-3'].map((node) => `${name}-${node}`),
    )
    await vi.waitFor(async () => {
      const pods = await cluster.kubectl(
        'get',
        'pods',
        '-n',
        'kube-system',
        '--no-headers',
        '-o',
        'custom-columns=N:.metadata.name,R:.status.containerStatuses[0].ready',
      )
      expect(
        pods
          .trim()
          .split('\n')
          .map((line) => line.split(/\s+/).join(' ')),
      ).toEqual(expected.map((name) => `${name} true`))
    }, soon)
    expect(await cluster.kubectl('logs', 'kube-apiserver-cp-2', '-n', 'kube-system')).toContain('Serving securely')
    expect(await cluster.quorate('logs', 'kube-apiserver/cp-2', '-c', 'up')).toContain('Serving securely')
  })

  it('merges its context and keeps its files from other users', async () => {
    expect((await cluster.kubectl('config', 'current-context')).trim()).toBe('quorate-up')
    const open = (dir: string): string[] =>
      readdirSync(dir, { withFileTypes: true, recursive: true })
        .filter((entry) => entry.name.endsWith('.key') && (modeOf(join(entry.parentPath, entry.name)) & 0o77) !== 0)
        .map(({ name }) => name)
    expect(open(clusterDir())).toEqual([])
    expect(modeOf(clusterDir()) & 0o777).toBe(0o700)
  })

  it('says why a component with a broken manifest is down, and takes it back when it is mended', async () => {
    const file = manifest('cp-2', 'kube-scheduler')
    const good = readFileSync(file, 'utf8')
    replace(file, good.replace('- --leader-elect=true', '- --leader-elect=true\n    - --no-such-flag=1'))
    const scheduler = async () => (await status()).components.find(({ name, node }) => name === 'kube-scheduler' && node === 'cp-2')
    await vi.waitFor(
      async () =>
        expect(await scheduler()).toMatchObject({ ready: false, message: expect.stringContaining('unknown flag: --no-such-flag') }),
      soon,
    )
    expect(await cluster.quorate('logs', 'kube-scheduler/cp-2', '-c', 'up')).toContain('unknown flag: --no-such-flag')
    // The command asks the node itself; the mirror pod in the API follows it.
    const states = 'jsonpath={.status.containerStatuses[0].state}{.status.containerStatuses[0].lastState}'
    await vi.waitFor(async () => {
      const pod = await cluster.kubectl('get', 'pod', 'kube-scheduler-cp-2', '-n', 'kube-system', '-o', states)
      expect(pod).toMatch(/Error|CrashLoopBackOff/)
    }, soon)
    replace(file, good)
    await vi.waitFor(async () => expect(await scheduler()).toMatchObject({ state: 'Running', ready: true }), soon)
  }, 60_000)

  it('takes the loss of a simulated worker as the loss of a machine', async () => {
    await cluster.quorate('kill', 'worker-2', '-c', 'up')
    expect((await status()).nodes.find(({ name }) => name === 'worker-2')?.machine).toBe('off')
    await cluster.quorate('start', 'worker-2', '-c', 'up')
    expect((await status()).nodes.find(({ name }) => name === 'worker-2')?.machine).toBe('on')
  })

  it('grows and shrinks', async () => {
    expect(await cluster.quorate('node', 'add', '--count', '2', '-c', 'up')).toContain('worker-3, worker-4')
    expect(await cluster.kubectl('get', 'node', 'worker-4', '--no-headers')).toMatch(/ Ready /)
    await cluster.quorate('node', 'remove', 'worker-4', '-c', 'up')
    expect((await cluster.tryKubectl(['get', 'node', 'worker-4'])).stderr).toContain('NotFound')
  })

  it('loses nothing that was acknowledged when every process is killed, ten times', async () => {
    const acknowledged: string[] = []
    for (let round = 0; round < 10; round++) {
      const writing = new AbortController()
      const writers = [0, 1].map((writer) => writeUntil(writing.signal, `r${round}w${writer}`, acknowledged))
      await vi.waitFor(() => expect(acknowledged.filter((name) => name.startsWith(`r${round}`)).length).toBeGreaterThan(2), soon)
      for (const { pid } of (await status()).processes) if (pid !== undefined) process.kill(pid, 'SIGKILL')
      writing.abort()
      await Promise.all(writers)
      await cluster.quorate('up', 'up', '--wait=0')
    }
    const stored = JSON.parse(await cluster.kubectl('get', 'configmaps', '-o', 'json')) as {
      items: { metadata: { name: string }; data?: Record<string, string> }[]
    }
    const values = new Map(stored.items.map(({ metadata, data }) => [metadata.name, data?.a]))
    expect(acknowledged.filter((name) => values.get(name) !== name)).toEqual([])
    for (const [name, value] of values) if (name.startsWith('r')) expect(value, `${name} is whole`).toBe(name)
    expect(acknowledged.length).toBeGreaterThan(30)
  }, 120_000)

  /** Creates one ConfigMap after the other; a name is acknowledged once kubectl says so. */
  async function writeUntil(signal: AbortSignal, prefix: string, acknowledged: string[]): Promise<void> {
    for (let at = 0; !signal.aborted; at++) {
      const name = `${prefix}n${at}`
      const made = await cluster.tryKubectl(['create', 'configmap', name, `--from-literal=a=${name}`, '--request-timeout=5s'])
      if (made.code === 0) acknowledged.push(name)
    }
  }

  it('comes back whole after down, and leaves nothing after delete', async () => {
    await cluster.quorate('down', 'up')
    expect((await status()).state).toBe('Down')
    expect((await status()).processes.every(({ pid }) => pid === undefined)).toBe(true)
    await cluster.quorate('up', 'up')
    const { processes, state } = await status()
    expect(state).toBe('Running')
    await cluster.quorate('delete', 'up')
    for (const { name, pid } of processes) expect(isAlive(pid), `${name} has ended`).toBe(false)
    expect(readFileSync(cluster.kubeconfig, 'utf8')).not.toContain('quorate-up')
    expect(JSON.parse(await cluster.quorate('list', '-o', 'json'))).toEqual([])
    // For the clean-up.
    await cluster.quorate('up', 'up', '--control-planes=1', '--workers=0', '--wait=0')
  }, 60_000)
})

/** As an editor saves. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.new~`, text, { mode: 0o600 })
  renameSync(`${file}.new~`, file)
}

function modeOf(path: string): number {
  return statSync(path).mode
}

/** A process that has ended but that nobody has waited for yet is not alive. */
function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  return process.platform !== 'linux' || !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}
