/** Volumes and environments of real containers, a claim of the default class, and a node that runs out of memory: as kubectl sees them. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { hostPathManifests } from '../../src/controllers/host-path-provisioner/manifests.js'
import { type ControlPlane, packageDir, quorate, startControlPlane, startKubelet } from '../hosts/control-plane.js'
import type { Host } from '../hosts/host.js'
import { type Fabric, missingForHosts, openFabric } from '../hosts/hosts.js'
import { busyboxImage } from '../hosts/images.js'
import type { Service } from '../hosts/service.js'

vi.setConfig({ testTimeout: 60_000 })
const why = missingForHosts('kubectl')
const soon = { timeout: 30_000, interval: 250 }
const image = 'docker.io/library/busybox:1.36'
const mebibyte = 2 ** 20

function pod(name: string, script: string, container: object = {}, spec: object = {}): string {
  const main = { name: 'main', image, command: ['sh', '-c', `${script}; trap "exit 0" TERM; while :; do sleep 0.2; done`], ...container }
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { tier: 'front' } } },
    spec: { automountServiceAccountToken: false, terminationGracePeriodSeconds: 2, containers: [main], ...spec },
  })
}

describe.skipIf(why !== undefined)(`volumes of a real node (skipped: ${why ?? 'no'})`, () => {
  let fabric: Fabric
  let host: Host
  let cluster: ControlPlane
  let kubelet: Service
  const kubectl = (...args: string[]) => cluster.kubectl(args)
  const create = (manifest: object | string) =>
    cluster.kubectl(['create', '-f', '-'], typeof manifest === 'string' ? manifest : JSON.stringify(manifest))
  const ready = (name: string) => kubectl('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=30s')
  const run = (name: string, script: string) => kubectl('exec', name, '--', 'sh', '-c', script)
  const events = (name: string) =>
    kubectl('get', 'events', '--field-selector', `involvedObject.name=${name}`, '-o', 'jsonpath={.items[*].message}')

  beforeAll(async () => {
    fabric = await openFabric({ binds: [packageDir] })
    host = await fabric.addHost('one', { bridgeCni: '10.244.0.0/24' })
    await host.importImages(busyboxImage(image))
    cluster = await startControlPlane(host, { nodes: ['one'] })
    kubelet = await startKubelet(cluster, host)
    await kubectl('wait', 'node/one', '--for=condition=Ready', '--timeout=30s')
    await vi.waitFor(() => kubectl('get', 'serviceaccount', 'default'), soon)
  }, 120_000)
  afterAll(() => fabric?.close())

  it('mounts files that follow their objects, keeps secrets in memory, and gives the environment', async () => {
    await create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { color: 'red', 'app.conf': 'first' } })
    await create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'password' }, stringData: { word: 'geheim' } })
    const volumes = [
      { name: 'settings', configMap: { name: 'settings' } },
      { name: 'password', secret: { secretName: 'password', defaultMode: 0o400 } },
      { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
      { name: 'shared', emptyDir: {} },
      { name: 'self', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    ]
    const volumeMounts = [
      ...[
        { name: 'settings', mountPath: '/settings' },
        { name: 'password', mountPath: '/password' },
        { name: 'memory', mountPath: '/memory' },
      ],
      { name: 'self', mountPath: '/self' },
      { name: 'shared', mountPath: '/logs', subPathExpr: 'logs/$(POD)' },
      { name: 'settings', mountPath: '/etc/app.conf', subPath: 'app.conf' },
    ]
    const env = [
      { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } },
      { name: 'TEXT', value: '$(COLOR)-$(POD)' },
      { name: 'LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
    ]
    const container = { env, volumeMounts, resources: { limits: { memory: '64Mi' } } }
    await create(pod('web', 'echo here > /logs/out', container, { volumes, securityContext: { runAsUser: 1000, fsGroup: 2000 } }))
    await ready('web')
    expect(await run('web', 'cat /settings/color /etc/app.conf /password/word /logs/out')).toBe('redfirstgeheimhere\n')
    expect(await run('web', 'echo $TEXT $LIMIT $KUBERNETES_SERVICE_HOST; grep -c "$IP.*web" /etc/hosts')).toBe('red-web 64 10.96.0.1\n1\n')
    expect(await run('web', 'cat /self/labels; echo; stat -L -c "%a %g" /password/word')).toBe('tier="front"\n440 2000\n')
    expect(await run('web', 'mount | grep -E " /(memory|password) " | cut -d" " -f3,5 | sort')).toBe('/memory tmpfs\n/password tmpfs\n')
    expect(await run('web', 'touch /settings/x 2>&1 || true')).toContain('Read-only file system')
    await kubectl('patch', 'configmap', 'settings', '-p', '{"data":{"color":"blue"}}')
    await kubectl('label', 'pod', 'web', 'tier=back', '--overwrite')
    await vi.waitFor(async () => expect(await run('web', 'cat /settings/color /self/labels')).toBe('bluetier="back"'), soon)
  })

  it('takes its mounts over after a restart, and leaves none when the pod goes', async () => {
    await kubelet.kill()
    await kubelet.start()
    await kubectl('patch', 'configmap', 'settings', '-p', '{"data":{"color":"green"}}')
    await vi.waitFor(async () => expect(await run('web', 'cat /settings/color')).toBe('green'), soon)
    await kubectl('delete', 'pod', 'web')
    await vi.waitFor(
      async () => expect(await host.must(['sh', '-c', 'grep -c /var/lib/kubelet/pods/ /proc/mounts || true'])).toBe('0\n'),
      soon,
    )
    await vi.waitFor(async () => expect(await host.must(['ls', '/var/lib/kubelet/pods'])).toBe(''), soon)
  })

  it('says why a volume cannot be mounted or an environment not be made', async () => {
    const mounts = { volumeMounts: [{ name: 'v', mountPath: '/v' }] }
    await create(pod('unmounted', 'true', mounts, { volumes: [{ name: 'v', configMap: { name: 'absent' } }] }))
    await create(pod('untyped', 'true', mounts, { volumes: [{ name: 'v', hostPath: { path: '/etc/hosts', type: 'Directory' } }] }))
    await create(pod('unset', 'true', { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'absent', key: 'k' } } }] }))
    await vi.waitFor(
      async () => expect(await events('unmounted')).toContain('MountVolume.SetUp failed for volume "v" : configmap "absent" not found'),
      soon,
    )
    await vi.waitFor(
      async () => expect(await events('untyped')).toContain('hostPath type check failed: /etc/hosts is not a directory'),
      soon,
    )
    const waiting = () => kubectl('get', 'pod', 'unset', '-o', 'jsonpath={.status.containerStatuses[0].state.waiting.reason}')
    await vi.waitFor(async () => expect(await waiting()).toBe('CreateContainerConfigError'), soon)
    expect(await events('unset')).toContain('Error: secret "absent" not found')
    await kubectl('delete', 'pod', 'unmounted', 'untyped', 'unset', '--wait=false')
  })

  it('binds a claim of the default class to a directory, keeps it over a replaced pod, and removes it with the claim', async () => {
    const path = '/var/lib/volumes'
    const storageClass = hostPathManifests({ image: '', helperImage: image, path }).at(-1)
    await create(storageClass ?? {})
    const flags = ['--kubeconfig=/etc/kubernetes/admin.conf', `--helper-image=${image}`, `--path=${path}`]
    await host.service({ name: 'host-path-provisioner', argv: quorate('host-path-provisioner', ...flags) }).start()
    await create({
      ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' } },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    })
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }]
    const container = { volumeMounts: [{ name: 'v', mountPath: '/data' }] }
    await create(pod('writer', 'echo kept > /data/file', container, { volumes }))
    await ready('writer')
    await kubectl('delete', 'pod', 'writer')
    await create(pod('reader', 'true', container, { volumes }))
    await ready('reader')
    expect(await run('reader', 'cat /data/file')).toBe('kept\n')
    await kubectl('delete', 'pod', 'reader')
    await kubectl('delete', 'pvc', 'data')
    await vi.waitFor(async () => expect(await kubectl('get', 'pv', '-o', 'name')).toBe(''), soon)
    expect(await host.must(['ls', path])).toBe('')
  })

  it('under memory pressure evicts who exceeds its requests, says so, and recovers', async () => {
    const summary = async () =>
      JSON.parse(await kubectl('get', '--raw', '/api/v1/nodes/one/proxy/stats/summary')).node.memory.availableBytes as number
    const available = await vi.waitFor(summary, soon)
    await kubelet.stop()
    const threshold = Math.floor(available / mebibyte) - 400
    kubelet = await startKubelet(cluster, host, [
      `--eviction-hard=memory.available<${threshold}Mi`,
      '--eviction-pressure-transition-period=3s',
    ])
    const memory = { volumes: [{ name: 'm', emptyDir: { medium: 'Memory' } }] }
    await create(pod('modest', 'true', { resources: { requests: { memory: '100Mi' } } }))
    await create(pod('greedy', 'dd if=/dev/zero of=/m/x bs=1M count=800', { volumeMounts: [{ name: 'm', mountPath: '/m' }] }, memory))
    const condition = () => kubectl('get', 'node', 'one', '-o', 'jsonpath={.status.conditions[?(@.type=="MemoryPressure")].status}')
    await vi.waitFor(async () => expect(await condition()).toBe('True'), soon)
    const status = async () => JSON.parse(await kubectl('get', 'pod', 'greedy', '-o', 'jsonpath={.status}'))
    await vi.waitFor(async () => expect(await status()).toMatchObject({ phase: 'Failed', reason: 'Evicted' }), soon)
    expect((await status()).message).toMatch(/^The node was low on resource: memory\. Threshold quantity: .* Container main was using /)
    await vi.waitFor(async () => expect(await condition()).toBe('False'), soon)
    expect(await kubectl('get', 'pod', 'modest', '-o', 'jsonpath={.status.phase}')).toBe('Running')
  })
})
