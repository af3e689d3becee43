import type { Container, EphemeralContainer, Pod } from '../../api/types/core-v1.js'
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
} from '../runtime.js'

/**
 * Two runtimes on one node: each pod is run by the one that its images are for, and stays with it. A control plane of `quorate up`
 * runs its own components for real, and pretends to run what else is sent to it (the pods of a DaemonSet).
 */
export class MixedRuntime implements Runtime {
  readonly name: string
  readonly version: string
  readonly probes = 'real'
  readonly #main: Runtime
  readonly #other: Runtime
  readonly #isMain: (pod: Pod) => boolean

  constructor(main: Runtime, other: Runtime, isMain: (pod: Pod) => boolean) {
    this.#main = main
    this.#other = other
    this.#isMain = isMain
    this.name = main.name
    this.version = main.version
  }

  #of(uid: string): Runtime {
    return this.#other.pod(uid) ? this.#other : this.#main
  }

  #for(pod: Pod): Runtime {
    return this.#isMain(pod) ? this.#main : this.#other
  }

  pod(uid: string): RuntimePod | undefined {
    return this.#main.pod(uid) ?? this.#other.pod(uid)
  }

  *pods(): Iterable<RuntimePod> {
    yield* this.#main.pods()
    yield* this.#other.pods()
  }

  events(handler: (uid: string) => void): () => void {
    const removals = [this.#main.events(handler), this.#other.events(handler)]
    return () => {
      for (const remove of removals) remove()
    }
  }

  runPod(pod: Pod, sandbox: SandboxOptions): Promise<void> {
    return this.#for(pod).runPod(pod, sandbox)
  }

  adoptPod(pod: Pod, sandbox: SandboxOptions): boolean {
    return this.#for(pod).adoptPod?.(pod, sandbox) ?? false
  }

  attemptsBefore(pod: Pod, container: string): number {
    return this.#for(pod).attemptsBefore?.(pod, container) ?? 0
  }

  startContainer(pod: Pod, container: Container | EphemeralContainer, attempt: number): Promise<StartReport | void> {
    return this.#of(pod.metadata.uid ?? '').startContainer(pod, container, attempt)
  }

  stopContainer(uid: string, container: string, graceMs: number): void {
    this.#of(uid).stopContainer(uid, container, graceMs)
  }

  endPod(uid: string): Promise<void> {
    return this.#of(uid).endPod(uid)
  }

  removePod(uid: string): Promise<void> {
    return this.#of(uid).removePod(uid)
  }

  exec(uid: string, container: string, request: ExecRequest): Promise<ExitStatus> {
    return this.#of(uid).exec(uid, container, request)
  }

  attach(uid: string, container: string, streams: Streams): Promise<ExitStatus> {
    return this.#of(uid).attach(uid, container, streams)
  }

  portForward(uid: string, port: number, connection: ByteStream): Promise<void> {
    return this.#of(uid).portForward(uid, port, connection)
  }

  logs(uid: string, container: string, options: LogOptions): AsyncIterable<Uint8Array> {
    return this.#of(uid).logs(uid, container, options)
  }

  stats(uid: string): readonly ContainerStats[] {
    return this.#of(uid).stats(uid)
  }

  images(): readonly RuntimeImage[] {
    return [...this.#main.images(), ...this.#other.images()]
  }

  async portForwardStreams(uid: string, connection: ByteStream): Promise<void> {
    const runtime = this.#of(uid)
    if (!runtime.portForwardStreams) throw new RuntimeError('PortForwardError', 'SPDY streams are not served for this pod')
    await runtime.portForwardStreams(uid, connection)
  }

  execSync(uid: string, container: string, command: readonly string[], timeoutMs: number): Promise<CommandResult> {
    const runtime = this.#of(uid)
    // A runtime without commands is one whose probes of that kind always pass.
    const nothing: CommandResult = { exitCode: 0, stdout: new Uint8Array(), stderr: new Uint8Array() }
    return runtime.execSync ? runtime.execSync(uid, container, command, timeoutMs) : Promise.resolve(nothing)
  }

  observed(pod: Pod): void {
    this.#for(pod).observed?.(pod)
  }

  notices(handler: (uid: string, notice: Notice) => void): void {
    this.#main.notices?.(handler)
    this.#other.notices?.(handler)
  }

  health(): RuntimeHealth {
    const both = [this.#main.health?.(), this.#other.health?.()]
    return {
      runtime: both.flatMap((one) => one?.runtime ?? []),
      network: both.map((one) => one?.network).find((text) => text !== undefined),
    }
  }

  healthChanges(handler: () => void): void {
    this.#main.healthChanges?.(handler)
    this.#other.healthChanges?.(handler)
  }
}
