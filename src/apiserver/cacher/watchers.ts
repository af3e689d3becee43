/** The watches of one resource: who sees the same shares the same bytes, and who does not keep up is let go. */
import type { ByteSink } from '../handler.js'
import { type CacheEvent, concat, type Form } from './events.js'
import type { Filter } from './filter.js'

/** What one slow reader may have waiting before its watch ends; it lists again and starts anew. */
const queuedBytesMax = 32 * 2 ** 20

export interface WatcherOptions {
  readonly sink: ByteSink
  readonly filter: Filter
  readonly form: Form
  readonly bookmarks: boolean
}

export class Watcher {
  readonly #sink: ByteSink
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #blocked = false
  #ended = false
  readonly bookmarks: boolean

  constructor({ sink, bookmarks }: WatcherOptions) {
    this.#sink = sink
    this.bookmarks = bookmarks
  }

  get ended(): boolean {
    return this.#ended
  }

  write(bytes: Uint8Array): void {
    if (this.#ended || bytes.length === 0) return
    if (!this.#blocked) {
      if (!this.#sink.write(bytes)) this.#waitForReader()
      return
    }
    this.#queue.push(bytes)
    this.#queuedBytes += bytes.length
    if (this.#queuedBytes > queuedBytesMax) this.end()
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#queue = []
    this.#sink.end()
  }

  #waitForReader(): void {
    this.#blocked = true
    this.#sink.drained().then(
      () => {
        this.#blocked = false
        if (this.#queue.length === 0 || this.#ended) return
        const bytes = concat(this.#queue)
        this.#queue = []
        this.#queuedBytes = 0
        if (!this.#sink.write(bytes)) this.#waitForReader()
      },
      () => this.end(),
    )
  }
}

interface Group {
  readonly filter: Filter
  readonly form: Form
  readonly watchers: Set<Watcher>
}

export class Watchers {
  readonly #groups = new Map<string, Group>()
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Sees every event dispatched from now on. The returned function takes it out. */
  add(watcher: Watcher, { filter, form }: WatcherOptions): () => void {
    const key = `${form.name}|${filter.text}`
    const group = this.#groups.get(key) ?? { filter, form, watchers: new Set() }
    this.#groups.set(key, group)
    group.watchers.add(watcher)
    this.#count++
    return () => {
      if (!group.watchers.delete(watcher)) return
      this.#count--
      if (group.watchers.size === 0) this.#groups.delete(key)
    }
  }

  dispatch(events: readonly CacheEvent[]): void {
    for (const { filter, form, watchers } of this.#groups.values()) {
      const frames: Uint8Array[] = []
      for (const event of events) {
        const frame = event.frameFor(filter, form)
        if (frame) frames.push(frame)
      }
      if (frames.length === 0) continue
      const bytes = frames.length === 1 ? (frames[0] as Uint8Array) : concat(frames)
      for (const watcher of watchers) watcher.write(bytes)
    }
    for (const event of events) event.dropFrames()
  }

  /** One bookmark to everyone who asked for them. */
  bookmark(frame: (form: Form) => Uint8Array): void {
    for (const { form, watchers } of this.#groups.values()) {
      let bytes: Uint8Array | undefined
      for (const watcher of watchers) if (watcher.bookmarks) watcher.write((bytes ??= frame(form)))
    }
  }

  endAll(): void {
    for (const { watchers } of [...this.#groups.values()]) for (const watcher of [...watchers]) watcher.end()
  }
}
