import type { Clock } from '../../../base/clock.js'
import type { Container, ContainerStatus, Pod } from '../../../api/types/core-v1.js'
import { Agenda } from '../../agenda.js'
import { isSidecar } from '../../pods/containers.js'
import {
  type ByteStream,
  type ContainerStats,
  type ExecRequest,
  type ExitStatus,
  type LogOptions,
  type Runtime,
  type RuntimeContainer,
  RuntimeError,
  type RuntimeImage,
  type RuntimePod,
  type SandboxOptions,
  type Streams,
} from '../../runtime.js'
import { PodAddresses } from './addresses.js'
import { simLogs } from './logs.js'
import { digest, fullImageName, imageIdOf } from './names.js'
import { type ContainerScript, exitOf, isJobPod, scriptOf, type ScriptDefaults } from './script.js'
import { statsOf } from './stats.js'

/**
 * Containers that only pretend: a state machine that follows scripts (script.ts), for any number of nodes at once. What happens
 * next to a container is a time on one agenda; a pod that waits costs no timer and no promise.
 */
export interface SimRuntimeOptions extends Partial<ScriptDefaults> {
  readonly clock: Clock
  readonly version: string
  /** The pod network of a node that was given none. */
  readonly fallbackCidr?: string
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

interface SimContainer extends Mutable<RuntimeContainer> {
  readonly pod: SimPod
  readonly script: ContainerScript
  /** What the script says of this attempt's end. */
  readonly exit: { readonly afterMs: number; readonly code: number } | undefined
  readonly startsAtMs: number
  /** When it ends because it was asked to. */
  killedAtMs?: number
  killCode?: number
}

interface SimPod extends RuntimePod {
  readonly cidr: string | undefined
  holdsAddress: boolean
  readonly containers: SimContainer[]
}

const done = Promise.resolve()
const encoder = new TextEncoder()
const imageSizeBytes = 50_000_000
/** 128 + SIGTERM, and + SIGKILL: how a process that does not handle the signal ends. */
const terminated = 143
const killed = 137

export class SimRuntime implements Runtime {
  readonly name = 'sim'
  readonly probes = 'simulated'
  readonly version: string
  readonly #clock: Clock
  readonly #defaults: ScriptDefaults
  readonly #fallbackCidr: string
  readonly #pods = new Map<string, SimPod>()
  readonly #addresses = new PodAddresses()
  readonly #agenda: Agenda<SimContainer>
  readonly #images = new Set<string>()
  #handler: (uid: string) => void = () => undefined

  constructor({ clock, version, startDelayMs = 100, jobDurationMs = 1_000, fallbackCidr = '10.0.0.0/16' }: SimRuntimeOptions) {
    this.version = version
    this.#clock = clock
    this.#defaults = { startDelayMs, jobDurationMs }
    this.#fallbackCidr = fallbackCidr
    this.#agenda = new Agenda(clock, (container) => this.#due(container))
  }

  pod(uid: string): RuntimePod | undefined {
    return this.#pods.get(uid)
  }

  pods(): Iterable<RuntimePod> {
    return this.#pods.values()
  }

  events(handler: (uid: string) => void): () => void {
    this.#handler = handler
    return () => {
      this.#handler = () => undefined
    }
  }

  stop(): void {
    this.#agenda.stop()
  }

