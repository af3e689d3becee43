/** Runs programs for the harness: argument lists only, with an end to every wait. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

export interface RunOptions {
  readonly stdin?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  /** Killed, with all that it started in its process group, after so long. Default 30 s. */
  readonly timeoutMs?: number
}

export interface RunResult {
  /** 128 + signal when it was killed by one. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export function start(argv: readonly string[], { env }: Pick<RunOptions, 'env'> = {}): ChildProcessWithoutNullStreams {
  const [file = '', ...args] = argv
  return spawn(file, args, { stdio: 'pipe', detached: true, env: { ...process.env, ...env } })
}

export function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = start(argv, options)
    const timer = setTimeout(() => endGroup(child.pid), options.timeoutMs ?? 30_000)
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.once('error', (error) => {
      clearTimeout(timer)
      resolve({ code: 127, stdout, stderr: stderr + error.message })
    })
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code: code ?? (signal === 'SIGKILL' ? 137 : 143), stdout, stderr })
    })
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.stdin)
  })
}

/** Its standard output; throws with what it printed when it fails. */
export async function mustRun(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options)
  if (code !== 0) throw new Error(`${argv.join(' ').slice(0, 300)}: exit ${code}: ${(stderr || stdout).trim().slice(-2000)}`)
  return stdout
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid) process.kill(-pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

export async function until(what: string, done: () => boolean | Promise<boolean>, words: () => string = () => ''): Promise<void> {
  const endMs = Date.now() + 20_000
  while (!(await done())) {
    if (Date.now() > endMs) throw new Error(`waited in vain for ${what} ${words()}`)
    await sleep(10)
  }
}
