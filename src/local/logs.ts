/**
 * `quorate logs`: read from the files of the node, so that it works when no API server does. A static pod's log is where its kubelet
 * keeps it, in the format of the CRI; machines and processes write their own.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.js'
import { QuorateError } from '../base/errors.js'
import type { LocalCluster } from './context.js'
import { parseTarget, type Target } from './targets.js'

export interface LogsOptions {
  readonly target: string
  readonly follow: boolean
  /** Only so many of the last lines; undefined: all. */
  readonly tail: number | undefined
  readonly signal: AbortSignal
  write(text: string): void
}

const pollMs = 200
const chunkBytes = 65_536

export async function showLogs(cluster: LocalCluster, clock: Clock, options: LogsOptions): Promise<void> {
  const target = parseTarget(cluster.state, options.target)
  const source = sourceOf(cluster, target)
  let file = source.file()
  if (file === undefined)
    throw new QuorateError('NoLog', `${options.target} has not written a log yet`, {
      remedy: `See \`quorate status ${cluster.state.name}\`.`,
    })
  let reader = new LogReader(file, source.plain)
  const lines = reader.read()
  const first = options.tail === undefined ? lines : lines.slice(Math.max(0, lines.length - options.tail))
  for (const line of first) options.write(line)
  while (options.follow && !options.signal.aborted) {
    await clock.sleep(pollMs, options.signal).catch(() => undefined)
    for (const line of reader.read()) options.write(line)
    const newest = source.file()
    // A container that starts again writes a file of its own.
    if (newest !== undefined && newest !== file) {
      file = newest
      reader.close()
      reader = new LogReader(file, source.plain)
    }
  }
  reader.close()
}

interface LogSource {
  /** The newest file. */
  file(): string | undefined
  plain(line: string): string
}

function sourceOf({ paths }: LocalCluster, target: Target): LogSource {
  if (target.kind === 'worker')
    throw new QuorateError('BadUsage', `${target.name} is simulated: it has no log of its own`, {
      remedy: `See \`quorate logs fleet\`, or \`kubectl logs\` for its pods.`,
    })
  if (target.kind !== 'component') {
    const file = paths.log(target.name)
    return { file: () => (modifiedMs(file) === undefined ? undefined : file), plain: (line) => line }
  }
  const pods = join(paths.node(target.node), 'var/log/pods')
  const prefix = `kube-system_${target.component}-${target.node}_`
  return { file: () => newestLog(pods, prefix, target.component), plain: withoutCriHead }
}

/** The newest file of the newest pod: every change of a manifest is a pod of its own. */
function newestLog(pods: string, prefix: string, container: string): string | undefined {
  const files = entries(pods)
    .filter((dir) => dir.startsWith(prefix))
    .flatMap((dir) => entries(join(pods, dir, container)).map((file) => join(pods, dir, container, file)))
    .filter((file) => file.endsWith('.log'))
  return files.map((file) => ({ file, at: modifiedMs(file) ?? 0 })).toSorted((a, b) => b.at - a.at)[0]?.file
}

function entries(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}

function modifiedMs(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs
}

/** "2026-11-25T02:00:00.000000000Z stderr F text" → "text" */
export function withoutCriHead(line: string): string {
  return /^\S+ (?:stdout|stderr) [FP] (.*)$/s.exec(line)?.[1] ?? line
}

/** The whole lines that a file has gained since the last read. */
class LogReader {
  readonly #file: number
  readonly #plain: (line: string) => string
  #at = 0
  #rest = ''

  constructor(path: string, plain: (line: string) => string) {
    this.#file = openSync(path, 'r')
    this.#plain = plain
  }

  read(): string[] {
    const { size } = fstatSync(this.#file)
    let text = this.#rest
    const bytes = Buffer.alloc(chunkBytes)
    while (this.#at < size) {
      const got = readSync(this.#file, bytes, 0, Math.min(chunkBytes, size - this.#at), this.#at)
      if (got === 0) break
      this.#at += got
      text += bytes.toString('latin1', 0, got)
    }
    const parts = text.split('\n')
    this.#rest = parts.pop() as string
    // Bytes that make up one character may come in two reads: a line is decoded whole.
    return parts.map((line) => `${this.#plain(Buffer.from(line, 'latin1').toString('utf8'))}\n`)
  }

  close(): void {
    closeSync(this.#file)
  }
}
