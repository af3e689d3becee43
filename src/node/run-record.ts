/**
 * The record of a process that a cluster on this machine runs: who started it finds it again by this file, and the process itself
 * ends when the file is gone or names another process. So nothing outlives its cluster, whatever happened to who started it.
 */
import { readFileSync } from 'node:fs'
import type { Clock } from '../base/clock.js'

export interface RunRecord {
  readonly pid: number
  /** What tells the process from a later one with the same id. */
  readonly start: string
}

/** The environment variable that names the record to the process. */
export const recordVariable = 'QUORATE_RUN_RECORD'

export function parseRunRecord(text: string): RunRecord | undefined {
  try {
    const { pid, start } = JSON.parse(text) as RunRecord
    return Number.isInteger(pid) && pid > 0 && typeof start === 'string' ? { pid, start } : undefined
  } catch {
    return undefined
  }
}

export interface RecordWatch {
  readonly file: string
  readonly pid: number
  readonly clock: Clock
  /** The record has gone, or is another's. Called once. */
  onLost(): void
}

const everyMs = 5_000
/** Who starts a process writes its record right after; it may be interrupted in between. */
const graceMs = 10_000

/** Returns the end of the watch. */
export function watchRunRecord({ file, pid, clock, onLost }: RecordWatch): () => void {
  const startedAt = clock.monotonic()
  let seen = false
  let cancel: () => void = () => undefined
  const look = () => {
    const recorded = recordedPid(file)
    if (recorded === pid) seen = true
    // A file that cannot be read for another reason says nothing.
    else if (recorded !== 'unknown' && (seen || clock.monotonic() - startedAt >= graceMs)) {
      onLost()
      return
    }
    cancel = clock.timer(everyMs, look)
  }
  cancel = clock.timer(everyMs, look)
  return () => cancel()
}

function recordedPid(file: string): number | 'none' | 'unknown' {
  try {
    return parseRunRecord(readFileSync(file, 'utf8'))?.pid ?? 'none'
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'none' : 'unknown'
  }
}
