import type { Container, EphemeralContainer, Pod } from '../../../api/types/core-v1.js'
import type {
  ByteStream,
  CommandResult,
  ContainerStats,
  ExecRequest,
  ExitStatus,
  LogOptions,
  Notice,
  Runtime,
  RuntimeHealth,
  RuntimeImage,
  RuntimePod,
  SandboxOptions,
  StartReport,
  Streams,
} from '../../runtime.js'
import { isNativePod, type NativeRuntime } from '../native/native-runtime.js'
import type { CriRuntime } from './cri-runtime.js'

/**
 * Pods of a real node: their sandboxes are the container runtime's, and so are their containers, except those of images
 * `quorate/COMPONENT`, which are processes of this package inside the sandbox. A pod is of one kind or the other as a whole.
 */
export class NativeInSandbox implements Runtime {
  readonly name: string
  readonly version: string
  readonly probes = 'real'
  readonly #cri: CriRuntime
  readonly #native: NativeRuntime

  constructor(cri: CriRuntime, native: NativeRuntime) {
    this.#cri = cri
    this.#native = native
    this.name = cri.name
    this.version = cri.version
  }

  pod(uid: string): RuntimePod | undefined {
    const sandbox = this.#cri.pod(uid)
    const own = this.#native.pod(uid)
    if (!sandbox || !own) return sandbox
    // Whether they serve is for their probes to say.
    return { ...sandbox, containers: own.containers.map(({ ready: _, started: __, ...container }) => container) }
  }

  *pods(): Iterable<RuntimePod> {
    for (const { uid } of this.#cri.pods()) yield this.pod(uid) as RuntimePod
  }

  #of(uid: string): Runtime {
    return this.#native.pod(uid) ? this.#native : this.#cri
  }

  events(handler: (uid: string) => void): () => void {
    const removals = [this.#cri.events(handler), this.#native.events(handler)]
    return () => {
      for (const remove of removals) remove()
    }
  }

  async runPod(pod: Pod, sandbox: SandboxOptions): Promise<void> {
    await this.#cri.runPod(pod, sandbox)
    if (isNativePod(pod)) await this.#native.runPod(pod, sandbox)
  }

  attemptsBefore(pod: Pod, container: string): number {
    return this.#cri.attemptsBefore(pod, container)
  }

  async startContainer(pod: Pod, container: Container | EphemeralContainer, attempt: number): Promise<StartReport | void> {
    if (!isNativePod(pod)) return this.#cri.startContainer(pod, container, attempt)
    // The sandbox may be one that a process before this one made.
    await this.#native.runPod(pod, { hostIps: [], podCidr: undefined, nodeName: '' })
    return this.#native.startContainer(pod, container as Container, attempt)
  }

  stopContainer(uid: string, container: string, graceMs: number): void {
    this.#of(uid).stopContainer(uid, container, graceMs)
  }

  endPod(uid: string): Promise<void> {
    return this.#cri.endPod(uid)
  }

  async removePod(uid: string): Promise<void> {
    await this.#native.removePod(uid)
    await this.#cri.removePod(uid)
  }

  exec(uid: string, container: string, request: ExecRequest): Promise<ExitStatus> {
    return this.#of(uid).exec(uid, container, request)
  }

  attach(uid: string, container: string, streams: Streams): Promise<ExitStatus> {
    return this.#of(uid).attach(uid, container, streams)
  }

  portForward(uid: string, port: number, connection: ByteStream): Promise<void> {
    return this.#cri.portForward(uid, port, connection)
  }

  portForwardStreams(uid: string, connection: ByteStream): Promise<void> {
    return this.#cri.portForwardStreams(uid, connection)
  }

  logs(uid: string, container: string, options: LogOptions): AsyncIterable<Uint8Array> {
    return this.#of(uid).logs(uid, container, options)
  }

  stats(uid: string): readonly ContainerStats[] {
    return this.#of(uid).stats(uid)
  }

  images(): readonly RuntimeImage[] {
    return this.#cri.images()
  }

  execSync(uid: string, container: string, command: readonly string[], timeoutMs: number): Promise<CommandResult> {
    return this.#cri.execSync(uid, container, command, timeoutMs)
  }

  observed(pod: Pod): void {
    this.#cri.observed(pod)
  }

  notices(handler: (uid: string, notice: Notice) => void): void {
    this.#cri.notices(handler)
  }

  health(): RuntimeHealth {
    return this.#cri.health()
  }

  healthChanges(handler: () => void): void {
    this.#cri.healthChanges(handler)
  }
}
