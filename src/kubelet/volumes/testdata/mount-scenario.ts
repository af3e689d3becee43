/** Run in a mount namespace of its own: volumes with real mounts; prints what it found. */
import { chmod, mkdir, readFile, rename, rm, stat, statfs, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Container, Pod } from '../../../api/types/core-v1.js'
import { silentLogger } from '../../../base/logger.js'
import { seededRandom } from '../../../base/random.js'
import { realClock } from '../../../base/real-clock.js'
import type { Client } from '../../../client/client.js'
import { systemMounter } from '../mounter.js'
import { NodeVolumes } from '../node-volumes.js'
import { ObjectWatch } from '../objects/object-watch.js'
import { TokenManager } from '../tokens/token-manager.js'
import { builtInTypes } from '../types.js'

const root = process.argv[2] as string
const mounter = systemMounter()
const clock = realClock()
const random = seededRandom(1)
// Nothing in this scenario asks the API.
const client = { resource: () => ({}) } as unknown as Client
const node = { allocatable: () => ({ memory: '1Gi' }), hostIps: () => [] }

function open(): NodeVolumes {
  const objects = new ObjectWatch({ client, clock, random, logger: silentLogger, onChange: () => undefined })
  const tokens = new TokenManager({ client, clock, random })
  const types = builtInTypes({ client, clock, mounter, objects, tokens, node, resolve: (path) => path })
  const services = { synced: true, get: () => undefined, list: () => [] }
  return new NodeVolumes({
    ...{ client, clock, logger: silentLogger, rootDir: join(root, 'kubelet'), clusterDomain: 'cluster.local', types, objects, tokens, node },
    ...{ services, mounter },
  })
}

const mount = (subPath: string) => ({ name: 'data', mountPath: '/x', subPath })
const pod: Pod = {
  metadata: { name: 'p', namespace: 'default', uid: 'u', labels: { a: 'b' } },
  spec: {
    securityContext: { fsGroup: 2000 },
    containers: [
      {
        name: 'c',
        image: 'i',
        env: [{ name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        volumeMounts: [
          { name: 'memory', mountPath: '/memory' },
          { name: 'own', mountPath: '/own' },
          { name: 'data', mountPath: '/data', subPathExpr: 'logs/$(NAME)' },
        ],
      },
    ],
    volumes: [
      { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
      { name: 'own', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      { name: 'data', hostPath: { path: join(root, 'data'), type: 'DirectoryOrCreate' } },
    ],
  },
}
const container = pod.spec?.containers?.[0] as Container
const failure = (promise: Promise<unknown>) => promise.then(() => 'no failure', (error: Error & { cause?: Error }) => error.cause?.message ?? error.message)

process.umask(0o077)
await mkdir(join(root, 'data'))
await chmod(join(root, 'data'), 0o2775)
const volumes = open()
await volumes.setUp(pod)
const [memory, own, data] = await volumes.mounts(pod, container)
await writeFile(join(root, 'data/logs/p/seen'), 'through the subPath')
const { bsize, blocks } = await statfs(memory?.hostPath ?? '')
const mountsOf = async () => (await mounter.mounts()).filter(({ path }) => path.startsWith(join(root, 'kubelet'))).map(({ path, type }) => ({ path: path.slice(root.length), type }))
const result: Record<string, unknown> = {
  memoryBytes: bsize * blocks,
  memoryMode: ((await stat(memory?.hostPath ?? '')).mode & 0o7777).toString(8),
  memoryGroup: (await stat(memory?.hostPath ?? '')).gid,
  labels: await readFile(join(own?.hostPath ?? '', 'labels'), 'utf8'),
  subPath: await readFile(join(data?.hostPath ?? '', 'seen'), 'utf8'),
  subPathMode: ((await stat(join(root, 'data/logs/p'))).mode & 0o7777).toString(8),
  mounts: await mountsOf(),
}

// Links out of the volume: before the container starts, deep in the path, and dangling ones.
await mkdir(join(root, 'secret'))
await writeFile(join(root, 'secret/key'), 'k')
await symlink(join(root, 'secret'), join(root, 'data/out'))
await symlink('/nowhere/at/all', join(root, 'data/dangling'))
await symlink('logs', join(root, 'data/inside'))
const of = (subPath: string): Container => ({ name: 'd', image: 'i', volumeMounts: [mount(subPath)] })
result.escapes = {
  link: await failure(volumes.mounts(pod, of('out'))),
  below: await failure(volumes.mounts(pod, of('out/key'))),
  made: await failure(volumes.mounts(pod, of('dangling/new'))),
  dots: await failure(volumes.mounts(pod, of('logs/../../secret'))),
}
const [inside] = await volumes.mounts(pod, of('inside/p'))
result.inside = await readFile(join(inside?.hostPath ?? '', 'seen'), 'utf8')
// What is swapped after the mount does not change what the container sees.
await rename(join(root, 'data/logs'), join(root, 'data/old'))
await symlink(join(root, 'secret'), join(root, 'data/logs'))
result.swapped = await readFile(join(inside?.hostPath ?? '', 'seen'), 'utf8')
await rm(join(root, 'data/logs'))
await rename(join(root, 'data/old'), join(root, 'data/logs'))

// A kubelet that starts again finds its mounts and makes no second ones.
await volumes.stop()
const again = open()
await writeFile(join(memory?.hostPath ?? '', 'kept'), 'x')
await again.setUp(pod)
await again.mounts(pod, container)
result.afterRestart = { mounts: (await mountsOf()).length, kept: await readFile(join(memory?.hostPath ?? '', 'kept'), 'utf8') }
await again.remove('u')
result.left = { mounts: await mountsOf(), pod: await stat(join(root, 'kubelet/pods/u')).then(() => true, () => false) }
result.data = await readFile(join(root, 'data/logs/p/seen'), 'utf8')
await again.stop()
console.log(JSON.stringify(result))
