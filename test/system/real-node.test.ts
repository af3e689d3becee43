/** A node with real containers, as kubectl sees it: what runs, what is said of it, and what restarts leave alone. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type ControlPlane, packageDir, startControlPlane, startKubelet } from '../hosts/control-plane.js'
import type { Host } from '../hosts/host.js'
import { type Fabric, missingForHosts, openFabric } from '../hosts/hosts.js'
import { busyboxImage } from '../hosts/images.js'
import type { Service } from '../hosts/service.js'

vi.setConfig({ testTimeout: 60_000 })
const why = missingForHosts('kubectl')
const soon = { timeout: 30_000, interval: 250 }
const image = 'docker.io/library/busybox:1.36'

interface Options {
  readonly restartPolicy?: string
  readonly container?: object
  readonly spec?: object
}

function pod(name: string, script: string, { restartPolicy = 'Always', container = {}, spec = {} }: Options = {}): string {
  const main = { name: 'main', image, command: ['sh', '-c', script], ...container }
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name } },
    spec: { restartPolicy, automountServiceAccountToken: false, terminationGracePeriodSeconds: 2, containers: [main], ...spec },
  })
}

describe.skipIf(why !== undefined)(`a real node (skipped: ${why ?? 'no'})`, () => {
  let fabric: Fabric
  let host: Host
  let cluster: ControlPlane
  let kubelet: Service
  const kubectl = (...args: string[]) => cluster.kubectl(args)
  const create = (manifest: string) => cluster.kubectl(['create', '-f', '-'], manifest)
  const field = (name: string, path: string) => kubectl('get', 'pod', name, '-o', `jsonpath={${path}}`)
  const ready = (name: string) => kubectl('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=30s')
  const status = (name: string) => field(name, '.status.containerStatuses[0]')

  beforeAll(async () => {
    fabric = await openFabric({ binds: [packageDir] })
    host = await fabric.addHost('one', { bridgeCni: '10.244.0.0/24' })
    await host.importImages(busyboxImage(image))
    cluster = await startControlPlane(host, { nodes: ['one'] })
    kubelet = await startKubelet(cluster, host)
    await kubectl('wait', 'node/one', '--for=condition=Ready', '--timeout=30s')
    await vi.waitFor(() => kubectl('get', 'serviceaccount', 'default'), soon)
    const serve = 'mkdir /www; echo hello > /www/index.html; echo begun; httpd -f -p 8080 -h /www & while :; do sleep 0.2; done'
    const probe = { httpGet: { path: '/index.html', port: 8080 }, periodSeconds: 1 }
    const more = {
      readinessProbe: probe,
      livenessProbe: { exec: { command: ['test', '!', '-e', '/tmp/sick'] }, periodSeconds: 1, failureThreshold: 1 },
    }
    await create(pod('web', `trap "exit 0" TERM; ${serve}`, { container: more }))
    await ready('web')
  }, 120_000)
  afterAll(() => fabric?.close())

  it('runs commands with their input, output, terminal and exit code', async () => {
    expect(await kubectl('exec', 'web', '--', 'cat', '/www/index.html')).toBe('hello\n')
    const counted = await cluster.tryKubectl(['exec', '-i', 'web', '--', 'wc', '-c'], { stdin: 'x'.repeat(100_000) })
    expect(counted).toMatchObject({ code: 0, stdout: '100000\n' })
    expect((await cluster.tryKubectl(['exec', 'web', '--', 'sh', '-c', 'echo bad >&2; exit 7'])).code).toBe(7)
    const config = '--kubeconfig=/etc/kubernetes/admin.conf'
    const terminal = await host.exec(['script', '-qec', `kubectl ${config} exec -it web -- sh -c 'tty; exit 3'`, '/dev/null'])
    expect(terminal).toMatchObject({ code: 3 })
    expect(terminal.stdout).toContain('/dev/pts/')
  })

  it('copies files in and out, forwards ports, attaches', async () => {
    host.write('/tmp/in', 'from outside')
    await kubectl('cp', '/tmp/in', 'web:/tmp/in')
    await kubectl('cp', 'web:/tmp/in', '/tmp/out')
    expect(host.read('/tmp/out')).toBe('from outside')
    const forward = host.spawn(['kubectl', '--kubeconfig=/etc/kubernetes/admin.conf', 'port-forward', 'pod/web', '18080:8080'])
    await vi.waitFor(async () => expect(await host.must(['busybox', 'wget', '-qO-', 'http://127.0.0.1:18080/'])).toBe('hello\n'), soon)
    forward.kill()
    await create(pod('echo', 'while read line; do echo got $line; done', { container: { stdin: true } }))
    await ready('echo')
    const attached = host.spawn(['kubectl', '--kubeconfig=/etc/kubernetes/admin.conf', 'attach', '-i', 'echo', '-q'])
    let heard = ''
    attached.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()))
    attached.stdin.write('word\n')
    await vi.waitFor(() => expect(heard).toBe('got word\n'), soon)
    attached.stdin.end()
  })

  it('keeps logs: followed, of the previous attempt, with exit codes, termination messages and OOMKilled', async () => {
    await create(pod('fails', 'echo attempt; echo why > /dev/termination-log; sleep 1; exit 3'))
    const memory = { resources: { limits: { memory: '24Mi' } } }
    await create(pod('hungry', 'tail /dev/zero', { restartPolicy: 'Never', container: memory }))
    await vi.waitFor(async () => expect(await status('fails')).toContain('"restartCount":1'), soon)
    expect(await kubectl('logs', 'fails', '--previous')).toBe('attempt\n')
    const last = JSON.parse(await field('fails', '.status.containerStatuses[0].lastState.terminated'))
    expect(last).toMatchObject({ exitCode: 3, reason: 'Error', message: 'why\n' })
    await vi.waitFor(async () => expect(await status('hungry')).toContain('OOMKilled'), soon)
    expect(await field('hungry', '.status.containerStatuses[0].state.terminated.exitCode')).toBe('137')
    await create(pod('talks', 'for i in 1 2 3; do echo line $i; sleep 0.5; done', { restartPolicy: 'Never' }))
    await ready('talks').catch(() => undefined)
    expect(await kubectl('logs', '-f', 'talks')).toBe('line 1\nline 2\nline 3\n')
  })

  it('restarts what its liveness probe finds ill, and runs init, sidecar and ephemeral containers', async () => {
    const init = { name: 'first', image, command: ['sh', '-c', 'echo prepared'] }
    const sidecar = {
      name: 'beside',
      image,
      restartPolicy: 'Always',
      command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'],
    }
    await create(pod('staged', 'trap "exit 0" TERM; while :; do sleep 0.2; done', { spec: { initContainers: [init, sidecar] } }))
    await ready('staged')
    expect(await kubectl('logs', 'staged', '-c', 'first')).toBe('prepared\n')
    await kubectl('exec', 'web', '--', 'touch', '/tmp/sick')
    await vi.waitFor(async () => expect(await status('web')).toContain('"restartCount":1'), soon)
    await kubectl('debug', 'staged', `--image=${image}`, '--target=main', '-c', 'look', '--', 'sh', '-c', 'ps | grep -c sleep; sleep 60')
    await vi.waitFor(async () => expect(await kubectl('logs', 'staged', '-c', 'look')).toMatch(/^\d+\n$/), soon)
    await ready('web')
  })

  it('runs a component of this package in the network of its pod', async () => {
    const command = ['etcd', '--data-dir=/tmp/etcd', '--listen-client-urls=http://0.0.0.0:2379']
    const container = { image: 'quorate/etcd:latest', command, readinessProbe: { tcpSocket: { port: 2379 }, periodSeconds: 1 } }
    await create(pod('native', '', { container }))
    await ready('native').catch(async (error: Error) => {
      throw new Error(`${error.message} ${(await cluster.tryKubectl(['logs', 'native'])).stdout}`)
    })
    const ip = await field('native', '.status.podIP')
    expect(ip).toMatch(/^10\.244\.0\./)
    expect((await host.exec(['busybox', 'nc', '-w', '2', ip, '2379'], { stdin: '' })).code).toBe(0)
    expect((await host.exec(['busybox', 'nc', '-w', '2', host.ip, '2379'], { stdin: '' })).code).not.toBe(0)
    await kubectl('delete', 'pod', 'native', '--wait=false')
  })

  it('says what is wrong with an image', async () => {
    await create(pod('absent', '', { container: { image: 'registry.invalid/none:1' } }))
    await create(pod('never', '', { container: { image: 'registry.invalid/none:1', imagePullPolicy: 'Never' } }))
    await create(pod('misnamed', '', { container: { image: 'Not/Valid' } }))
    const reason = (name: string) => field(name, '.status.containerStatuses[0].state.waiting.reason')
    await vi.waitFor(async () => expect(await reason('absent')).toMatch(/ErrImagePull|ImagePullBackOff/), soon)
    await vi.waitFor(async () => expect(await reason('never')).toBe('ErrImageNeverPull'), soon)
    await vi.waitFor(async () => expect(await reason('misnamed')).toBe('InvalidImageName'), soon)
    const events = await kubectl('get', 'events', '--field-selector=involvedObject.name=absent', '-o', 'jsonpath={.items[*].message}')
    expect(events).toContain('Failed to pull image "registry.invalid/none:1": rpc error: code = ')
    await kubectl('delete', 'pod', 'absent', 'never', 'misnamed', 'fails', 'hungry', 'talks', 'echo', '--wait=false')
  })

  it('leaves containers alone when the kubelet and containerd are killed', async () => {
    const before = await status('web')
    await kubelet.kill()
    await host.containerd.kill()
    await host.containerd.start()
    await kubelet.start()
    await kubectl('delete', 'pod', 'staged')
    expect(JSON.parse(await status('web'))).toEqual(JSON.parse(before))
    expect(await kubectl('exec', 'web', '--', 'cat', '/www/index.html')).toBe('hello\n')
    expect(await field('web', '.status.conditions[?(@.type=="Ready")].status')).toBe('True')
  })

  it('is NotReady without a pod network, and pods wait', async () => {
    const path = '/etc/cni/net.d/10-bridge.conflist'
    const configuration = host.read(path)
    await host.must(['rm', path])
    const condition = () => kubectl('get', 'node', 'one', '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].message}')
    const message =
      'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized'
    await vi.waitFor(async () => expect(await condition()).toBe(message), soon)
    host.write(path, configuration)
    await kubectl('wait', 'node/one', '--for=condition=Ready', '--timeout=30s')
  })

  it('runs its pods again after a power cut', async () => {
    const before = Number(await field('web', '.status.containerStatuses[0].restartCount'))
    await host.powerCut()
    await host.boot()
    await vi.waitFor(async () => {
      expect(Number(await field('web', '.status.containerStatuses[0].restartCount'))).toBe(before + 1)
      expect(await field('web', '.status.conditions[?(@.type=="Ready")].status')).toBe('True')
    }, soon)
  })
})
