/**
 * Runs components of this package as containers, in this process: image `quorate/COMPONENT:TAG` is the component of that name, with
 * the flags of the manifest's command. Some images are programs of the machine (host processes) and run as child processes.
 * A component that fails or is stopped ends as a container does, with an exit code and its words in its log; the process and the
 * other components go on. Logs are where a kubelet has them: LOGS/NAMESPACE_POD_UID/CONTAINER/ATTEMPT.log.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ComponentDeps } from '../../../base/component.js'
import { messageOf } from '../../../base/errors.js'
import type { Container, Pod } from '../../../api/types/core-v1.js'
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
import { LogFile } from './log-file.js'
import { readLog } from './log-reader.js'
import type { Program, RunningProgram } from './program.js'

export interface NativeRuntimeOptions extends ComponentDeps {
  readonly version: string
  /** Where logs of pods lie (/var/log/pods of the node). */
  readonly logsDir: string
  /** What an image runs, by the last part of its name without the tag; undefined: there is no such image. */
  program(name: string, of: { readonly pod: Pod; readonly container: Container }): Promise<Program> | undefined
}

interface NativeContainer extends RuntimeContainer {
  readonly pod: NativePod
  readonly log: LogFile
  readonly logPath: string
  state: 'created' | 'running' | 'exited'
  startedAtMs?: number
  finishedAtMs?: number
  exitCode?: number
  signal?: number
  reason?: string
  message?: string
  ready: boolean
  started: boolean
  program?: RunningProgram
  /** It was killed, however its program says that it ended. */
  killed: boolean
  /** The error that ended it from outside. */
  panic?: string
}

interface NativePod extends RuntimePod {
  readonly logDir: string
  readonly containers: NativeContainer[]
}

/** Whether every image of a pod is one that this runtime is for. */
export function isNativePod({ spec }: Pod): boolean {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].every(({ image }) => imagePattern.test(image ?? ''))
}

const imagePattern = /^(?:docker\.io\/)?quorate\/([a-z0-9-]+)(?::[\w.+-]+)?$/
/** What a kill does to an exit code: 128 + SIGKILL. */
const killedCode = 137
/** As a Go program's. */
const panicCode = 2
const messageMax = 4096

export class NativeRuntime implements Runtime {
  readonly name = 'native'
  readonly version: string
  readonly probes = 'real'
  readonly #options: NativeRuntimeOptions
  readonly #pods = new Map<string, NativePod>()
  readonly #images = new Set<string>()
  #serial = 0
  #handler: (uid: string) => void = () => undefined

