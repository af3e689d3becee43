/** The programs that a proxy drives: started without a shell, fed through standard input, never waited for without an end. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { QuorateError } from '../base/errors.js'

/** Runs a program of this machine (or, in tests, of a network namespace) and gives its output. */
export type RunProgram = (program: string, args: readonly string[], input?: Iterable<string>) => Promise<string>

export interface ProgramOptions {
  /** Words before the program: ['ip', 'netns', 'exec', NAME] runs it in a network namespace. */
  readonly prefix?: readonly string[]
  readonly timeoutMs?: number
}

const timeoutMsDefault = 120_000
const stderrLengthMax = 2_000

export class ProgramError extends QuorateError {
  readonly exitCode: number | null

  constructor(program: string, exitCode: number | null, stderr: string) {
    super('ProgramFailed', `${program} ended with ${exitCode ?? 'a signal'}: ${stderr.trim()}`)
    this.exitCode = exitCode
  }
}

/** Rejects with ProgramError when the program does not end with 0, with QuorateError when it cannot be started. */
export function runProgram({ prefix = [], timeoutMs = timeoutMsDefault }: ProgramOptions = {}): RunProgram {
  return async (program, args, input) => {
    const [command = program, ...rest] = [...prefix, program, ...args]
    const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' })
    const output: string[] = []
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (errors.length < stderrLengthMax) errors += text.slice(0, stderrLengthMax - errors.length)
    })
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', (error) =>
        reject(
          new QuorateError('ProgramMissing', `cannot run ${program}: ${error.message}`, { remedy: `Install ${program}.`, cause: error }),
        ),
      )
      child.once('close', resolve)
    })
    // A program that does not read its input closes it early; its exit code says why.
    child.stdin.on('error', () => undefined)
    // Rejected before anybody waits for it, it must not end the process.
    ended.catch(() => undefined)
    await feed(child.stdin, input ?? [])
    const code = await ended
    if (code !== 0) throw new ProgramError(program, code, errors)
    return output.join('')
  }
}

async function feed(stdin: NodeJS.WritableStream & { readonly destroyed?: boolean }, input: Iterable<string>): Promise<void> {
  for (const piece of input) {
    if (stdin.destroyed) return
    if (piece === '') continue
    if (!stdin.write(piece)) await Promise.race([once(stdin, 'drain'), once(stdin, 'close')])
    else await nextTurn()
  }
  stdin.end()
}

/** What is written may be long in the making: others get their turn between its pieces. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
