/** The machine itself: its programs, its /proc/sys. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { QuorateError } from '../../base/errors.js'
import type { Clock } from '../../base/clock.js'
import { CommandError, type NetworkHost } from './host.js'

export interface LocalHostOptions {
  readonly clock: Clock
  /** Written before every command: "ip netns exec NAME". */
  readonly enter?: readonly string[]
  /** The file system's root, as the process sees it. */
  readonly root?: string
}

/** A program that follows the kernel and ends is started again after this. */
const followAgainMs = 1_000
/** No answer of `ip` or `nft` takes longer; one that hangs must not hold up the network for ever. */
const commandMsMax = 60_000
const outputBytesMax = 256 * 2 ** 20

export function localHost({ clock, enter = [], root = '/' }: LocalHostOptions): NetworkHost {
  const start = (program: string, argv: readonly string[]) => {
    const [first = '', ...rest] = [...enter, program, ...argv]
    return spawn(first, rest, { stdio: ['pipe', 'pipe', 'pipe'] })
  }
  return {
    run: (program, argv, input = '') => collect(start(program, argv), { program, argv, input, clock }),
    follow(program, argv, onLine, signal) {
      const again = () => {
        if (signal.aborted) return
        const child = start(program, argv)
        const kill = () => void child.kill('SIGKILL')
        signal.addEventListener('abort', kill, { once: true })
        child.stdin.on('error', () => undefined)
        createInterface({ input: child.stdout }).on('line', onLine)
        child.stderr.resume()
        child.once('error', () => undefined)
        child.once('close', () => {
          signal.removeEventListener('abort', kill)
          if (!signal.aborted) clock.timer(followAgainMs, again)
        })
      }
      again()
    },
    async readSetting(path) {
      try {
        return (await readFile(join(root, 'proc/sys', path), 'utf8')).trim()
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    writeSetting: (path, value) => writeFile(join(root, 'proc/sys', path), value),
  }
}

interface Command {
  readonly program: string
  readonly argv: readonly string[]
  readonly input: string
  readonly clock: Clock
}

function collect(child: ChildProcess, { program, argv, input, clock }: Command): Promise<string> {
  return new Promise((resolve, reject) => {
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []]
    let bytes = 0
    const keep = (chunks: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= outputBytesMax) chunks.push(chunk)
      else child.kill('SIGKILL')
    }
    const cancel = clock.timer(commandMsMax, () => child.kill('SIGKILL'))
    child.stdout?.on('data', keep(stdout))
    child.stderr?.on('data', keep(stderr))
    child.once('error', (error) => {
      cancel()
      reject(
        new QuorateError('ProgramMissing', `the pod network cannot run ${program}: ${error.message}`, {
          cause: error,
          remedy: 'Install the packages iproute2 and nftables.',
        }),
      )
    })
    child.once('close', (code) => {
      cancel()
      const [out, err] = [Buffer.concat(stdout).toString(), Buffer.concat(stderr).toString()]
      if (code === 0) resolve(out)
      else reject(new CommandError(program, argv, { code, stdout: out, stderr: err }))
    })
    // A program that ends early leaves its input unread.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}