  constructor(options: NativeRuntimeOptions) {
    this.#options = options
    this.version = options.version
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

  async runPod({ metadata }: Pod, sandbox: SandboxOptions): Promise<void> {
    const { uid = '', namespace = '', name = '' } = metadata
    if (this.#pods.has(uid)) return
    const logDir = this.#logDir(metadata)
    this.#dropLogsOfOthers(`${namespace}_${name}_`, logDir)
    this.#pods.set(uid, { uid, namespace, name, ips: sandbox.hostIps, logDir, containers: [] })
  }

  #logDir({ namespace = '', name = '', uid = '' }: Pod['metadata']): string {
    return join(this.#options.logsDir, `${namespace}_${name}_${uid}`)
  }

  /** Pods that had this one's name before it, in an earlier process of this node. */
  #dropLogsOfOthers(prefix: string, own: string): void {
    const { logsDir } = this.#options
    for (const name of filesOf(logsDir)) {
      const dir = join(logsDir, name)
      const isAlive = [...this.#pods.values()].some(({ logDir }) => logDir === dir)
      if (name.startsWith(prefix) && dir !== own && !isAlive) rmSync(dir, { recursive: true, force: true })
    }
  }

  attemptsBefore({ metadata }: Pod, container: string): number {
    const attempts = filesOf(join(this.#logDir(metadata), container)).map((file) => Number.parseInt(file, 10))
    return attempts.length === 0 ? 0 : Math.max(...attempts.filter(Number.isInteger)) + 1
  }

  async startContainer(pod: Pod, container: Container, attempt: number): Promise<void> {
    const owner = this.#pods.get(pod.metadata.uid ?? '')
    if (!owner) throw new RuntimeError('CreateContainerError', 'the pod has no sandbox')
    if (owner.containers.some((known) => known.name === container.name && known.attempt === attempt)) return
    const { image = '' } = container
    const program = await this.#programOf(image, pod, container)
    const made = this.#make(owner, container, image, attempt)
    this.#images.add(image)
    this.#dropOld(owner, made)
    owner.containers.push(made)
    this.#run(made, program, container)
  }

  async #programOf(image: string, pod: Pod, container: Container): Promise<Program> {
    const component = imagePattern.exec(image)?.[1] ?? ''
    const program = component === '' ? undefined : await this.#options.program(component, { pod, container })
    if (!program)
      throw new RuntimeError(
        'ErrImagePull',
        `rpc error: code = NotFound desc = failed to pull and unpack image "${image}": this node runs images quorate/COMPONENT:TAG only`,
      )
    const [command] = container.command ?? []
    const base = command?.slice(command.lastIndexOf('/') + 1)
    if (base !== undefined && base !== program.command)
      throw new RuntimeError(
        'RunContainerError',
        `failed to create containerd task: exec: ${JSON.stringify(command)}: executable file not found in $PATH: unknown`,
      )
    return program
  }

  #make(owner: NativePod, { name }: Container, image: string, attempt: number): NativeContainer {
    const { clock, random } = this.#options
    // A number that an earlier process of this node used already has its log: it is the previous one, and stays.
    const logPath = join(owner.logDir, name, `${attempt}.log`)
    return {
      ...{ name, image, attempt, pod: owner, logPath },
      log: new LogFile({ path: logPath, clock }),
      id: `native://${random.uuid().replaceAll('-', '')}${(this.#serial++).toString(16).padStart(8, '0')}`,
      imageId: image,
      state: 'created',
      ready: false,
      started: false,
      killed: false,
    }
  }

  /** Of the attempts before the new one only the last is kept. */
  #dropOld(owner: NativePod, next: NativeContainer): void {
    const attempts = owner.containers.filter((known) => known.name === next.name)
    for (const old of attempts.slice(0, -1)) owner.containers.splice(owner.containers.indexOf(old), 1)
    const keep = new Set([`${next.attempt}.log`, `${next.attempt - 1}.log`])
    const dir = dirname(next.logPath)
    for (const file of filesOf(dir)) if (![...keep].some((name) => file.startsWith(name))) rmSync(join(dir, file), { force: true })
  }

  #run(made: NativeContainer, program: Program, container: Container): void {
    const { clock } = this.#options
    const argv = [...(container.command ?? []).slice(1), ...(container.args ?? [])]
    made.state = 'running'
    made.startedAtMs = clock.now()
    try {
      made.program = program.start(argv, (stream, text) => made.log.write(stream, text))
    } catch (error) {
      // As a command prints what is wrong with its flags before it exits.
      made.log.write('stderr', `Error: ${messageOf(error)}\n`)
      this.#exited(made, 1, messageOf(error))
      return
    }
    made.program.ready.then(
      () => {
        made.ready = true
        made.started = true
        this.#handler(made.pod.uid)
      },
      () => undefined,
    )
    made.program.exited.then(
      ({ code, message, signal }) => this.#exited(made, code, message, signal),
      (error: unknown) => this.#exited(made, 1, messageOf(error)),
    )
    this.#handler(made.pod.uid)
  }

