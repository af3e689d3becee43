import type { Container, EphemeralContainer, Pod } from '../api/types/core-v1.js'

/**
 * What a kubelet asks of whatever runs containers. Three implementations: sim (a state machine), native (components of this
 * package), cri (containerd). Guarantees that every implementation keeps, checked by runtime.contract.ts:
 * - reads (`pod`, `pods`) are synchronous, from the runtime's own memory, and never show a state older than one already shown;
 * - every change of a container's state that the caller did not wait for is followed by a call of the event handler;
 * - stopping is asked for and returns at once; that it happened shows in the state;
 * - each call is idempotent for a thing that is already so.
 */
export interface Runtime {
  /** As in Node.status.nodeInfo.containerRuntimeVersion and container ids: "sim://0.1.0". */
  readonly name: string
  readonly version: string
  /** Whether the network of a pod is real, so that probes can be. When not, `ContainerState.ready` answers for them. */
  readonly probes: 'real' | 'simulated'

  pod(uid: string): RuntimePod | undefined
  pods(): Iterable<RuntimePod>
  /** Calls `handler` with a pod's uid after a change of its containers. One handler; returns its removal. */
  events(handler: (uid: string) => void): () => void

  /** Makes the pod's sandbox: its address and place on disk. Throws RuntimeError. */
  runPod(pod: Pod, sandbox: SandboxOptions): Promise<void>
  /** Takes over what an earlier process of this kubelet ran, from the pod's status. False: nothing survived. */
  adoptPod?(pod: Pod, sandbox: SandboxOptions): boolean
  /** How many attempts of a container earlier processes of this node have begun, where the runtime can tell. */
  attemptsBefore?(pod: Pod, container: string): number
  /**
   * Starts the next attempt of a container. The attempt before it is kept as the previous one (logs, lastState) and anything
   * older is dropped. Throws RuntimeError when it cannot be started at all; what fails later shows as an exit.
   */
  startContainer(pod: Pod, container: Container | EphemeralContainer, attempt: number): Promise<StartReport | void>
  /** Begins to end a container: it has `graceMs` before it is killed. */
  stopContainer(uid: string, container: string, graceMs: number): void
  /** Gives back what a pod that has ended holds of the node (its address); its states and logs stay. */
  endPod(uid: string): Promise<void>
  /** Drops what is left of a pod. Containers that still run are killed. */
  removePod(uid: string): Promise<void>

  exec(uid: string, container: string, request: ExecRequest): Promise<ExitStatus>
  attach(uid: string, container: string, streams: Streams): Promise<ExitStatus>
  portForward(uid: string, port: number, connection: ByteStream): Promise<void>
  /** Throws RuntimeError when there is no such container or attempt. */
  logs(uid: string, container: string, options: LogOptions): AsyncIterable<Uint8Array>
  stats(uid: string): readonly ContainerStats[]
  images(): readonly RuntimeImage[]

  /**
   * Forwards ports by SPDY/3.1 streams (portforward.k8s.io) that the connection carries, whole and unread. Absent: ports are forwarded one
   * by one with `portForward`.
   */
  portForwardStreams?(uid: string, connection: ByteStream): Promise<void>
  /** Runs a command to its end, as probes do. Throws RuntimeError when it cannot be run, or not in time. */
  execSync?(uid: string, container: string, command: readonly string[], timeoutMs: number): Promise<CommandResult>
  /** The pod as the API now has it: called whenever it is looked at. */
  observed?(pod: Pod): void
  /** Tells what only the runtime knows while it works for a pod: one handler, that writes it as events. */
  notices?(handler: (uid: string, notice: Notice) => void): void
  /** Why pods cannot be run now. Undefined: nothing is known to be wrong. */
  health?(): RuntimeHealth
  /** Calls `handler` when `health` says something else. */
  healthChanges?(handler: () => void): void
}

export interface StartReport {
  /** What became of the image and of the container has been told by `notices`. */
  readonly told: boolean
}

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array
}

export interface Notice {
  readonly reason: string
  readonly message: string
  readonly warning: boolean
}

/** In the words of the Node's Ready condition. */
export interface RuntimeHealth {
  readonly runtime: readonly string[]
  readonly network: string | undefined
}

export interface SandboxOptions {
  /** The addresses of the node, which host-network pods share. */
  readonly hostIps: readonly string[]
  /** Node.spec.podCIDR, when it is known. */
  readonly podCidr: string | undefined
  readonly nodeName: string
}

export interface RuntimePod {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly ips: readonly string[]
  /** Nothing listens on its addresses: what probes would say is in its containers' states. */
  readonly simulated?: boolean
  /** Its sandbox has ended (a reboot, a crash): before anything of it can be started, `runPod` makes another. */
  readonly sandboxLost?: boolean
  /** Oldest attempt first; at most the current and the previous attempt of each container. */
  readonly containers: readonly RuntimeContainer[]
}

export interface RuntimeContainer {
  readonly name: string
  /** "sim://…": as the API shows it. */
  readonly id: string
  readonly image: string
  readonly imageId: string
  readonly attempt: number
  readonly state: 'created' | 'running' | 'exited'
  readonly startedAtMs?: number
  readonly finishedAtMs?: number
  readonly exitCode?: number
  readonly signal?: number
  /** "Completed", "Error", "OOMKilled", "ContainerCannotRun". */
  readonly reason?: string
  /** The termination message. */
  readonly message?: string
  /** Set by runtimes whose probes are simulated: what readiness and startup probes would say. */
  readonly ready?: boolean
  readonly started?: boolean
  /** It ran in a sandbox that is no more: its pod's init containers run again. */
  readonly earlierSandbox?: boolean
}

/** Why a runtime could not do something; `reason` is what the API shows ("ErrImagePull", "CreateContainerError"). */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError'
  readonly reason: string

  constructor(reason: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.reason = reason
  }
}

export interface Streams {
  readonly stdin?: AsyncIterable<Uint8Array>
  stdout(chunk: Uint8Array): void
  stderr(chunk: Uint8Array): void
  /** Terminal sizes, as they change. */
  readonly resizes?: AsyncIterable<{ readonly width: number; readonly height: number }>
  readonly signal?: AbortSignal
}

export interface ExecRequest extends Streams {
  readonly command: readonly string[]
  readonly tty: boolean
}

export interface ExitStatus {
  readonly exitCode: number
}

export interface ByteStream {
  readonly incoming: AsyncIterable<Uint8Array>
  write(chunk: Uint8Array): void
  end(): void
}

export interface LogOptions {
  readonly follow?: boolean
  readonly previous?: boolean
  readonly tailLines?: number
  readonly sinceMs?: number
  readonly timestamps?: boolean
  readonly limitBytes?: number
  readonly stream?: 'All' | 'Stdout' | 'Stderr'
  readonly signal?: AbortSignal
}

export interface ContainerStats {
  readonly name: string
  readonly startedAtMs: number
  readonly cpuNanoCores: number
  readonly cpuCoreNanoSeconds: number
  readonly memoryBytes: number
  readonly logBytes: number
  /** What it wrote to its root file system, where that is known. */
  readonly writableBytes?: number
  readonly writableInodes?: number
}

export interface RuntimeImage {
  readonly names: readonly string[]
  readonly sizeBytes: number
}
