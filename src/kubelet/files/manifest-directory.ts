/**
 * The static pods of a directory of manifests. Follows it: at once where the file system tells of changes, and by looking again
 * every so often (fileCheckFrequency) where it does not. A file that cannot be read or says something wrong has no pod, and does
 * not touch the others; what is wrong is logged once and kept in `faults`.
 */
import { type FSWatcher, readdirSync, readFileSync, watch } from 'node:fs'
import { join } from 'node:path'
import type { Cancel, Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import type { Pod } from '../../api/types/core-v1.js'
import { staticPodOf } from './static-pod.js'

export interface ManifestDirectoryOptions {
  readonly directory: string
  readonly nodeName: string
  readonly clock: Clock
  readonly logger: Logger
  /** fileCheckFrequency */
  readonly rescanMs?: number
  /** Called with all pods, first and after each change. */
  onPods(pods: readonly Pod[]): void
}

/** Editors write in steps: a change is looked at when it has settled. */
const settleMs = 50

export class ManifestDirectory {
  readonly #options: ManifestDirectoryOptions
  readonly #files = new Map<string, { readonly text: string; readonly pod: Pod | undefined }>()
  /** File → what is wrong with it. */
  readonly faults = new Map<string, string>()
  #watcher: FSWatcher | undefined
  #settle: Cancel | undefined
  #rescan: Cancel | undefined
  #told = false

  constructor(options: ManifestDirectoryOptions) {
    this.#options = options
  }

  start(): void {
    this.#scan()
    this.#plan()
  }

  stop(): void {
    this.#watcher?.close()
    this.#settle?.()
    this.#rescan?.()
  }

  #plan(): void {
    this.#watch()
    this.#rescan = this.#options.clock.timer(this.#options.rescanMs ?? 20_000, () => {
      this.#scan()
      this.#plan()
    })
  }

  /** A directory that does not exist yet is looked for again with each scan. */
  #watch(): void {
    if (this.#watcher) return
    try {
      this.#watcher = watch(this.#options.directory, { persistent: false }, () => this.#changed())
      this.#watcher.on('error', () => this.#unwatch())
    } catch {
      this.#watcher = undefined
    }
  }

  #unwatch(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }

  #changed(): void {
    this.#settle?.()
    this.#settle = this.#options.clock.timer(settleMs, () => this.#scan())
  }

  #scan(): void {
    let changed = !this.#told
    const seen = new Set<string>()
    for (const name of this.#names()) {
      seen.add(name)
      if (this.#read(name)) changed = true
    }
    for (const name of this.#files.keys()) {
      if (seen.has(name)) continue
      this.#files.delete(name)
      this.faults.delete(name)
      changed = true
    }
    if (!changed) return
    this.#told = true
    this.#options.onPods([...this.#files.values()].flatMap(({ pod }) => (pod ? [pod] : [])))
  }

  #names(): string[] {
    try {
      const entries = readdirSync(this.#options.directory, { withFileTypes: true })
      return entries
        .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
        .map(({ name }) => name)
        .sort()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#options.logger.error('Unable to read config path', { path: this.#options.directory, error: messageOf(error) })
      this.#unwatch()
      return []
    }
  }

  /** True when the file has changed. */
  #read(name: string): boolean {
    const { directory, nodeName, clock, logger } = this.#options
    const file = join(directory, name)
    let text = ''
    try {
      text = readFileSync(file, 'utf8')
      if (this.#files.get(name)?.text === text) return false
      const pod = staticPodOf(text, { nodeName, file, seenAtMs: clock.now() })
      this.#files.set(name, { text, pod })
      this.faults.delete(name)
    } catch (error) {
      this.#files.set(name, { text, pod: undefined })
      if (this.faults.get(name) !== messageOf(error))
        logger.error('Could not process manifest file', { path: file, error: messageOf(error) })
      this.faults.set(name, messageOf(error))
    }
    return true
  }
}