  runPod(pod: Pod, sandbox: SandboxOptions): Promise<void> {
    const { uid = '' } = pod.metadata
    if (this.#pods.has(uid)) return done
    const cidr = pod.spec?.hostNetwork ? undefined : (sandbox.podCidr ?? this.#fallbackCidr)
    const address = cidr === undefined ? undefined : this.#addresses.allocate(cidr)
    if (cidr !== undefined && address === undefined)
      return Promise.reject(new RuntimeError('FailedCreatePodSandBox', `no IP addresses available in range set: ${cidr}`))
    this.#add(pod, cidr, address === undefined ? sandbox.hostIps : [address])
    return done
  }

  #add({ metadata }: Pod, cidr: string | undefined, ips: readonly string[]): SimPod {
    const { uid = '', namespace = '', name = '' } = metadata
    const made: SimPod = { uid, namespace, name, ips, cidr, holdsAddress: true, simulated: true, containers: [] }
    this.#pods.set(uid, made)
    return made
  }

  /** Goes on from what the API says: simulated containers survive the process that simulates them. */
  adoptPod(pod: Pod, sandbox: SandboxOptions): boolean {
    const { uid = '' } = pod.metadata
    const ips = (pod.status?.podIPs ?? []).map(({ ip }) => ip)
    if (ips.length === 0 || this.#pods.has(uid)) return false
    const cidr = pod.spec?.hostNetwork ? undefined : (sandbox.podCidr ?? this.#fallbackCidr)
    if (cidr !== undefined) this.#addresses.claim(cidr, ips[0] as string)
    const made = this.#add(pod, cidr, ips)
    const adopt = (containers: readonly Container[] | undefined, statuses: readonly ContainerStatus[] | undefined, init: boolean) => {
      for (const container of containers ?? []) {
        const status = statuses?.find(({ name }) => name === container.name)
        if (status?.containerID) this.#adoptContainer(made, pod, container, status, init)
      }
    }
    adopt(pod.spec?.initContainers, pod.status?.initContainerStatuses, true)
    adopt(pod.spec?.containers, pod.status?.containerStatuses, false)
    return true
  }

  #adoptContainer(made: SimPod, pod: Pod, container: Container, status: ContainerStatus, init: boolean): void {
    const adopted = this.#container(made, pod, container, status.restartCount, init)
    adopted.id = status.containerID as string
    const { running, terminated: ended } = status.state ?? {}
    if (running) {
      adopted.state = 'running'
      adopted.startedAtMs = Date.parse(running.startedAt ?? '')
      adopted.started = true
      adopted.ready = status.ready
    } else {
      const last = ended ?? status.lastState?.terminated
      adopted.state = 'exited'
      adopted.exitCode = last?.exitCode ?? 0
      adopted.finishedAtMs = last?.finishedAt ? Date.parse(last.finishedAt) : this.#clock.now()
      if (last?.startedAt) adopted.startedAtMs = Date.parse(last.startedAt)
      if (last?.reason) adopted.reason = last.reason
    }
    made.containers.push(adopted)
    this.#schedule(adopted)
  }

  startContainer(pod: Pod, container: Container, attempt: number): Promise<void> {
    const owner = this.#pods.get(pod.metadata.uid ?? '')
    if (!owner) return Promise.reject(new RuntimeError('CreateContainerError', 'the pod has no sandbox'))
    if (owner.containers.some((known) => known.name === container.name && known.attempt === attempt)) return done
    const init = pod.spec?.initContainers?.some(({ name }) => name === container.name) ?? false
    const made = this.#container(owner, pod, container, attempt, init)
    if (made.script.imagePullError !== undefined) {
      const why = made.script.imagePullError || `failed to resolve reference "${made.image}": not found`
      return Promise.reject(new RuntimeError('ErrImagePull', why))
    }
    this.#images.add(made.image)
    const before = owner.containers.filter(({ name }) => name === container.name)
    // Only one attempt before this one is kept.
    for (const old of before.slice(0, -1)) owner.containers.splice(owner.containers.indexOf(old), 1)
    owner.containers.push(made)
    if (made.startsAtMs <= this.#clock.now()) this.#begin(made, this.#clock.now())
    this.#schedule(made)
    return done
  }

  #container(owner: SimPod, pod: Pod, container: Container, attempt: number, init: boolean): SimContainer {
    const script = scriptOf(pod, container, init, this.#defaults)
    const image = fullImageName(container.image ?? '')
    return {
      ...{ pod: owner, script, image, attempt },
      name: container.name,
      exit: exitOf(script, attempt, init ? !isSidecar(container) : isJobPod(pod)),
      startsAtMs: this.#clock.now() + script.startDelayMs,
      id: `sim://${digest(`${owner.uid}/${container.name}/${attempt}`)}`,
      imageId: imageIdOf(image),
      state: 'created',
      ready: false,
      started: false,
    }
  }

  stopContainer(uid: string, name: string, graceMs: number): void {
    const container = this.#current(uid, name)
    if (!container || container.state === 'exited') return
    const nowMs = this.#clock.now()
    const takesMs = Math.min(container.script.stopAfterMs, Math.max(graceMs, 0))
    const atMs = nowMs + takesMs
    if (container.killedAtMs !== undefined && container.killedAtMs <= atMs) return
    container.killedAtMs = atMs
    container.killCode = container.script.stopAfterMs > takesMs ? killed : terminated
    if (atMs > nowMs) return this.#schedule(container)
    this.#agenda.delete(container)
    this.#end(container, nowMs, container.killCode)
    this.#handler(uid)
  }

  endPod(uid: string): Promise<void> {
    const pod = this.#pods.get(uid)
    if (pod) this.#releaseAddress(pod)
    return done
  }

  removePod(uid: string): Promise<void> {
    const pod = this.#pods.get(uid)
    if (!pod) return done
    for (const container of pod.containers) this.#agenda.delete(container)
    this.#releaseAddress(pod)
    this.#pods.delete(uid)
    return done
  }

  #releaseAddress(pod: SimPod): void {
    if (pod.cidr === undefined || !pod.holdsAddress) return
    pod.holdsAddress = false
    for (const ip of pod.ips) this.#addresses.release(pod.cidr, ip)
  }

  /** Carries a container through everything that is due by now. */
  #due(container: SimContainer): void {
    const nowMs = this.#clock.now()
    for (let atMs = nextOf(container); atMs !== undefined && atMs <= nowMs; atMs = nextOf(container)) {
      if (container.killedAtMs !== undefined && container.killedAtMs <= atMs) this.#end(container, nowMs, container.killCode ?? killed)
      else if (container.state === 'created') this.#begin(container, nowMs)
      else if (container.exit && exitTime(container, container.exit) <= atMs) this.#end(container, nowMs, container.exit.code)
      else container.ready = true
    }
    this.#schedule(container)
    this.#handler(container.pod.uid)
  }

  #begin(container: SimContainer, nowMs: number): void {
    container.state = 'running'
    container.startedAtMs = nowMs
    container.started = true
    container.ready = container.script.readyAfterMs === 0
  }

