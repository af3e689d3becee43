import { generateKeyPairSync } from 'node:crypto'
import { access, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ConfigMap, Pod, Secret, Service, Volume, VolumeMount } from '../../api/types/core-v1.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { realClock } from '../../base/real-clock.js'
import { resources } from '../../client/resources.js'
import { type TestApiServer, testApiServer } from '../../client/testdata/api-server.js'
import type { NodeVolumes } from './node-volumes.js'
import { openPodResources } from './open.js'

const signingKeyPem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const serviceAccounts = { issuers: ['https://issuer.test'], keyPems: [], signingKeyPem }
const authentication = { clientCertificates: true, bootstrapTokens: false, anonymous: true }
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { interval: 5, timeout: 5_000 })

describe('the volumes of a node', () => {
  let api: TestApiServer
  let root = ''
  let volumes: NodeVolumes
  const open = () =>
    openPodResources({
      ...{ client: api.client, clock: realClock(), random: seededRandom(1), logger: silentLogger, mounter: 'none' as const },
      ...{ rootDir: join(root, 'kubelet'), clusterDomain: 'cluster.local', resolve: (path: string) => join(root, path) },
      node: { allocatable: () => ({ cpu: '2', memory: '1Gi' }), hostIps: () => ['192.0.2.1'] },
    })
  beforeEach(async () => {
    api = await testApiServer(realClock(), { authentication: { ...authentication, serviceAccounts } })
    root = await mkdtemp(join(tmpdir(), 'volumes-'))
    volumes = open()
  })
  afterEach(async () => {
    await volumes.stop()
    await api.stop()
    await rm(root, { recursive: true, force: true })
  })

  const maps = () => api.client.resource<ConfigMap>(resources.configMaps)
  const secrets = () => api.client.resource<Secret>(resources.secrets)
  const podWith = (volume: Omit<Volume, 'name'>, mount: Partial<VolumeMount> = {}, more: Partial<Pod['spec']> = {}): Pod => ({
    metadata: { name: 'web', namespace: 'default', uid: 'uid-1', labels: { tier: 'front' } },
    spec: {
      containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v', ...mount }] }],
      volumes: [{ name: 'v', ...volume }],
      ...more,
    },
  })
  const container = (pod: Pod) => pod.spec?.containers?.[0] as NonNullable<NonNullable<Pod['spec']>['containers']>[number]
  const placed = async (pod: Pod) => {
    await volumes.setUp(pod)
    const [mount] = await volumes.mounts(pod, container(pod))
    return mount?.hostPath ?? ''
  }

  it('shows the keys of a ConfigMap as files, and changes them with it', async () => {
    await maps().create({ metadata: { name: 'm', namespace: 'default' }, data: { a: '1' }, binaryData: { b: btoa('\x00\x01') } })
    const pod = podWith({ configMap: { name: 'm', defaultMode: 0o400 } })
    const path = await placed(pod)
    expect(path).toBe(join(root, 'kubelet/pods/uid-1/volumes/kubernetes.io~configmap/v'))
    expect(await readFile(join(path, 'a'), 'utf8')).toBe('1')
    expect([...(await readFile(join(path, 'b')))]).toEqual([0, 1])
    expect((await stat(join(path, 'a'))).mode & 0o777).toBe(0o400)
    await maps().patch('default', 'm', { type: 'merge', body: { data: { a: '2' }, binaryData: null } })
    await until(async () => expect(await readFile(join(path, 'a'), 'utf8')).toBe('2'))
    await expect(access(join(path, 'b'))).rejects.toThrow('ENOENT')
    expect((await volumes.mounts(pod, container(pod)))[0]).toMatchObject({ readOnly: true, containerPath: '/v', propagation: 'None' })
  })

  it('says what is missing as upstream does, and sets the pod up once it is there', async () => {
    const pod = podWith({ configMap: { name: 'later', items: [{ key: 'k', path: 'sub/file' }] } })
    await expect(volumes.setUp(pod)).rejects.toMatchObject({
      reason: 'FailedMount',
      message: 'MountVolume.SetUp failed for volume "v" : configmap "later" not found',
    })
    expect(volumes.mounted('uid-1')).toBe(false)
    await maps().create({ metadata: { name: 'later', namespace: 'default' }, data: { other: 'x' } })
    await until(() => expect(volumes.setUp(pod)).rejects.toThrow('configmap references non-existent config key: k'))
    await maps().patch('default', 'later', { type: 'merge', body: { data: { k: 'here' } } })
    await until(() => volumes.setUp(pod))
    expect(volumes.mounted('uid-1')).toBe(true)
    const [mount] = await volumes.mounts(pod, container(pod))
    expect(await readFile(join(mount?.hostPath ?? '', 'sub/file'), 'utf8')).toBe('here')
  })

  it('takes an optional Secret that is not there for an empty one, and fills it when it comes', async () => {
    const path = await placed(podWith({ secret: { secretName: 's', optional: true } }))
    expect((await readdir(path)).filter((name) => !name.startsWith('..'))).toEqual([])
    await secrets().create({ metadata: { name: 's', namespace: 'default' }, data: { token: btoa('t') } })
    await until(async () => expect(await readFile(join(path, 'token'), 'utf8')).toBe('t'))
  })

  it('projects a service account token, ConfigMaps and fields of the pod into one volume', async () => {
    const account = { metadata: { name: 'sa', namespace: 'default' } }
    await api.client.resource(resources.serviceAccounts).create(account)
    await maps().create({ metadata: { name: 'ca', namespace: 'default' }, data: { 'ca.crt': 'PEM' } })
    const spec = podWith({
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token', expirationSeconds: 3600, audience: 'me' } },
          { configMap: { name: 'ca', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
        ],
      },
    }).spec
    const created = await api.client.resource<Pod>(resources.pods).create({
      metadata: { name: 'web', namespace: 'default', labels: { tier: 'front' } },
      spec: { ...spec, serviceAccountName: 'sa', automountServiceAccountToken: false } as Pod['spec'],
    })
    const path = await placed(created)
    const [, claims = ''] = (await readFile(join(path, 'token'), 'utf8')).split('.')
    expect(JSON.parse(atob(claims))).toMatchObject({ aud: ['me'], 'kubernetes.io': { pod: { name: 'web' } } })
    expect(await readFile(join(path, 'ca.crt'), 'utf8')).toBe('PEM')
    expect(await readFile(join(path, 'labels'), 'utf8')).toBe('tier="front"')
    volumes.observed({ ...created, metadata: { ...created.metadata, labels: { tier: 'back' } } })
    await until(async () => expect(await readFile(join(path, 'labels'), 'utf8')).toBe('tier="back"'))
  })

  it.each([
    ['Directory', 'MountVolume.SetUp failed for volume "v" : hostPath type check failed: /data is not a directory'],
    ['File', 'hostPath type check failed: /data is not a file'],
    ['Socket', 'hostPath type check failed: /data is not a socket file'],
    ['CharDevice', 'hostPath type check failed: /data is not a character device'],
    ['BlockDevice', 'hostPath type check failed: /data is not a block device'],
  ] as const)('checks a hostPath of type %s', async (type, message) => {
    await expect(volumes.setUp(podWith({ hostPath: { path: '/data', type } }))).rejects.toThrow(message)
  })

  it('makes a hostPath of type DirectoryOrCreate and FileOrCreate, but not out of the other', async () => {
    const directory = await placed(podWith({ hostPath: { path: '/deep/data', type: 'DirectoryOrCreate' } }))
    expect((await stat(directory)).isDirectory()).toBe(true)
    await expect(volumes.setUp(podWith({ hostPath: { path: '/deep/data', type: 'FileOrCreate' } }))).rejects.toThrow(
      '/deep/data is not a file',
    )
    expect((await stat(await placed(podWith({ hostPath: { path: '/deep/file', type: 'FileOrCreate' } })))).isFile()).toBe(true)
  })

  it('gives an emptyDir that lives as long as its pod, and takes nothing along that is not the pod’s', async () => {
    const pod = podWith({ emptyDir: {} })
    const path = await placed(pod)
    expect((await stat(path)).mode & 0o777).toBe(0o777)
    await writeFile(join(path, 'kept'), 'x')
    await volumes.stop()
    // A restarted kubelet finds it as it is.
    volumes = open()
    expect(await readdir(await placed(pod))).toEqual(['kept'])
    await volumes.tearDown('uid-1')
    await expect(access(path)).rejects.toThrow('ENOENT')
    expect(volumes.mounted('uid-1')).toBe(false)
  })

  it('clears what pods left behind that are gone', async () => {
    await mkdir(join(root, 'kubelet/pods/old/volumes/kubernetes.io~empty-dir/x'), { recursive: true })
    await mkdir(join(root, 'kubelet/pods/new/volumes'), { recursive: true })
    await volumes.sweep(new Set(['new']))
    expect(await readdir(join(root, 'kubelet/pods'))).toEqual(['new'])
  })

  it('names the claim that a pod waits for', async () => {
    const pod = podWith({ persistentVolumeClaim: { claimName: 'data' } })
    await expect(volumes.setUp(pod)).rejects.toThrow(
      'Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: error processing PVC default/data: failed to fetch PVC from API server: persistentvolumeclaims "data" not found',
    )
    await api.client.resource(resources.persistentVolumeClaims).create({
      metadata: { name: 'data', namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    } as never)
    await expect(volumes.setUp(pod)).rejects.toThrow('error processing PVC default/data: PVC is not bound')
  })

  it('refuses a volume of a type that is not built in', async () => {
    await expect(volumes.setUp(podWith({ iscsi: { targetPortal: 'x', iqn: 'y', lun: 0 } }))).rejects.toThrow('no volume plugin matched')
  })

  it('gives a container its environment, with the Services of its namespace', async () => {
    await maps().create({ metadata: { name: 'env', namespace: 'default' }, data: { COLOR: 'red' } })
    await api.client
      .resource<Service>(resources.services)
      .create({ metadata: { name: 'db', namespace: 'default' }, spec: { ports: [{ port: 5432 }] } })
    const pod = podWith({ emptyDir: {} })
    const of = {
      ...container(pod),
      envFrom: [{ configMapRef: { name: 'env' } }],
      env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
    }
    await until(async () => {
      const found = await volumes.environment(pod, of, ['10.0.0.3'], [])
      expect(Object.fromEntries(found.map(({ name, value }) => [name, value]))).toMatchObject({
        COLOR: 'red',
        IP: '10.0.0.3',
        DB_SERVICE_PORT: '5432',
      })
    })
    const broken = { ...of, env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'no', key: 'k' } } }] }
    await expect(volumes.environment(pod, broken, [], [])).rejects.toMatchObject({
      reason: 'CreateContainerConfigError',
      message: 'secret "no" not found',
    })
  })

  it('writes the pod’s /etc/hosts, unless the pod brings its own', async () => {
    const pod = podWith(
      { emptyDir: {} },
      {},
      { hostname: 'web-0', subdomain: 'web', hostAliases: [{ ip: '10.1.1.1', hostnames: ['a', 'b'] }] },
    )
    const mounts = await volumes.mounts(pod, container(pod), ['10.0.0.3'])
    const hosts = mounts.find(({ containerPath }) => containerPath === '/etc/hosts')
    const text = await readFile(hosts?.hostPath ?? '', 'utf8')
    expect(text).toContain('10.0.0.3\tweb-0.web.default.svc.cluster.local\tweb-0\n')
    expect(text).toContain('\n# Entries added by HostAliases.\n10.1.1.1\ta\tb\n')
    const own = podWith({ emptyDir: {} }, { mountPath: '/etc/hosts' })
    expect(await volumes.mounts(own, container(own), ['10.0.0.3'])).toHaveLength(1)
  })
})
