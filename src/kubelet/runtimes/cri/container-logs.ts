/** Log files that the runtime writes: followed, linked to, rotated (containerLogMaxSize and containerLogMaxFiles) and removed. */
import {
  createReadStream,
  createWriteStream,
  type FSWatcher,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { LiveLog } from '../native/log-reader.js'
import { logLinkName } from './names.js'

/** A log as it grows: inotify tells of it. `isOver`: its container writes no more. */
export class FollowedLog implements LiveLog {
  readonly #isOver: () => boolean
  readonly #listeners = new Set<() => void>()
  #watcher: FSWatcher | undefined

  constructor(path: string, isOver: () => boolean) {
    this.#isOver = isOver
    // The directory: the file itself is another one after a rotation.
    this.#watcher = watch(dirname(path), { persistent: false }, () => this.wake())
    this.#watcher.on('error', () => this.close())
  }

  get closed(): boolean {
    return this.#watcher === undefined || this.#isOver()
  }

  onChange(fn: () => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  wake(): void {
    for (const fn of [...this.#listeners]) fn()
  }

  close(): void {
    this.#watcher?.close()
    this.#watcher = undefined
    this.wake()
  }
}

export interface LogLink {
  readonly pod: string
  readonly namespace: string
  readonly container: string
  readonly id: string
}

export function linkLog(linksDir: string, link: LogLink, path: string): void {
  mkdirSync(linksDir, { recursive: true })
  const from = join(linksDir, logLinkName(link.pod, link.namespace, link.container, link.id))
  rmSync(from, { force: true })
  symlinkSync(path, from)
}

export function unlinkLog(linksDir: string, link: LogLink): void {
  rmSync(join(linksDir, logLinkName(link.pod, link.namespace, link.container, link.id)), { force: true })
}

/** The log of an attempt, and what was rotated out of it. */
export function removeLog(path: string): void {
  for (const name of namesIn(dirname(path))) if (name.startsWith(basename(path))) rmSync(join(dirname(path), name), { force: true })
}

export interface Rotation {
  readonly sizeMax: number
  readonly filesMax: number
}

export function logSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/**
 * Sets a log aside and lets the runtime open a new one. Of the old ones the newest stays as it is, for who still reads it; the others
 * are compressed, and the oldest removed.
 */
export async function rotateLog(path: string, { filesMax }: Rotation, nowMs: number, reopen: () => Promise<void>): Promise<void> {
  const dir = dirname(path)
  const prefix = `${basename(path)}.`
  for (const name of namesIn(dir)) if (name.startsWith(prefix) && name.endsWith('.tmp')) rmSync(join(dir, name), { force: true })
  // One is about to be added, and the one that is written counts.
  const old = namesIn(dir)
    .filter((name) => name.startsWith(prefix))
    .sort()
  const surplus = old.slice(0, Math.max(0, old.length - (filesMax - 2)))
  for (const name of surplus) rmSync(join(dir, name), { force: true })
  for (const name of old.slice(surplus.length)) if (!name.endsWith('.gz')) await compress(join(dir, name))
  const aside = `${path}.${new Date(nowMs)
    .toISOString()
    .replace(/[-:]|\..*/g, '')
    .replace('T', '-')}`
  renameSync(path, aside)
  try {
    await reopen()
  } catch (error) {
    // The runtime still writes to the old file: give it back its name.
    renameSync(aside, path)
    throw error
  }
}

async function compress(path: string): Promise<void> {
  await pipeline(createReadStream(path), createGzip(), createWriteStream(`${path}.tmp`))
  renameSync(`${path}.tmp`, `${path}.gz`)
  rmSync(path, { force: true })
}

export function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
