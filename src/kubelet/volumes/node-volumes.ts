import { mkdir, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod, Service, VolumeMount } from '../../api/types/core-v1.js'
import type { Cancel, Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import { sameJson } from '../../api/same-json.js'
import type { Client } from '../../client/client.js'
import { environmentOf } from '../environment/environment.js'
import { expand, unknownNames } from '../environment/expansion.js'
import { isMaster, masterServiceKey, servicesFor } from '../environment/service-variables.js'
import { RuntimeError } from '../runtime.js'
import { claimedVolume } from './claims.js'
import { csiVolumesOnDisk } from './csi/csi.js'
import type { NodeFacts } from './downward-api/downward-api.js'
import { hostsFile } from './hosts-file.js'
import type { Mounter } from './mounter.js'
import type { ObjectWatch } from './objects/object-watch.js'
import type { AnyContainer, Device, EnvironmentVariable, Mount, PodResources } from './pod-resources.js'
import { podDirectory } from './pod-resources.js'
import { unprocessed, usedVolumes, type VolumeUse } from './pod-volumes.js'
import { bindSubPath, unbindSubPath } from './sub-path/sub-path.js'
import type { TokenManager } from './tokens/token-manager.js'
import { pluginFolder, specName, type VolumeReady, type VolumeSpec, type VolumeType } from './volume-type.js'

/** PodResources of a Linux node: volumes below the kubelet's root directory, where upstream's kubelet has them. */
export interface NodeVolumesOptions {
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  /** --root-dir */
  readonly rootDir: string
  readonly clusterDomain: string
  readonly types: readonly VolumeType[]
  readonly objects: ObjectWatch
  readonly tokens: TokenManager
  readonly node: NodeFacts
  readonly services: ServiceSource
  /** Absent: this process may not mount. */
  readonly mounter?: Mounter
  /** Whether the runtime can make a mount read-only with all below it (KEP-3857). */
  readonly recursiveReadOnly?: boolean
  /** Told of what went wrong while files were brought up to date. */
  readonly onFault?: (pod: Pod, reason: string, message: string) => void
  /** The attachable volumes that are in use are others now. */
  readonly onInUse?: () => void
  readonly onStop?: () => void
}

export interface ServiceSource {
  readonly synced: boolean
  get(key: string): Service | undefined
  list(namespace: string): readonly Service[]
}

interface ReadyVolume {
  readonly spec: VolumeSpec
  readonly type: VolumeType
  readonly ready: VolumeReady
}

interface PodState {
  pod: Pod
  volumes: ReadonlyMap<string, ReadyVolume>
  /** Attachable volumes, from before they are mounted until they no longer are. */
  readonly inUse: Set<string>
  mounted: boolean
  /** The last of what is done for this pod; the next waits for it. */
  work: Promise<unknown>
  refreshing: boolean
}

/** How often files that follow the API are looked at although nothing was heard: tokens age (upstream's sync period). */
const refreshMs = 60_000

export class NodeVolumes implements PodResources {
  readonly #options: NodeVolumesOptions
  readonly #pods = new Map<string, PodState>()
  /** Attachable volumes of pods that an earlier process of this kubelet mounted. */
  readonly #found = new Map<string, readonly string[]>()
  #cancelRefresh: Cancel
  #stopped = false

  constructor(options: NodeVolumesOptions) {
    this.#options = options
    this.#cancelRefresh = this.#scheduleRefresh()
  }

  setUp(pod: Pod): Promise<void> {
    const state = this.#stateOf(pod)
    return this.#queue(state, async () => {
      this.#options.objects.use(state.pod)
      state.volumes = await this.#setUpAll(state.pod, usedVolumes(state.pod))
      state.mounted = true
    })
  }

  mounted(uid: string): boolean {
    return this.#pods.get(uid)?.mounted ?? false
  }

  /** What an earlier process left mounted counts as in use from the first word that the node says. */
  async recognise(): Promise<void> {
    for (const [uid, names] of await csiVolumesOnDisk(this.#options.rootDir)) this.#found.set(uid, names)
  }

  /** For the node's status. */
  volumesInUse(): string[] {
    const known = [...this.#pods.values()].flatMap(({ inUse }) => [...inUse])
    return [...new Set([...known, ...[...this.#found.values()].flat()])].sort()
  }

  observed(pod: Pod): void {
    const state = this.#pods.get(pod.metadata.uid ?? '')
    if (!state || state.pod === pod) return
    const before = state.pod
    state.pod = pod
    // The status changes often, and nothing in a volume shows it.
    if (before.spec !== pod.spec && !sameJson(before.spec, pod.spec)) this.#options.objects.use(pod)
    else if (sameJson(before.metadata.labels, pod.metadata.labels) && sameJson(before.metadata.annotations, pod.metadata.annotations))
      return
    this.#refresh(state)
  }

  /** An object that these pods use has changed. */
  objectsChanged(uids: ReadonlySet<string>): void {
    for (const uid of uids) {
      const state = this.#pods.get(uid)
      if (state) this.#refresh(state)
    }
  }

  async mounts(pod: Pod, container: AnyContainer, podIps?: readonly string[]): Promise<readonly Mount[]> {
    const state = await this.#readyState(pod, container)
    const mounts: Mount[] = []
    for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
      mounts.push(await this.#mountOf(state, container, mount, index))
    }
    const hasHosts = mounts.some(({ containerPath }) => containerPath === '/etc/hosts')
    if (podIps && !hasHosts) mounts.push(await this.#hostsMount(pod, podIps))
    return mounts
  }

  async devices(pod: Pod, container: AnyContainer): Promise<readonly Device[]> {
    if (!container.volumeDevices?.length) return []
    const state = await this.#readyState(pod, container)
    return container.volumeDevices.map(({ name, devicePath }) => {
      const volume = state.volumes.get(name)
      if (!volume) throw configError(`cannot find volume "${name}" to pass into container "${container.name}"`)
      return { containerPath: devicePath, hostPath: volume.ready.path, permissions: volume.spec.readOnly ? 'r' : 'mrw' }
    })
  }

  async environment(
    pod: Pod,
    container: AnyContainer,
    podIps: readonly string[],
    hostIps: readonly string[],
  ): Promise<readonly EnvironmentVariable[]> {
    const { objects, node, services } = this.#options
    const { namespace = '', annotations } = pod.metadata
    const isStatic = annotations?.['kubernetes.io/config.source'] !== undefined && annotations['kubernetes.io/config.source'] !== 'api'
    // A static pod may be what the Services are read from.
    if (!services.synced && !isStatic) throw configError('services have not yet been read at least once, cannot construct envvars')
    this.#options.objects.use(pod)
    const links = pod.spec?.enableServiceLinks ?? true
    try {
      return await environmentOf(pod, container, {
        ...{ podIps, hostIps, allocatable: node.allocatable() },
        services: servicesFor(
          links ? services.list(namespace).filter((service) => !isMaster(service)) : [],
          services.get(masterServiceKey),
          links,
        ),
        configMap: (name) => objects.configMap(namespace, name),
        secret: (name) => objects.secret(namespace, name),
        file: (volume, path) => this.#environmentFile(pod, volume, path),
      })
    } catch (error) {
      throw error instanceof RuntimeError ? error : configError(messageOf(error), error)
    }
  }

  tearDown(uid: string): Promise<void> {
    const state = this.#pods.get(uid)
    if (state) state.mounted = false
    const run = async () => {
      await this.#tearDownVolumes(uid)
      this.#options.objects.release(uid)
      this.#options.tokens.forget(uid)
      this.#pods.delete(uid)
      if (this.#found.delete(uid) || state?.inUse.size) this.#options.onInUse?.()
    }
    return state ? this.#queue(state, run) : run()
  }

  async remove(uid: string): Promise<void> {
    await this.tearDown(uid)
    await this.#assertUnmounted(this.#podDirectory(uid))
    await rm(this.#podDirectory(uid), { recursive: true, force: true })
  }

  async sweep(uids: ReadonlySet<string>): Promise<void> {
    for (const uid of await names(join(this.#options.rootDir, 'pods'))) {
      if (uids.has(uid) || this.#pods.has(uid)) continue
      await this.remove(uid).catch((error: unknown) =>
        this.#options.logger.warn('What a pod left behind could not be removed', { uid, error: messageOf(error) }),
      )
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelRefresh()
    this.#options.objects.stop()
    this.#options.onStop?.()
    await Promise.allSettled([...this.#pods.values()].map(({ work }) => work))
  }

  #stateOf(pod: Pod): PodState {
    const uid = pod.metadata.uid ?? ''
    let state = this.#pods.get(uid)
    if (state) state.pod = pod
    else {
      state = { pod, volumes: new Map(), inUse: new Set(), mounted: false, work: Promise.resolve(), refreshing: false }
      this.#pods.set(uid, state)
    }
    return state
  }

  #queue<T>(state: PodState, run: () => Promise<T>): Promise<T> {
    const next = state.work.then(run, run)
    state.work = next.catch(() => undefined)
    return next
  }

  /** A pod whose volumes are there, those of this container among them: an ephemeral container may be the first to use one. */
  async #readyState(pod: Pod, container: AnyContainer): Promise<PodState> {
    const state = this.#pods.get(pod.metadata.uid ?? '')
    const named = [...(container.volumeMounts ?? []), ...(container.volumeDevices ?? [])]
    if (state?.mounted && named.every(({ name }) => state.volumes.has(name))) return state
    await this.setUp(pod)
    return this.#stateOf(pod)
  }

  async #setUpAll(pod: Pod, uses: readonly VolumeUse[]): Promise<Map<string, ReadyVolume>> {
    const results = await Promise.allSettled(uses.map((use) => this.#setUpVolume(pod, use)))
    const volumes = new Map<string, ReadyVolume>()
    let failure: unknown
    for (const result of results) {
      if (result.status === 'fulfilled') volumes.set(result.value.spec.name, result.value)
      else failure ??= result.reason
    }
    if (failure) throw failure
    return volumes
  }

  async #setUpVolume(pod: Pod, use: VolumeUse): Promise<ReadyVolume> {
    const spec = await this.#specOf(pod, use)
    const type = this.#options.types.find((candidate) => candidate.handles(spec))
    if (!type) throw unprocessed([spec.name], `failed to get Plugin from volumeSpec for volume "${spec.name}" err=no volume plugin matched`)
    const attachable = type.attachable?.(spec)
    const inUse = this.#pods.get(pod.metadata.uid ?? '')?.inUse
    if (attachable !== undefined && inUse && !inUse.has(attachable)) {
      inUse.add(attachable)
      this.#options.onInUse?.()
    }
    return { spec, type, ready: await this.#setUpOne(pod, spec, type) }
  }

  async #setUpOne(pod: Pod, spec: VolumeSpec, type: VolumeType): Promise<VolumeReady> {
    const uid = pod.metadata.uid ?? ''
    const { fsGroup, fsGroupChangePolicy: policy = 'Always' } = pod.spec?.securityContext ?? {}
    try {
      return await type.setUp({
        ...{ pod, spec, directory: join(this.#podDirectory(uid), 'volumes', pluginFolder(type.plugin), specName(spec)) },
        fsGroup: fsGroup === undefined ? undefined : { id: fsGroup, policy },
      })
    } catch (error) {
      if (error instanceof RuntimeError) throw error
      const message = `MountVolume.SetUp failed for volume "${specName(spec)}" : ${messageOf(error)}`
      throw new RuntimeError('FailedMount', message, { cause: error })
    }
  }

  async #specOf(pod: Pod, { volume, mounted, device }: VolumeUse): Promise<VolumeSpec> {
    const claimed = await claimedVolume(this.#options.client, pod, volume)
    const block = claimed?.persistent.spec?.volumeMode === 'Block'
    if (block && mounted) throw unprocessed([volume.name], `volume ${volume.name} has volumeMode Block, but is specified in volumeMounts`)
    if (!block && device)
      throw unprocessed([volume.name], `volume ${volume.name} has volumeMode Filesystem, but is specified in volumeDevices`)
    return {
      ...{ name: volume.name, volume, block, readOnly: claimed?.readOnly ?? false },
      ...(claimed ? { persistent: claimed.persistent } : {}),
    }
  }

  async #mountOf(state: PodState, container: AnyContainer, mount: VolumeMount, index: number): Promise<Mount> {
    const volume = state.volumes.get(mount.name)
    if (!volume) throw configError(`cannot find volume "${mount.name}" to mount into container "${container.name}"`)
    const { ready } = volume
    const readOnly = mount.readOnly === true || ready.readOnly === true
    const path = mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`
    return {
      containerPath: path,
      hostPath: await this.#subPath(state.pod, container, mount, index, ready),
      readOnly,
      recursiveReadOnly: readOnly && this.#recursive(mount),
      propagation: mount.mountPropagation ?? 'None',
      selinuxRelabel: ready.selinuxRelabel ?? false,
    }
  }

  #recursive({ recursiveReadOnly: mode = 'Disabled', name }: VolumeMount): boolean {
    const { recursiveReadOnly: supported = false } = this.#options
    if (mode === 'Enabled' && !supported)
      throw configError(
        `failed to resolve recursive read-only mode: volume "${name}" requested recursive read-only mode, but it is not supported by the runtime`,
      )
    return mode !== 'Disabled' && supported
  }

  /** The place in the volume that a container sees: the volume itself, or what its subPath names in it. */
  async #subPath(pod: Pod, container: AnyContainer, mount: VolumeMount, index: number, { path }: VolumeReady): Promise<string> {
    const subPath = mount.subPathExpr ? await this.#expanded(pod, container, mount.subPathExpr) : (mount.subPath ?? '')
    if (subPath === '') return path
    const { mounter, logger } = this.#options
    const target = join(this.#podDirectory(pod.metadata.uid ?? ''), 'volume-subpaths', mount.name, container.name, String(index))
    try {
      if (!mounter) throw new Error('a subPath needs a kubelet that may mount (root, or CAP_SYS_ADMIN)')
      return await bindSubPath({ volume: path, subPath, target, mounter })
    } catch (error) {
      logger.warn('A subPath could not be bound', { pod: pod.metadata.name, volume: mount.name, error: messageOf(error) })
      const what = `failed to prepare subPath for volumeMount "${mount.name}" of container "${container.name}"`
      throw configError(mounter ? what : `${what}: ${messageOf(error)}`, error)
    }
  }

  async #expanded(pod: Pod, container: AnyContainer, text: string): Promise<string> {
    // The addresses are not known when subPathExpr is looked at by the API either: only names that do not change make sense in it.
    const { hostIps } = this.#options.node
    const variables = new Map((await this.environment(pod, container, podIpsOf(pod), hostIps())).map(({ name, value }) => [name, value]))
    const valueOf = (name: string) => variables.get(name)
    const [unknown] = unknownNames(text, valueOf)
    if (unknown !== undefined) throw configError(`missing value for "${unknown}"`)
    return expand(text, valueOf)
  }

  async #environmentFile(pod: Pod, volume: string, path: string): Promise<string | undefined> {
    const ready = this.#pods.get(pod.metadata.uid ?? '')?.volumes.get(volume)?.ready
    if (!ready || path.startsWith('/') || path.split('/').includes('..')) return undefined
    return readFile(join(ready.path, path), 'utf8').catch(() => undefined)
  }

  async #hostsMount(pod: Pod, podIps: readonly string[]): Promise<Mount> {
    const directory = this.#podDirectory(pod.metadata.uid ?? '')
    const file = join(directory, 'etc-hosts')
    await mkdir(directory, { recursive: true, mode: 0o750 })
    const shared = pod.spec?.hostNetwork ? await readFile('/etc/hosts', 'utf8').catch(() => '') : ''
    await writeFile(file, hostsFile(pod, podIps, this.#options.clusterDomain, shared), { mode: 0o644 })
    return {
      containerPath: '/etc/hosts',
      hostPath: file,
      readOnly: false,
      recursiveReadOnly: false,
      propagation: 'None',
      selinuxRelabel: true,
    }
  }

  #refresh(state: PodState): void {
    if (!state.mounted || state.refreshing) return
    state.refreshing = true
    void this.#queue(state, async () => {
      state.refreshing = false
      if (!state.mounted || this.#stopped) return
      for (const { spec, type } of state.volumes.values()) {
        if (!type.follows) continue
        await this.#setUpOne(state.pod, { ...spec, volume: volumeOf(state.pod, spec) }, type).catch((error: unknown) => {
          const { onFault, logger } = this.#options
          logger.warn('Files of a volume could not be brought up to date', { pod: state.pod.metadata.name, error: messageOf(error) })
          onFault?.(state.pod, 'FailedMount', messageOf(error))
        })
      }
    })
  }

  #scheduleRefresh(): Cancel {
    return this.#options.clock.timer(refreshMs, () => {
      for (const state of this.#pods.values()) this.#refresh(state)
      if (!this.#stopped) this.#cancelRefresh = this.#scheduleRefresh()
    })
  }

  #podDirectory(uid: string): string {
    return podDirectory(this.#options.rootDir, uid)
  }

  async #tearDownVolumes(uid: string): Promise<void> {
    const directory = this.#podDirectory(uid)
    const { mounter, types } = this.#options
    if (mounter) {
      const below = `${join(directory, 'volume-subpaths')}/`
      const bound = (await mounter.mounts()).filter(({ path }) => path.startsWith(below)).map(({ path }) => path)
      for (const path of bound.reverse()) await unbindSubPath(path, mounter)
    }
    for (const type of types) {
      for (const folder of ['volumes', 'volumeDevices']) {
        const place = join(directory, folder, pluginFolder(type.plugin))
        for (const name of await names(place)) await type.tearDown(join(place, name))
      }
    }
    for (const folder of ['volumes', 'volumeDevices', 'volume-subpaths']) {
      await this.#assertUnmounted(join(directory, folder))
      await rm(join(directory, folder), { recursive: true, force: true })
    }
    await rm(join(directory, 'etc-hosts'), { force: true })
    await rmdir(directory).catch(() => undefined)
  }

  /** Nothing is removed through a mount: what is behind it is not the pod's. */
  async #assertUnmounted(directory: string): Promise<void> {
    const { mounter } = this.#options
    if (!mounter || !(await stat(directory).catch(() => undefined))) return
    const left = (await mounter.mounts()).filter(({ path }) => path === directory || path.startsWith(`${directory}/`))
    if (left.length > 0) throw new Error(`something is still mounted at ${left.map(({ path }) => path).join(', ')}`)
  }
}

function volumeOf({ spec }: Pod, { name, volume }: VolumeSpec) {
  return spec?.volumes?.find((candidate) => candidate.name === name) ?? volume
}

function podIpsOf({ status }: Pod): string[] {
  return (status?.podIPs ?? []).map(({ ip }) => ip)
}

function configError(message: string, cause?: unknown): RuntimeError {
  return new RuntimeError('CreateContainerConfigError', message, cause === undefined ? undefined : { cause })
}

async function names(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => [])
}
