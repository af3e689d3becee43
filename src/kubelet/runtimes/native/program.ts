import type { RunningComponent } from '../../../base/component.js'
import { messageOf } from '../../../base/errors.js'
import type { LogStream } from './log-file.js'

export type WriteLog = (stream: LogStream, text: string) => void

/** What an image of the native runtime runs: a component in this process, or a program of the machine. */
export interface Program {
  /** What a manifest's command begins with. */
  readonly command: string
  /** Throws what a command would print about wrong flags. */
  start(argv: readonly string[], write: WriteLog): RunningProgram
}

export interface RunningProgram {
  /** Resolves when it serves. May reject, or never settle, when it ends before. */
  readonly ready: Promise<void>
  /** How it ended. */
  readonly exited: Promise<{ readonly code: number; readonly message?: string; readonly signal?: number }>
  /** SIGTERM's likeness: begins an orderly end. */
  stop(): void
  /** SIGKILL's likeness. */
  kill(): void
  usage?(): { readonly cpuNanoCores: number; readonly cpuCoreNanoSeconds: number; readonly memoryBytes: number }
}

/** A component of this process as a program: it exits 0 when it ended by itself or in order, 1 with its error otherwise. */
export function componentProgram(command: string, start: (argv: readonly string[], write: WriteLog) => RunningComponent): Program {
  return { command, start: (argv, write) => new RunningComponentProgram(start(argv, write), write) }
}

class RunningComponentProgram implements RunningProgram {
  readonly ready: Promise<void>
  readonly exited: RunningProgram['exited']
  readonly #component: RunningComponent
  #exit: (how: { code: number; message?: string }) => void = () => undefined

  constructor(component: RunningComponent, write: WriteLog) {
    this.#component = component
    this.ready = component.ready
    this.exited = new Promise((resolve) => {
      this.#exit = resolve
    })
    const failed = (error: unknown) => {
      write('stderr', `Error: ${messageOf(error)}\n`)
      this.#exit({ code: 1, message: messageOf(error) })
    }
    // What started before it failed must not go on serving.
    const endAfter = (error: unknown) => {
      component.stop({ crash: true }).then(
        () => failed(error),
        () => failed(error),
      )
    }
    component.ready.catch(endAfter)
    component.done.then(() => this.#exit({ code: 0 }), endAfter)
  }

  stop(): void {
    this.#end({}, 0)
  }

  kill(): void {
    this.#end({ crash: true }, 137)
  }

  #end(how: { crash?: boolean }, code: number): void {
    this.#component.stop(how).then(
      () => this.#exit({ code }),
      (error: unknown) => this.#exit({ code: 1, message: messageOf(error) }),
    )
  }
}
