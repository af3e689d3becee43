/**
 * The log of one attempt of a container, in the CRI's format: "TIME STREAM TAG TEXT". Lines are written through at once, so that
 * what a component said before it was killed is on disk. Past its size the file is set aside, as the kubelet rotates logs; a few
 * old ones are kept. Readers of this process are told of each line and need not look.
 */
import { closeSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../../../base/clock.js'

export interface LogFileOptions {
  readonly path: string
  readonly clock: Clock
  /** containerLogMaxSize */
  readonly sizeMax?: number
  /** containerLogMaxFiles, with the one that is written. */
  readonly filesMax?: number
}

export type LogStream = 'stdout' | 'stderr'

export class LogFile {
  readonly path: string
  readonly #clock: Clock
  readonly #sizeMax: number
  readonly #filesMax: number
  readonly #listeners = new Set<() => void>()
  /** The beginning of a line whose end has not come. */
  readonly #open: Record<LogStream, string> = { stdout: '', stderr: '' }
  #fd: number
  #size: number
  #closed = false

  constructor({ path, clock, sizeMax = 10 * 2 ** 20, filesMax = 5 }: LogFileOptions) {
    this.path = path
    this.#clock = clock
    this.#sizeMax = sizeMax
    this.#filesMax = filesMax
    mkdirSync(dirname(path), { recursive: true })
    this.#fd = openSync(path, 'a', 0o640)
    this.#size = statSync(path).size
  }

  get closed(): boolean {
    return this.#closed
  }

  get size(): number {
    return this.#size
  }

  write(stream: LogStream, text: string): void {
    if (this.#closed) return
    const lines = (this.#open[stream] + text).split('\n')
    this.#open[stream] = lines.pop() ?? ''
    this.#writeLines(stream, lines)
  }

  /** Nothing more is written; an unfinished line is finished. */
  close(): void {
    if (this.#closed) return
    for (const stream of ['stdout', 'stderr'] as const) if (this.#open[stream] !== '') this.#writeLines(stream, [this.#open[stream]])
    this.#closed = true
    closeSync(this.#fd)
    this.#tell()
  }

  /** Calls `fn` after each write and at the end. */
  onChange(fn: () => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  #writeLines(stream: LogStream, lines: readonly string[]): void {
    if (lines.length === 0) return
    const at = `${new Date(this.#clock.now()).toISOString().slice(0, -1)}000000Z`
    const text = lines.map((line) => `${at} ${stream} F ${line}\n`).join('')
    if (this.#size > this.#sizeMax) this.#rotate()
    this.#size += writeSync(this.#fd, text)
    this.#tell()
  }

  #rotate(): void {
    closeSync(this.#fd)
    const [dir, name] = [dirname(this.path), basename(this.path)]
    renameSync(this.path, join(dir, `${name}.${new Date(this.#clock.now()).toISOString().replace(/[-:T]|\..*/g, '')}`))
    const old = readdirSync(dir).filter((file) => file.startsWith(`${name}.`))
    for (const file of old.sort().slice(0, Math.max(0, old.length - (this.#filesMax - 1)))) rmSync(join(dir, file), { force: true })
    this.#fd = openSync(this.path, 'a', 0o640)
    this.#size = 0
  }

  #tell(): void {
    for (const fn of this.#listeners) fn()
  }
}
