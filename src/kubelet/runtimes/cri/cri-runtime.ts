/**
 * Runs pods in a container runtime (containerd, CRI-O) by the CRI v1 API. Names, labels, log files and numbers are upstream's, so that
 * crictl, log collectors and another kubelet understand what they find. What it knows of pods comes from the runtime itself: a restart
 * of this process, or of the runtime, touches no container.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../../../base/clock.js'
import { messageOf } from '../../../base/errors.js'
import type { Logger } from '../../../base/logger.js'
import type { Pod } from '../../../api/types/core-v1.js'
import {
  type ByteStream,
  type CommandResult,
  type ContainerStats,
  type ExecRequest,
  type ExitStatus,
  type LogOptions,
  type Notice,
  type Runtime,
  RuntimeError,
  type RuntimeHealth,
  type RuntimeImage,
  type RuntimePod,
  type SandboxOptions,
  type StartReport,
  type Streams,
} from '../../runtime.js'
import type { PodResources } from '../../volumes/pod-resources.js'
import { readLog } from '../native/log-reader.js'
import type { CriClient } from './api/client.js'
import type { CriImage, PodSandboxConfig } from './api/types.js'
import { FollowedLog, linkLog, logSize, namesIn, removeLog, type Rotation, rotateLog, unlinkLog } from './container-logs.js'
import { ContainerStops } from './container-stops.js'
import { dnsConfigOf } from './dns-config.js'
import { HealthWatch } from './health.js'
import { Images } from './images.js'
import type { Credential } from './credentials.js'
import { runHook } from './lifecycle-hooks.js'
import { type AnyContainer, podLogDirectory } from './names.js'
import { type ContainerEntry, outdated, PodCache, type PodEntry } from './pod-cache.js'
import { containerConfigOf, sandboxConfigOf, type SandboxFacts } from './pod-config.js'
import { Poller } from './poller.js'
import type { NodeResources } from './resources.js'
import { StatsCollector } from './stats.js'
import { joinConnection, streamCommand, streamPort } from './streaming/commands.js'

export interface CriRuntimeOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly client: CriClient
  /** As the runtime named itself when it was first asked. */
  readonly name: string
  readonly version: string
  readonly resources: PodResources
  readonly sandbox: SandboxFacts
  readonly node: NodeResources
  readonly security: { readonly seccompDefault: boolean; readonly seccompDir: string }
  /** --root-dir */
  readonly rootDir: string
  /** /var/log/containers */
  readonly logLinksDir: string
  readonly rotation: Rotation
  readonly serializePulls?: boolean
  hostIps(): readonly string[]
  pullSecrets?(pod: Pod): Promise<readonly Credential[]>
  /** The handler of a pod's RuntimeClass; "" is the runtime's own choice. */
  runtimeHandler?(pod: Pod): Promise<string>
  /** What the node does for a pod before its sandbox runs, and when it has ended (its cgroup). */
  prepare?(pod: Pod): Promise<void>
  release?(uid: string): Promise<void>
}

const housekeepingMs = 10_000

export class CriRuntime implements Runtime {
  readonly name: string
  readonly version: string
  readonly probes = 'real'
  readonly cache = new PodCache()
  readonly #options: CriRuntimeOptions
  readonly #poller: Poller
  readonly #health: HealthWatch
  readonly #images: Images
  readonly #stops: ContainerStops
  readonly #stats: StatsCollector
  /** Pods as last seen: what is done for a container later needs its spec. */
  readonly #specs = new Map<string, Pod>()
  readonly #logs = new Set<FollowedLog>()
  /** By pod: the last of what is done for its sandbox. */
  readonly #turns = new Map<string, Promise<void>>()
  #imageList: readonly CriImage[] = []
  #handler: (uid: string) => void = () => undefined
  #notice: (uid: string, notice: Notice) => void = () => undefined
  #healthHandler: () => void = () => undefined
  #cancelHousekeeping: () => void = () => undefined
  #stopped = false

