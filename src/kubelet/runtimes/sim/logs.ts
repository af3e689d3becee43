import { sleepWith, type Clock } from '../../../base/clock.js'
import type { LogOptions } from '../../runtime.js'
import type { ContainerScript } from './script.js'

/**
 * The log of a simulated container: no line is stored, each is a function of the attempt's times and its number. A container
 * says a few things when it starts, one every minute while it runs, and one when it is stopped.
 */
export interface LogSource {
  readonly container: string
  readonly image: string
  readonly attempt: number
  readonly startedAtMs: number | undefined
  readonly finishedAtMs: number | undefined
  readonly exitCode: number | undefined
  readonly script: ContainerScript
}

interface Line {
  readonly atMs: number
  readonly text: string
}

const heartbeatMs = 60_000
/** More is not made up for a container that has run for days. */
const linesMax = 10_000
const encoder = new TextEncoder()

/** The lines up to `nowMs`. */
export function linesOf(source: LogSource, nowMs: number): Line[] {
  const { startedAtMs, finishedAtMs, script } = source
  if (startedAtMs === undefined) return []
  if (script.logs !== undefined)
    return script.logs
      .replace(/\n$/, '')
      .split('\n')
      .map((text) => ({ atMs: startedAtMs, text }))
  const untilMs = finishedAtMs ?? nowMs
  const lines: Line[] = [
    { atMs: startedAtMs, text: `${source.container}: starting (image ${source.image}, attempt ${source.attempt})` },
    { atMs: startedAtMs, text: `${source.container}: started` },
  ]
  const beats = Math.floor((untilMs - startedAtMs) / heartbeatMs)
  for (let beat = Math.max(1, beats - linesMax); beat <= beats; beat++)
    lines.push({ atMs: startedAtMs + beat * heartbeatMs, text: `${source.container}: alive for ${beat} min` })
  if (finishedAtMs !== undefined)
    lines.push({ atMs: finishedAtMs, text: `${source.container}: ended with exit code ${source.exitCode ?? 0}` })
  return lines
}

/** `read` gives the attempt as it is now, undefined once it has been dropped. */
export async function* simLogs(read: () => LogSource | undefined, options: LogOptions, clock: Clock): AsyncIterable<Uint8Array> {
  const { sinceMs, tailLines, timestamps, follow, signal, stream } = options
  if (stream === 'Stderr') return
  let budget = options.limitBytes ?? Number.POSITIVE_INFINITY
  let written = 0
  let first = true
  for (let source = read(); source; source = read()) {
    const all = linesOf(source, clock.now())
    const fresh = first ? tailOf(all, sinceMs, tailLines) : all.slice(written)
    first = false
    written = all.length
    if (fresh.length > 0) {
      const chunk = encoder.encode(fresh.map((line) => textOf(line, timestamps)).join('')).subarray(0, budget)
      budget -= chunk.length
      if (chunk.length > 0) yield chunk
    }
    if (!follow || source.finishedAtMs !== undefined || budget <= 0 || signal?.aborted) return
    await sleepWith(clock, 1_000, signal).catch(() => undefined)
  }
}

function tailOf(lines: readonly Line[], sinceMs: number | undefined, tailLines: number | undefined): Line[] {
  const recent = sinceMs === undefined ? lines : lines.filter((line) => line.atMs >= sinceMs)
  return tailLines === undefined ? [...recent] : tailLines === 0 ? [] : recent.slice(-tailLines)
}

function textOf({ atMs, text }: Line, timestamps: boolean | undefined): string {
  return timestamps ? `${new Date(atMs).toISOString().replace('Z', '000000Z')} ${text}\n` : `${text}\n`
}
