import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RunningComponent } from '../base/component.js'
import { silentLogger } from '../base/logger.js'
import { seededRandom } from '../base/random.js'
import { VirtualClock } from '../base/virtual-clock.js'
import type { Node, Pod } from '../api/types/core-v1.js'
import { resources } from '../client/resources.js'
import { restClient } from '../client/rest-client.js'
import { FaultyTransport } from '../client/testdata/faulty-transport.js'
import { type TestApiServer, testApiServer } from '../client/testdata/api-server.js'
import { staticPodOf } from './files/static-pod.js'
import { type Kubelet, startKubelet } from './kubelet.js'
import { NativeRuntime } from './runtimes/native/native-runtime.js'
import { componentProgram } from './runtimes/native/program.js'

/** A component that says what it was started with and runs until it is stopped. */
class Daemon implements RunningComponent {
  readonly ready = Promise.resolve()
  readonly done: Promise<void>
  fail: (error: Error) => void = () => undefined
  #finish: () => void = () => undefined

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.#finish = resolve
      this.fail = reject
    })
    this.done.catch(() => undefined)
  }

  async stop(): Promise<void> {
    this.#finish()
  }
}

let clock: VirtualClock
let api: TestApiServer
let wire: FaultyTransport
let kubelet: Kubelet
let runtime: NativeRuntime
let dir: string
let daemons: Daemon[]

beforeEach(async () => {
  clock = new VirtualClock()
  api = await testApiServer(clock)
  wire = new FaultyTransport(api.transport)
  dir = mkdtempSync(join(tmpdir(), 'kubelet-'))
  daemons = []
  runtime = new NativeRuntime({
    ...{ clock, random: seededRandom(1), logger: silentLogger, version: '0.0.0', logsDir: dir },
    program: (name) =>
      name === 'daemon'
        ? Promise.resolve(
            componentProgram('daemon', (argv, write) => {
              const unknown = argv.find((argument) => !argument.startsWith('--name='))
              if (unknown) throw new Error(`unknown flag: ${unknown}`)
              write('stderr', `started with ${argv.join(' ')}\n`)
              const daemon = new Daemon()
              daemons.push(daemon)
              return daemon
            }),
          )
        : undefined,
  })
  kubelet = startKubelet({
    ...{ clock, random: seededRandom(3), logger: silentLogger, runtime, client: restClient(wire) },
    node: {
      name: 'cp-1',
      ips: ['172.18.0.2'],
      capacity: { cpu: '4', memory: '8Gi', pods: '110' },
      info: {
        ...{ architecture: 'amd64', bootID: '', containerRuntimeVersion: 'native://0', kernelVersion: '', kubeProxyVersion: '' },
        ...{ kubeletVersion: 'v1.36.0', machineID: '', operatingSystem: 'linux', osImage: '', systemUUID: '' },
      },
    },
  })
})

afterEach(async () => {
  await kubelet.stop()
  await runtime.stopAll({ crash: true })
  await api.stop()
  rmSync(dir, { recursive: true, force: true })
})

const manifest = (flag: string, name = 'daemon') => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: kube-system, labels: {tier: control-plane}}
spec:
  hostNetwork: true
  priorityClassName: system-node-critical
  containers: [{name: main, image: 'quorate/daemon:v1', command: [daemon, ${flag}]}]
