/** Reads logs in the CRI's format, as `kubectl logs` asks for them: the end of it, since a time, on and on. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import type { LogOptions } from '../../runtime.js'

const blockBytes = 64 * 1024
const newline = 10

/** Where a log that is still written tells of its changes. */
export interface LiveLog {
  readonly closed: boolean
  onChange(fn: () => void): () => void
}

export async function* readLog(path: string, options: LogOptions, live: LiveLog | undefined): AsyncIterable<Uint8Array> {
  let budget = options.limitBytes ?? Number.POSITIVE_INFINITY
  let file = openSync(path, 'r')
  try {
    let at = options.tailLines === undefined ? 0 : startOfTail(file, options.tailLines)
    let rest: Buffer = Buffer.alloc(0)
    while (budget > 0 && !options.signal?.aborted) {
      // Asked before the read: what is written after the end of the read is seen by the next one.
      const closed = !live || live.closed
      const changed = live && options.follow && !closed ? nextChange(live, options.signal) : undefined
      const block = readBlock(file, at)
      at += block.length
      const lastEnd = block.lastIndexOf(newline)
      if (lastEnd >= 0) {
        const whole = Buffer.concat([rest, block.subarray(0, lastEnd + 1)])
        rest = Buffer.from(block.subarray(lastEnd + 1))
        const chunk = Buffer.from(textOf(whole, options)).subarray(0, budget)
        budget -= chunk.length
        if (chunk.length > 0) yield chunk
      } else if (block.length > 0) rest = Buffer.concat([rest, block])
      if (block.length > 0) continue
      if (isReplaced(file, path)) {
        closeSync(file)
        file = openSync(path, 'r')
        at = 0
        continue
      }
      if (!changed) return
      await changed
    }
  } finally {
    closeSync(file)
  }
}

function readBlock(file: number, at: number): Buffer {
  const block = Buffer.alloc(blockBytes)
  return block.subarray(0, readSync(file, block, 0, blockBytes, at))
}

/** A log that was rotated goes on in a new file of the same name. */
function isReplaced(file: number, path: string): boolean {
  const now = statSync(path, { throwIfNoEntry: false })
  return now !== undefined && now.ino !== fstatSync(file).ino
}

function nextChange(live: LiveLog, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      remove()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const remove = live.onChange(done)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** Where the last `lines` lines begin; read from the end. */
function startOfTail(file: number, lines: number): number {
  const { size } = fstatSync(file)
  if (lines <= 0) return size
  let found = 0
  for (let end = size; end > 0; end -= blockBytes) {
    const from = Math.max(0, end - blockBytes)
    const block = readBlock(file, from).subarray(0, end - from)
    for (let at = block.lastIndexOf(newline); at >= 0; at = at === 0 ? -1 : block.lastIndexOf(newline, at - 1)) {
      if (from + at === size - 1) continue
      found++
      if (found === lines) return from + at + 1
    }
  }
  return 0
}

/** Whole lines of the file as the reader gets them. */
function textOf(bytes: Buffer, { sinceMs, timestamps, stream = 'All' }: LogOptions): string {
  let text = ''
  for (const line of bytes.toString('utf8').split('\n')) {
    const [time = '', from = '', tag = ''] = line.split(' ', 3)
    if (tag === '' || (stream !== 'All' && from !== stream.toLowerCase())) continue
    if (sinceMs !== undefined && Date.parse(time) < sinceMs) continue
    const body = line.slice(time.length + from.length + tag.length + 3)
    text += `${timestamps ? `${fixedTime(time)} ` : ''}${body}${tag === 'P' ? '' : '\n'}`
  }
  return text
}

/** Always nine digits of a second: runtimes leave out zeros at the end. */
function fixedTime(time: string): string {
  const [, whole, fraction = '', zone] = /^([^.Z+]*)(?:\.(\d+))?(.*)$/.exec(time) ?? []
  return `${whole}.${fraction.padEnd(9, '0')}${zone}`
}
