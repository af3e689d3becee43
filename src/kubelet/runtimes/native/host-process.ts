/** A program of the machine as a container: a child process without a shell, which does not outlive this one. */
import { spawnBound } from '../../../base/node/bound-child.js'
import type { Program, RunningProgram, WriteLog } from './program.js'

export interface HostProcessOptions {
  /** What a manifest's command begins with. */
  readonly command: string
  /** The program to run; looked up in $PATH when it is a bare name. */
  readonly binary: string
  /** Turns an argument of the manifest into that of the process (paths of a node that has its own root). */
  mapArgument?(argument: string): string
}

const messageMax = 2048
const signals: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 }

export function hostProcess({ command, binary, mapArgument = (argument) => argument }: HostProcessOptions): Program {
  return {
    command,
    start(argv, write) {
      return run(binary, argv.map(mapArgument), write)
    },
  }
}

/** A child process as a running program. */
export function run(file: string, args: readonly string[], write: WriteLog): RunningProgram {
  const child = spawnBound(file, args)
  let last = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => write('stdout', text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    last = (last + text).slice(-messageMax)
    write('stderr', text)
  })
  const exited: RunningProgram['exited'] = new Promise((resolve) => {
    child.once('error', (error) => {
      resolve({ code: 127, message: error.message })
    })
    child.once('close', (code, signal) => {
      const number = signal ? (signals[signal] ?? 1) : undefined
      resolve({
        code: code ?? 128 + (number ?? 1),
        ...(number === undefined ? {} : { signal: number }),
        ...(code ? { message: last.trim() } : {}),
      })
    })
  })
  const ready = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  ready.catch(() => undefined)
  return { ready, exited, stop: () => void child.kill('SIGTERM'), kill: () => void child.kill('SIGKILL') }
}