  #end(container: SimContainer, nowMs: number, exitCode: number): void {
    container.startedAtMs ??= nowMs
    container.state = 'exited'
    container.ready = false
    container.started = false
    container.finishedAtMs = nowMs
    container.exitCode = exitCode
    const asked = container.killedAtMs !== undefined
    container.reason = !asked && container.script.oom ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error'
    if (!asked && container.script.message !== undefined) container.message = container.script.message
  }

  #schedule(container: SimContainer): void {
    const atMs = nextOf(container)
    if (atMs === undefined) this.#agenda.delete(container)
    else this.#agenda.set(container, atMs)
  }

  #current(uid: string, name: string): SimContainer | undefined {
    return this.#pods.get(uid)?.containers.findLast((container) => container.name === name)
  }

  #running(uid: string, name: string): SimContainer {
    const container = this.#current(uid, name)
    if (container?.state !== 'running') throw new RuntimeError('ContainerNotRunning', `container not found ("${name}")`)
    return container
  }

  async exec(uid: string, name: string, request: ExecRequest): Promise<ExitStatus> {
    const { script } = this.#running(uid, name)
    if (script.execReply !== undefined) {
      request.stdout(encoder.encode(script.execReply.endsWith('\n') ? script.execReply : `${script.execReply}\n`))
      return { exitCode: script.execCode }
    }
    // 126 is a shell's "found, but cannot be run".
    const why = `the container "${name}" is simulated and runs no commands; the annotation sim.quorate.dev/exec-reply scripts an answer`
    request.stderr(encoder.encode(`${why}\n`))
    return { exitCode: 126 }
  }

  async attach(uid: string, name: string, streams: Streams): Promise<ExitStatus> {
    const container = this.#running(uid, name)
    const { signal } = streams
    for await (const chunk of simLogs(
      () => this.#source(container),
      { follow: true, tailLines: 0, ...(signal ? { signal } : {}) },
      this.#clock,
    ))
      streams.stdout(chunk)
    return { exitCode: container.exitCode ?? 0 }
  }

  portForward(_uid: string, port: number, connection: ByteStream): Promise<void> {
    connection.end()
    return Promise.reject(new RuntimeError('PortForwardError', `the pod is simulated and listens on no port (${port})`))
  }

  logs(uid: string, name: string, options: LogOptions): AsyncIterable<Uint8Array> {
    const attempts = this.#pods.get(uid)?.containers.filter((container) => container.name === name) ?? []
    const current = attempts.at(-1)
    const container = options.previous ? attempts.at(-2) : current
    if (options.previous && !container)
      throw new RuntimeError(
        'NoPreviousContainer',
        `previous terminated container "${name}" in pod "${this.#pods.get(uid)?.name ?? uid}" not found`,
      )
    if (!container || container.state === 'created')
      throw new RuntimeError(
        'ContainerCreating',
        `container "${name}" in pod "${this.#pods.get(uid)?.name ?? uid}" is waiting to start: ContainerCreating`,
      )
    return simLogs(() => this.#source(container), options, this.#clock)
  }

  #source(container: SimContainer): Parameters<typeof simLogs>[0] extends () => infer S ? S : never {
    if (this.#pods.get(container.pod.uid) !== container.pod) return undefined
    const { name, image, attempt, startedAtMs, finishedAtMs, exitCode, script } = container
    return { container: name, image, attempt, startedAtMs, finishedAtMs, exitCode, script }
  }

  stats(uid: string): readonly ContainerStats[] {
    const nowMs = this.#clock.now()
    return (this.#pods.get(uid)?.containers ?? [])
      .filter(({ state }) => state === 'running')
      .map((container) => statsOf(container.name, container.id, container.startedAtMs ?? nowMs, container.script, nowMs))
  }

  images(): readonly RuntimeImage[] {
    return [...this.#images].map((name) => ({ names: [name], sizeBytes: imageSizeBytes }))
  }
}

/** When something happens next to a container by itself. */
function nextOf(container: SimContainer): number | undefined {
  if (container.state === 'exited') return undefined
  let atMs = container.state === 'created' ? container.startsAtMs : Number.POSITIVE_INFINITY
  if (container.state === 'running') {
    if (container.exit) atMs = exitTime(container, container.exit)
    if (!container.ready) atMs = Math.min(atMs, (container.startedAtMs ?? 0) + container.script.readyAfterMs)
  }
  if (container.killedAtMs !== undefined) atMs = Math.min(atMs, container.killedAtMs)
  return Number.isFinite(atMs) ? atMs : undefined
}

function exitTime(container: SimContainer, exit: { readonly afterMs: number }): number {
  return (container.startedAtMs ?? 0) + exit.afterMs
}
