/**
 * The processes of a cluster: started detached, each with a record in run/ that names it beyond doubt (process id and start), so that
 * every later command finds what runs, and nothing runs that no command finds.
 */
import { spawn } from 'node:child_process'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Clock } from '../base/clock.js'
import { QuorateError } from '../base/errors.js'
import { parseRunRecord, type RunRecord, recordVariable } from '../node/run-record.js'
import { makeDirectory, readIfPresent, remove, writeFileWhole } from '../base/node/files.js'
import type { ClusterPaths } from './paths.js'
import type { Platform } from './platform.js'

export interface ProcessSpec {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** A process that this command started. */
export interface StartedProcess {
  readonly name: string
  readonly pid: number
  /** Resolves with an explanation when it ends while this command runs. */
  readonly ended: Promise<string>
}

export class ProcessTable {
  readonly #paths: ClusterPaths
  readonly #platform: Platform
  readonly #clock: Clock

  constructor(paths: ClusterPaths, platform: Platform, clock: Clock) {
    this.#paths = paths
    this.#platform = platform
    this.#clock = clock
  }

  /** The process of this name, when it runs. */
  running(name: string): RunRecord | undefined {
    const text = readIfPresent(this.#paths.record(name))
    const record = text === undefined ? undefined : parseRunRecord(text)
    return record && this.#platform.startOf(record.pid) === record.start ? record : undefined
  }

  start({ name, command, args, env = {} }: ProcessSpec): StartedProcess {
    makeDirectory(this.#paths.run)
    const log = openSync(this.#paths.log(name), 'a', 0o600)
    const logFrom = fstatSync(log).size
    const record = this.#paths.record(name)
    const child = spawn(command, args, {
      detached: true,
      windowsHide: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env, [recordVariable]: record },
    })
    closeSync(log)
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`it cannot be started: ${error.message}`))
      child.once('exit', (code, signal) => resolve(this.#obituary(name, { code, signal, logFrom })))
    })
    child.unref()
    const { pid } = child
    const start = pid === undefined ? undefined : this.#platform.startOf(pid)
    if (pid === undefined || start === undefined)
      throw new QuorateError('StartFailed', `${name} ended as it was started`, { remedy: `See ${this.#paths.log(name)}.` })
    writeFileWhole(record, `${JSON.stringify({ pid, start } satisfies RunRecord)}\n`)
    return { name, pid, ended }
  }

  /** Ends a process in order, after `graceMs` without asking. Resolves once it is gone; false when it did not run. */
  async stop(name: string, graceMs: number): Promise<boolean> {
    const record = this.running(name)
    // Where a process cannot be asked by a signal, the loss of its record asks it.
    if (record && !this.#platform.terminate(record.pid)) remove(this.#paths.record(name))
    if (record && !(await this.#gone(record, graceMs))) await this.#killed(record)
    remove(this.#paths.record(name))
    return record !== undefined
  }

  /** SIGKILL. Resolves once it is gone; false when it did not run. */
  async kill(name: string): Promise<boolean> {
    const record = this.running(name)
    if (record) await this.#killed(record)
    remove(this.#paths.record(name))
    return record !== undefined
  }

  async #killed(record: RunRecord): Promise<void> {
    this.#platform.kill(record.pid)
    await this.#gone(record, killWaitMs)
  }

  async #gone({ pid, start }: RunRecord, withinMs: number): Promise<boolean> {
    const deadline = this.#clock.monotonic() + withinMs
    while (this.#platform.startOf(pid) === start) {
      if (this.#clock.monotonic() >= deadline) return false
      await this.#clock.sleep(pollMs)
    }
    return true
  }

  #obituary(name: string, { code, signal, logFrom }: { code: number | null; signal: string | null; logFrom: number }): string {
    const how = signal ? `it was ended by ${signal}` : `it exited with code ${code}`
    const last = tail(this.#paths.log(name), logFrom)
    return last ? `${how}: ${last}` : how
  }
}

const pollMs = 15
const killWaitMs = 5_000
const tailBytes = 2_048
const tailLines = 4

/** The last lines of a log, not from before `from`. */
function tail(file: string, from: number): string {
  try {
    const log = openSync(file, 'r')
    try {
      const { size } = fstatSync(log)
      const start = Math.max(from, size - tailBytes)
      const bytes = Buffer.alloc(size - start)
      readSync(log, bytes, 0, bytes.length, start)
      return bytes.toString('utf8').trim().split('\n').slice(-tailLines).join('\n')
    } finally {
      closeSync(log)
    }
  } catch {
    return ''
  }
}