  #exited(made: NativeContainer, code: number, message?: string, signal?: number): void {
    if (made.state === 'exited') return
    made.state = 'exited'
    made.ready = false
    made.started = false
    made.finishedAtMs = this.#options.clock.now()
    made.exitCode = made.panic !== undefined ? panicCode : made.killed ? killedCode : code
    made.reason = made.exitCode === 0 ? 'Completed' : 'Error'
    if (signal !== undefined && made.panic === undefined) made.signal = signal
    const words = made.panic ?? (made.killed ? undefined : message)
    if (words) made.message = words.slice(-messageMax)
    made.log.close()
    this.#handler(made.pod.uid)
  }

  stopContainer(uid: string, name: string, graceMs: number): void {
    const container = this.#current(uid, name)
    if (container?.state !== 'running' || !container.program) return
    container.program.stop()
    const cancel = this.#options.clock.timer(Math.max(graceMs, 0), () => this.#kill(container))
    container.program.exited.then(cancel, cancel)
  }

  /** What SIGKILL would do to a container of a running pod: it ends at once, and its kubelet starts it again. False: none runs. */
  crash(namespace: string, pod: string, name: string): boolean {
    for (const { uid, ...known } of this.#pods.values()) {
      if (known.namespace !== namespace || known.name !== pod) continue
      const container = this.#current(uid, name)
      if (container?.state === 'running') {
        this.#kill(container)
        return true
      }
    }
    return false
  }

  #kill(container: NativeContainer): void {
    if (container.state !== 'running') return
    container.killed = true
    container.program?.kill()
  }

  /**
   * An error that nothing caught. Which component it came from cannot be told without a price on every promise of the process, so
   * every one of them ends as a program that panics does, and its kubelet starts it again: nothing goes on in a state that it did
   * not expect.
   */
  panic(error: unknown): void {
    for (const { containers } of this.#pods.values())
      for (const container of containers) {
        if (container.state !== 'running') continue
        container.log.write('stderr', `panic: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
        container.panic = `panic: ${messageOf(error)}`
        container.program?.kill()
      }
  }

  async endPod(): Promise<void> {}

  async removePod(uid: string): Promise<void> {
    const pod = this.#pods.get(uid)
    if (!pod) return
    this.#pods.delete(uid)
    for (const container of pod.containers) this.#kill(container)
    await Promise.all(pod.containers.map(ended))
    for (const container of pod.containers) container.log.close()
    if (existsSync(pod.logDir)) rmSync(pod.logDir, { recursive: true, force: true })
  }

  /** Ends every container: in order, or as a power cut would. */
  async stopAll({ crash = false, graceMs = 10_000 }: { crash?: boolean; graceMs?: number } = {}): Promise<void> {
    const running = [...this.#pods.values()].flatMap(({ containers }) => containers.filter(({ state }) => state === 'running'))
    for (const container of running) {
      if (crash) this.#kill(container)
      else this.stopContainer(container.pod.uid, container.name, graceMs)
    }
    await Promise.all(running.map(ended))
  }

  #current(uid: string, name: string): NativeContainer | undefined {
    return this.#pods.get(uid)?.containers.findLast((container) => container.name === name)
  }

  async exec(_uid: string, container: string, request: ExecRequest): Promise<ExitStatus> {
    const why = `the container "${container}" is a component of Quorate inside its node's process: there is nothing to run a command in`
    request.stderr(new TextEncoder().encode(`${why}\n`))
    return { exitCode: 126 }
  }

  async attach(uid: string, name: string, streams: Streams): Promise<ExitStatus> {
    const container = this.#current(uid, name)
    if (container?.state !== 'running') throw new RuntimeError('ContainerNotRunning', `container not found ("${name}")`)
    const { signal } = streams
    const options = { follow: true, tailLines: 0, ...(signal ? { signal } : {}) }
    for await (const chunk of readLog(container.logPath, options, container.log)) streams.stdout(chunk)
    return { exitCode: container.exitCode ?? 0 }
  }

  portForward(_uid: string, port: number, connection: ByteStream): Promise<void> {
    connection.end()
    return Promise.reject(new RuntimeError('PortForwardError', `port ${port} cannot be forwarded: the pod shares its node's network`))
  }

  logs(uid: string, name: string, options: LogOptions): AsyncIterable<Uint8Array> {
    const attempts = this.#pods.get(uid)?.containers.filter((container) => container.name === name) ?? []
    const podName = this.#pods.get(uid)?.name ?? uid
    const current = attempts.at(-1)
    const container = options.previous ? attempts.at(-2) : current
    if (options.previous && !container) {
      // What ran before this process has left its log.
      const path = current && join(dirname(current.logPath), `${current.attempt - 1}.log`)
      if (path && existsSync(path)) return readLog(path, options, undefined)
      throw new RuntimeError('NoPreviousContainer', `previous terminated container "${name}" in pod "${podName}" not found`)
    }
    if (!container)
      throw new RuntimeError('ContainerCreating', `container "${name}" in pod "${podName}" is waiting to start: ContainerCreating`)
    return readLog(container.logPath, options, container.log)
  }

  stats(uid: string): readonly ContainerStats[] {
    const running = (this.#pods.get(uid)?.containers ?? []).filter(({ state }) => state === 'running')
    return running.map(({ name, startedAtMs = 0, program, log }) => ({
      name,
      startedAtMs,
      logBytes: log.size,
      ...(program?.usage?.() ?? { cpuNanoCores: 0, cpuCoreNanoSeconds: 0, memoryBytes: 0 }),
    }))
  }

  images(): readonly RuntimeImage[] {
    return [...this.#images].map((name) => ({ names: [name], sizeBytes: 0 }))
  }
}

async function ended({ program }: NativeContainer): Promise<void> {
  await program?.exited.catch(() => undefined)
}

function filesOf(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