  constructor(options: CriRuntimeOptions) {
    this.#options = options
    this.name = options.name
    this.version = options.version
    const { client, clock, logger, pullSecrets, serializePulls: serialize } = options
    this.#poller = new Poller({
      ...{ client, clock, logger, cache: this.cache, runtimeName: options.name, logsDir: options.sandbox.logsDir },
      hostIps: () => options.hostIps(),
      onChange: (uid) => this.#changed(uid),
    })
    this.#health = new HealthWatch({
      ...{ client, clock },
      relistedMs: () => this.#poller.lastSeenMs,
      onChange: () => this.#healthHandler(),
    })
    this.#images = new Images({
      ...{ clock, service: client },
      ...(pullSecrets ? { pullSecrets: (pod: Pod) => pullSecrets(pod) } : {}),
      ...(serialize === undefined ? {} : { serialize }),
    })
    this.#stops = new ContainerStops({
      ...{ client, clock, logger },
      find: (uid, name) => this.#current(uid, name),
      specOf: (uid, name) => containerIn(this.#specs.get(uid), name),
      podIp: (uid) => this.cache.get(uid)?.ips[0] ?? '',
      tell: (uid, notice) => this.#notice(uid, notice),
      stopped: (uid, entry) => this.#lookAgain(uid, entry),
    })
    this.#stats = new StatsCollector({ client })
  }

  /** Learns what runs, and begins to watch it. Throws when the runtime does not answer. */
  async open(): Promise<void> {
    await this.#poller.relist()
    await this.#health.run()
    this.#poller.start()
    await this.#houseKeep()
  }

  /** Stops watching. What runs goes on. */
  stop(): void {
    this.#stopped = true
    this.#poller.stop()
    this.#health.stop()
    this.#cancelHousekeeping()
    for (const log of this.#logs) log.close()
  }

  pod(uid: string): RuntimePod | undefined {
    return this.cache.get(uid)?.view
  }

  *pods(): Iterable<RuntimePod> {
    for (const { view } of this.cache.values()) yield view
  }

  events(handler: (uid: string) => void): () => void {
    this.#handler = handler
    return () => {
      this.#handler = () => undefined
    }
  }

  notices(handler: (uid: string, notice: Notice) => void): void {
    this.#notice = handler
  }

  health(): RuntimeHealth {
    return this.#health.now()
  }

  healthChanges(handler: () => void): void {
    this.#healthHandler = handler
  }

  #changed(uid: string): void {
    for (const log of this.#logs) log.wake()
    this.#stops.changed(uid)
    this.#handler(uid)
  }

  observed(pod: Pod): void {
    const uid = pod.metadata.uid ?? ''
    const { resources, logger } = this.#options
    const first = !this.#specs.has(uid)
    this.#specs.set(uid, pod)
    // Files of a pod that ran before this process are kept up to date from now on.
    if (first && this.cache.get(uid)?.view.containers.some(({ state }) => state !== 'exited') && !resources.mounted(uid))
      resources.setUp(pod).catch((error: unknown) => {
        logger.warn('The volumes of a running pod could not be taken over', { pod: pod.metadata.name, error: messageOf(error) })
      })
    resources.observed(pod)
  }

  runPod(pod: Pod, _sandbox: SandboxOptions): Promise<void> {
    return this.#inTurn(pod.metadata.uid ?? '', () => this.#runPod(pod))
  }

  /** One thing after another for the sandbox of a pod: network plugins do not bear two deletions at once. */
  async #inTurn(uid: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(uid) ?? Promise.resolve()).then(work, work)
    this.#turns.set(uid, turn)
    try {
      await turn
    } finally {
      if (this.#turns.get(uid) === turn) this.#turns.delete(uid)
    }
  }

  async #runPod(pod: Pod): Promise<void> {
    const { uid = '', namespace = '', name = '' } = pod.metadata
    if (this.cache.get(uid)?.sandboxes[0]?.ready) return
    const { client, resources, prepare, runtimeHandler } = this.#options
    this.#specs.set(uid, pod)
    await resources.setUp(pod)
    await prepare?.(pod)
    const release = this.cache.hold(uid)
    try {
      const before = this.cache.get(uid)?.sandboxes ?? []
      // Its network is given back before the next one asks for the same.
      for (const { id } of before) await client.stopPodSandbox(id)
      const attempt = Math.max(-1, ...before.map((sandbox) => sandbox.attempt)) + 1
      const config = this.#sandboxConfig(pod, attempt)
      mkdirSync(config.logDirectory, { recursive: true, mode: 0o755 })
      const id = await client.runPodSandbox(config, (await runtimeHandler?.(pod)) ?? '')
      const { network, createdAt = 0 } = await client.podSandboxStatus(id)
      const entry = this.cache.make({ uid, namespace, name })
      entry.sandboxes = [{ id, ready: true, attempt, createdAt }, ...before.map((sandbox) => ({ ...sandbox, ready: false }))]
      entry.ips = pod.spec?.hostNetwork ? this.#options.hostIps() : this.#poller.ipsOf(network)
      this.cache.show(entry)
    } catch (error) {
      if (error instanceof RuntimeError) throw error
      throw new RuntimeError('FailedCreatePodSandBox', messageOf(error), { cause: error })
    } finally {
      release()
    }
    this.#handler(uid)
  }

  #sandboxConfig(pod: Pod, attempt: number): PodSandboxConfig {
    return sandboxConfigOf(pod, attempt, this.#options.sandbox)
  }

  attemptsBefore({ metadata }: Pod, container: string): number {
    const { uid = '', namespace = '', name = '' } = metadata
    const dir = join(this.#options.sandbox.logsDir, podLogDirectory(namespace, name, uid), container)
    const attempts = namesIn(dir).map((file) => Number.parseInt(file, 10))
    return Math.max(-1, ...attempts.filter(Number.isInteger)) + 1
  }

  async startContainer(pod: Pod, container: AnyContainer, attempt: number): Promise<StartReport> {
    const uid = pod.metadata.uid ?? ''
    const entry = this.cache.get(uid)
    const sandbox = entry?.sandboxes[0]
    if (!entry || !sandbox?.ready) throw new RuntimeError('CreateContainerError', 'the pod has no sandbox')
    if (entry.containers.some(({ view }) => view.name === container.name && view.attempt === attempt)) return { told: true }
    this.#specs.set(uid, pod)
    const tell = (reason: string, message: string, warning: boolean) => this.#notice(uid, { reason, message, warning })
    const sandboxConfig = this.#sandboxConfig(pod, sandbox.attempt)
    const { image, message } = await this.#images.ensure(pod, container, sandboxConfig, tell)
    tell('Pulled', message, false)
    const criId = await this.#create(entry, sandbox.id, { pod, container, attempt, image, sandboxConfig })
    tell('Created', `Created container: ${container.name}`, false)
    await this.#start(entry, sandbox.id, criId, pod, container)
    tell('Started', `Started container ${container.name}`, false)
    await this.#postStart(entry, criId, container, tell)
    return { told: true }
  }

  async #create(
    entry: PodEntry,
    sandboxId: string,
    what: { pod: Pod; container: AnyContainer; attempt: number; image: CriImage; sandboxConfig: PodSandboxConfig },
  ): Promise<string> {
    const { client, resources, node, security } = this.#options
    const { pod, container, attempt, image } = what
    const [environment, mounts, devices] = await Promise.all([
      resources.environment(pod, container, entry.ips, this.#options.hostIps()),
      resources.mounts(pod, container, entry.ips),
      resources.devices(pod, container),
    ])
    const target = 'targetContainerName' in container ? container.targetContainerName : undefined
    const targetId = target ? this.#current(entry.uid, target)?.criId : undefined
    if (target && targetId === undefined) throw new RuntimeError('CreateContainerError', `unable to find target container ${target}`)
    const config = containerConfigOf({
      ...{ pod, container, attempt, image, environment, mounts, devices, node, imageRef: image.id },
      messageFile: this.#messageFile(entry.uid, container),
      security: { ...security, ...(targetId === undefined ? {} : { targetId }) },
    })
    try {
      return await client.createContainer(sandboxId, config, what.sandboxConfig)
    } catch (error) {
      throw new RuntimeError('CreateContainerError', messageOf(error), { cause: error })
    }
  }

  /** Every attempt has a new one, which anybody in the container may write. */
  #messageFile(uid: string, { name, terminationMessagePath }: AnyContainer): string {
    if (!terminationMessagePath) return ''
    const path = join(this.#options.rootDir, 'pods', uid, 'containers', name, randomBytes(4).toString('hex'))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, '')
    chmodSync(path, 0o666)
    return path
  }

  async #start(entry: PodEntry, sandboxId: string, criId: string, pod: Pod, { name }: AnyContainer): Promise<void> {
    const { client, logLinksDir } = this.#options
    let failure: unknown
    await client.startContainer(criId).catch((error: unknown) => {
      failure = error
    })
    const made = this.#poller.entryOf(entry, await client.containerStatus(criId), sandboxId)
    this.cache.put(entry, made)
    this.cache.show(entry)
    linkLog(logLinksDir, { pod: entry.name, namespace: entry.namespace, container: name, id: criId }, made.logPath)
    await this.#dropOld(entry, name)
    if (failure === undefined) return
    this.#options.logger.warn('A container could not be started', { pod: pod.metadata.name, container: name, error: messageOf(failure) })
    throw new RuntimeError('RunContainerError', messageOf(failure), { cause: failure })
  }

  async #postStart(
    entry: PodEntry,
    criId: string,
    container: AnyContainer,
    tell: (reason: string, message: string, warning: boolean) => void,
  ): Promise<void> {
    const hook = container.lifecycle?.postStart
    if (!hook) return
    const { client, clock } = this.#options
    try {
      await runHook(
        hook,
        { container, podIp: entry.ips[0] ?? '', exec: (command, timeoutMs) => client.execSync(criId, command, timeoutMs) },
        clock,
        hookMsMax,
      )
    } catch (error) {
      tell('FailedPostStartHook', `PostStartHook failed: ${messageOf(error)}`, true)
      tell('Killing', 'FailedPostStartHook', false)
      await client.stopContainer(criId, defaultGraceSeconds).catch(() => undefined)
      throw new RuntimeError('PostStartHookError', `PostStartHookError: ${messageOf(error)}`, { cause: error })
    }
  }

  /** Of the attempts before the last two nothing is kept, and of sandboxes only those that still have some. */
  async #dropOld(entry: PodEntry, name: string): Promise<void> {
    for (const old of outdated(entry.containers, name)) await this.#removeContainer(entry, old)
    const used = new Set(entry.containers.map(({ sandboxId }) => sandboxId))
    const { client } = this.#options
    for (const { id, ready } of entry.sandboxes.slice(1)) {
      if (ready || used.has(id)) continue
      await client.removePodSandbox(id).catch(() => undefined)
      entry.sandboxes = entry.sandboxes.filter((sandbox) => sandbox.id !== id)
    }
  }

  async #removeContainer(entry: PodEntry, { criId, logPath, view }: ContainerEntry): Promise<void> {
    const { client, logLinksDir } = this.#options
    await client.removeContainer(criId)
    unlinkLog(logLinksDir, { pod: entry.name, namespace: entry.namespace, container: view.name, id: criId })
    removeLog(logPath)
    entry.containers = entry.containers.filter((known) => known.criId !== criId)
    this.cache.show(entry)
  }

  stopContainer(uid: string, container: string, graceMs: number): void {
    this.#stops.stop(uid, container, graceMs)
  }

  /** What became of a container is known sooner than the next list. */
  async #lookAgain(uid: string, { criId, sandboxId }: ContainerEntry): Promise<void> {
    const entry = this.cache.get(uid)
    if (!entry) return
    const status = await this.#options.client.containerStatus(criId)
    if (!this.cache.put(entry, this.#poller.entryOf(entry, status, sandboxId))) return
    this.cache.show(entry)
    this.#changed(uid)
  }

  endPod(uid: string): Promise<void> {
    return this.#inTurn(uid, () => this.#endPod(uid))
  }

  async #endPod(uid: string): Promise<void> {
    const { client, resources } = this.#options
    const entry = this.cache.get(uid)
    for (const { id, ready } of entry?.sandboxes ?? []) if (ready) await client.stopPodSandbox(id)
    if (entry) {
      entry.sandboxes = entry.sandboxes.map((sandbox) => ({ ...sandbox, ready: false }))
      this.cache.show(entry)
    }
    await resources.tearDown(uid)
    await this.#options.release?.(uid)
  }

  removePod(uid: string): Promise<void> {
    return this.#inTurn(uid, () => this.#removePod(uid))
  }

  async #removePod(uid: string): Promise<void> {
    const { client, resources, logLinksDir, sandbox } = this.#options
    const entry = this.cache.get(uid)
    this.#specs.delete(uid)
    this.#stops.forget(uid)
    if (entry) {
      const release = this.cache.hold(uid)
      try {
        for (const { id } of entry.sandboxes) await client.stopPodSandbox(id)
        for (const { criId, view } of entry.containers) {
          await client.removeContainer(criId)
          unlinkLog(logLinksDir, { pod: entry.name, namespace: entry.namespace, container: view.name, id: criId })
        }
        for (const { id } of entry.sandboxes) await client.removePodSandbox(id)
        this.cache.delete(uid)
        rmSync(join(sandbox.logsDir, podLogDirectory(entry.namespace, entry.name, uid)), { recursive: true, force: true })
      } finally {
        release()
      }
    }
    await resources.remove(uid)
    await this.#options.release?.(uid)
  }

  #current(uid: string, name: string): ContainerEntry | undefined {
    return this.cache.get(uid)?.containers.findLast(({ view }) => view.name === name)
  }

  #running(uid: string, name: string): ContainerEntry {
    const found = this.#current(uid, name)
    if (found?.view.state !== 'running') throw new RuntimeError('ContainerNotRunning', `container not found ("${name}")`)
    return found
  }

  async exec(uid: string, container: string, request: ExecRequest): Promise<ExitStatus> {
    const { criId } = this.#running(uid, container)
    const { command, tty } = request
    const shape = { tty, stdin: request.stdin !== undefined, stdout: true, stderr: !tty }
    return streamCommand(await this.#options.client.exec({ containerId: criId, cmd: command, ...shape }), shape, request)
  }

  async attach(uid: string, container: string, streams: Streams): Promise<ExitStatus> {
    const { criId } = this.#running(uid, container)
    const spec = containerIn(this.#specs.get(uid), container)
    const tty = spec?.tty ?? false
    const shape = { tty, stdin: streams.stdin !== undefined && (spec?.stdin ?? false), stdout: true, stderr: !tty }
    return streamCommand(await this.#options.client.attach({ containerId: criId, ...shape }), shape, streams)
  }

  async portForward(uid: string, port: number, connection: ByteStream): Promise<void> {
    await streamPort(await this.#options.client.portForward(this.#readySandbox(uid), [port]), port, connection)
  }

  async portForwardStreams(uid: string, connection: ByteStream): Promise<void> {
    await joinConnection(await this.#options.client.portForward(this.#readySandbox(uid), []), connection)
  }

  #readySandbox(uid: string): string {
    const sandbox = this.cache.get(uid)?.sandboxes[0]
    if (!sandbox?.ready) throw new RuntimeError('PortForwardError', 'the pod does not run')
    return sandbox.id
  }

  async execSync(uid: string, container: string, command: readonly string[], timeoutMs: number): Promise<CommandResult> {
    const { criId } = this.#running(uid, container)
    return this.#options.client.execSync(criId, command, timeoutMs)
  }

  logs(uid: string, name: string, options: LogOptions): AsyncIterable<Uint8Array> {
    const attempts = this.cache.get(uid)?.containers.filter(({ view }) => view.name === name) ?? []
    const podName = this.cache.get(uid)?.name ?? uid
    const found = options.previous ? attempts.at(-2) : attempts.at(-1)
    if (options.previous && !found)
      throw new RuntimeError('NoPreviousContainer', `previous terminated container "${name}" in pod "${podName}" not found`)
    if (!found)
      throw new RuntimeError('ContainerCreating', `container "${name}" in pod "${podName}" is waiting to start: ContainerCreating`)
    return this.#readLog(uid, found, options)
  }

  async *#readLog(uid: string, { criId, logPath }: ContainerEntry, options: LogOptions): AsyncIterable<Uint8Array> {
    if (!options.follow) return yield* readLog(logPath, options, undefined)
    const isOver = () => this.#stopped || this.cache.get(uid)?.containers.find((known) => known.criId === criId)?.view.state !== 'running'
    const live = new FollowedLog(logPath, isOver)
    this.#logs.add(live)
    try {
      yield* readLog(logPath, options, live)
    } finally {
      this.#logs.delete(live)
      live.close()
    }
  }

  stats(uid: string): readonly ContainerStats[] {
    const running = (this.cache.get(uid)?.containers ?? []).filter(({ view }) => view.state === 'running')
    return running.flatMap(({ criId, view, logPath }) => {
      const usage = this.#stats.of(criId)
      return usage ? [{ name: view.name, startedAtMs: view.startedAtMs ?? 0, logBytes: logSize(logPath), ...usage }] : []
    })
  }

  images(): readonly RuntimeImage[] {
    return this.#imageList.map(({ repoDigests = [], repoTags = [], size = 0 }) => ({
      names: [...repoDigests, ...repoTags],
      sizeBytes: size,
    }))
  }

  /** The resolver of a pod's containers, as resolv.conf(5) has it. */
  resolverOf(pod: Pod): string {
    const { servers, searches, options } = dnsConfigOf(pod, this.#options.sandbox.dns)
    const lines = [...servers.map((server) => `nameserver ${server}`), `search ${searches.join(' ')}`, `options ${options.join(' ')}`]
    return `${lines.filter((line) => line.trim().includes(' ')).join('\n')}\n`
  }

  /** The process whose namespaces are those of the pod. */
  async sandboxPid(uid: string): Promise<number | undefined> {
    const sandbox = this.cache.get(uid)?.sandboxes[0]
    return sandbox?.ready ? this.#options.client.sandboxPid(sandbox.id) : undefined
  }

  async #houseKeep(): Promise<void> {
    try {
      this.#imageList = await this.#options.client.listImages()
      await this.#stats.collect()
      await this.#rotateLogs()
    } catch (error) {
      this.#options.logger.debug('Housekeeping is put off', { error: messageOf(error) })
    }
    if (!this.#stopped) this.#cancelHousekeeping = this.#options.clock.timer(housekeepingMs, () => void this.#houseKeep())
  }

  async #rotateLogs(): Promise<void> {
    const { client, rotation, clock } = this.#options
    for (const { containers } of this.cache.values())
      for (const { criId, logPath, view } of containers)
        if (view.state === 'running' && logSize(logPath) > rotation.sizeMax)
          await rotateLog(logPath, rotation, clock.now(), () => client.reopenContainerLog(criId))
  }
}

const defaultGraceSeconds = 30
/** A hook that never ends holds its container's start as long as upstream's exec may last. */
const hookMsMax = 600_000

function containerIn(pod: Pod | undefined, name: string): AnyContainer | undefined {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod?.spec ?? {}
  return [...containers, ...initContainers, ...ephemeralContainers].find((container) => container.name === name)
}