`
const staticPod = (flag: string) => staticPodOf(manifest(flag), { nodeName: 'cp-1', file: '/m/daemon.yaml', seenAtMs: clock.now() })

async function turns(advanceMs = 0) {
  await clock.advance(advanceMs)
  for (let i = 0; i < 40; i++) await clock.advance(0)
}

const mirror = () => api.client.resource<Pod>(resources.pods).get('kube-system', 'daemon-cp-1')
const mainStatus = async () => (await mirror()).status?.containerStatuses?.[0]
async function logOf(previous = false): Promise<string> {
  const [pod] = [...runtime.pods()]
  let text = ''
  for await (const chunk of runtime.logs(pod?.uid ?? '', 'main', { previous })) text += Buffer.from(chunk).toString()
  return text
}

test('static pods run while the API is away; then the node registers and their mirrors show how they are', async () => {
  wire.down = true
  kubelet.setStaticPods([staticPod('--name=a')])
  await turns(3_000)
  expect(daemons).toHaveLength(1)
  wire.down = false
  await turns(30_000)
  const node = await api.client.resource<Node>(resources.nodes).get('', 'cp-1')
  const pod = await mirror()
  const { annotations = {} } = pod.metadata
  expect(annotations['kubernetes.io/config.source']).toBe('file')
  expect(annotations['kubernetes.io/config.mirror']).toBe(annotations['kubernetes.io/config.hash'])
  expect(pod.metadata.ownerReferences).toEqual([{ apiVersion: 'v1', kind: 'Node', name: 'cp-1', uid: node.metadata.uid, controller: true }])
  expect(pod.status).toMatchObject({ phase: 'Running', hostIP: '172.18.0.2', podIP: '172.18.0.2' })
  expect(pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True')
  expect(await logOf()).toBe('started with --name=a\n')
})

test('a wrong flag ends the container with exit code 1 and its words; a mended manifest starts at once', async () => {
  kubelet.setStaticPods([staticPod('--nonsense')])
  await turns(5_000)
  const broken = await mainStatus()
  expect(broken?.state?.waiting?.reason).toBe('CrashLoopBackOff')
  expect(broken?.lastState?.terminated).toMatchObject({ exitCode: 1, reason: 'Error', message: 'unknown flag: --nonsense' })
  expect(await logOf()).toBe('Error: unknown flag: --nonsense\n')
  kubelet.setStaticPods([staticPod('--name=b')])
  await turns(500)
  expect(daemons).toHaveLength(1)
  expect(await mainStatus()).toMatchObject({ ready: true, restartCount: 0 })
  expect(readdirSync(dir)).toHaveLength(1)
})

test('a component that fails ends alone, is restarted at once, then with back-off; its last words are the previous log', async () => {
  kubelet.setStaticPods([staticPod('--name=a')])
  await turns(1_000)
  daemons[0]?.fail(new Error('lost the store'))
  await turns(500)
  expect(daemons).toHaveLength(2)
  expect(await mainStatus()).toMatchObject({
    ready: true,
    restartCount: 1,
    lastState: { terminated: { exitCode: 1, message: 'lost the store' } },
  })
  expect(await logOf(true)).toBe('started with --name=a\nError: lost the store\n')
  daemons[1]?.fail(new Error('again'))
  await turns(5_000)
  expect(daemons).toHaveLength(2)
  await turns(6_000)
  expect(daemons).toHaveLength(3)
})

test('an error that nothing caught ends what runs as a panic does, and it is started again', async () => {
  kubelet.setStaticPods([staticPod('--name=a')])
  await turns(1_000)
  runtime.panic(new Error('x is not a function'))
  await turns(500)
  expect(await mainStatus()).toMatchObject({
    ready: true,
    restartCount: 1,
    lastState: { terminated: { exitCode: 2, message: 'panic: x is not a function' } },
  })
  expect(await logOf(true)).toContain('panic: Error: x is not a function')
})

test('killing a component is a crash: exit code 137, restarted', async () => {
  kubelet.setStaticPods([staticPod('--name=a')])
  await turns(1_000)
  expect(runtime.crash('kube-system', 'daemon-cp-1', 'main')).toBe(true)
  await turns(500)
  expect(await mainStatus()).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 137, reason: 'Error' } } })
})

test('a mirror that is deleted comes back and its pod is not touched; a mirror without a manifest goes', async () => {
  kubelet.setStaticPods([staticPod('--name=a')])
  await turns(1_000)
  const before = await mirror()
  await api.client.resource<Pod>(resources.pods).delete('kube-system', 'daemon-cp-1')
  await turns(1_000)
  const after = await mirror()
  expect(after.metadata.uid).not.toBe(before.metadata.uid)
  expect(after.status?.phase).toBe('Running')
  expect(daemons).toHaveLength(1)
  kubelet.setStaticPods([])
  await turns(1_000)
  await expect(mirror()).rejects.toMatchObject({ reason: 'NotFound' })
  expect([...runtime.pods()]).toEqual([])
})
