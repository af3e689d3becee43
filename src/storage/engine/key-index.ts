import type { LeaseId, StoreEvent } from '../store.js'
import type { KeyRange } from './key-bytes.js'

/**
 * Which revisions each key has, in key order, in memory; values stay in the backend. Sorted blocks of at most `blockSize`
 * keys, each with its number of live keys, so that a count costs a step per block and an insert moves a few hundred pointers.
 */
export interface KeyItem {
  readonly key: string
  /** The last change; `version` is 0 when that was a deletion. */
  revision: number
  createRevision: number
  version: number
  lease: LeaseId | undefined
  /** Earlier revisions that can still be read, oldest first; negative: a deletion. */
  older: number[] | undefined
}

interface Block {
  readonly items: KeyItem[]
  live: number
}

const blockSize = 512

export class KeyIndex {
  readonly #blocks: Block[] = []
  /** Records with more than one event: how many of them are still reachable. Single ones need no entry. */
  readonly #shared = new Map<number, number>()
  #live = 0

  /** Keys that exist now. */
  get live(): number {
    return this.#live
  }

  /** The key's item, also when its last change was a deletion. */
  find(key: string): KeyItem | undefined {
    const block = this.#blocks[this.#blockOf(key)]
    if (!block) return undefined
    const item = block.items[lowerBound(block.items, key)]
    return item?.key === key ? item : undefined
  }

  /** Records that all of `events` happened at one revision. */
  apply(revision: number, events: readonly StoreEvent[]): void {
    if (events.length > 1) this.#shared.set(revision, events.length)
    for (const event of events) this.#applyOne(event)
  }

  /** Says that `count` events, applied one by one, happened at one revision. */
  share(revision: number, count: number): void {
    if (count > 1) this.#shared.set(revision, count)
  }

  /** Calls `visit` with the revision each key of the range has as of `at`, in key order, until it returns false. */
  scan(range: KeyRange, at: number, visit: (item: KeyItem, revision: number) => boolean): void {
    this.#each(range, (item) => {
      const revision = visibleAt(item, at)
      return revision === 0 || visit(item, revision)
    })
  }

  /** How many keys of the range exist now. */
  count(range: KeyRange): number {
    let count = 0
    for (let b = this.#blockOf(range.start); b < this.#blocks.length; b++) {
      const block = this.#blocks[b] as Block
      const first = block.items[0] as KeyItem
      const last = block.items[block.items.length - 1] as KeyItem
      if (range.end !== undefined && first.key >= range.end) break
      if (first.key >= range.start && (range.end === undefined || last.key < range.end)) {
        count += block.live
        continue
      }
      for (let i = lowerBound(block.items, range.start); i < block.items.length; i++) {
        const item = block.items[i] as KeyItem
        if (range.end !== undefined && item.key >= range.end) break
        if (item.version > 0) count++
      }
    }
    return count
  }

  /**
   * Forgets what no read at or after `revision` can reach: of each key every revision before the last one at or below it, and
   * a deletion below it. Returns the records that hold nothing reachable any more.
   */
  compact(revision: number): number[] {
    const freed: number[] = []
    const drop = (at: number) => {
      const left = this.#shared.get(at)
      if (left !== undefined && left > 1) {
        this.#shared.set(at, left - 1)
        return
      }
      this.#shared.delete(at)
      freed.push(at)
    }
    for (let b = 0; b < this.#blocks.length; b++) {
      const block = this.#blocks[b] as Block
      let gone = 0
      for (const item of block.items) {
        compactItem(item, revision, drop)
        if (isGone(item)) gone++
      }
      if (gone === 0) continue
      const kept = block.items.filter((item) => !isGone(item))
      if (kept.length === 0) this.#blocks.splice(b--, 1)
      else block.items.splice(0, block.items.length, ...kept)
    }
    return freed
  }

  #applyOne(event: StoreEvent): void {
    const [block, item] = this.#itemFor(event.key)
    if (item.revision !== 0) {
      item.older ??= []
      item.older.push(item.version > 0 ? item.revision : -item.revision)
    }
    const liveBefore = item.version > 0 ? 1 : 0
    item.revision = event.revision
    if (event.type === 'put') {
      item.createRevision = event.createRevision
      item.version = event.version
      item.lease = event.lease
    } else {
      item.createRevision = 0
      item.version = 0
      item.lease = undefined
    }
    const change = (item.version > 0 ? 1 : 0) - liveBefore
    block.live += change
    this.#live += change
  }

  #itemFor(key: string): [Block, KeyItem] {
    let at = this.#blockOf(key)
    let block = this.#blocks[at]
    if (!block) {
      block = { items: [], live: 0 }
      this.#blocks.push(block)
    }
    let position = lowerBound(block.items, key)
    const existing = block.items[position]
    if (existing?.key === key) return [block, existing]
    if (block.items.length >= blockSize) {
      // A block at the end is left full: keys often arrive in order.
      const keep = at === this.#blocks.length - 1 && position === blockSize ? blockSize : blockSize / 2
      const moved = block.items.splice(keep)
      const right: Block = { items: moved, live: moved.reduce((live, item) => live + (item.version > 0 ? 1 : 0), 0) }
      block.live -= right.live
      this.#blocks.splice(at + 1, 0, right)
      if (position >= keep) {
        at += 1
        block = right
        position -= keep
      }
    }
    const item: KeyItem = { key, revision: 0, createRevision: 0, version: 0, lease: undefined, older: undefined }
    block.items.splice(position, 0, item)
    return [block, item]
  }

  #each(range: KeyRange, visit: (item: KeyItem) => boolean): void {
    for (let b = this.#blockOf(range.start); b < this.#blocks.length; b++) {
      const items = (this.#blocks[b] as Block).items
      for (let i = lowerBound(items, range.start); i < items.length; i++) {
        const item = items[i] as KeyItem
        if (range.end !== undefined && item.key >= range.end) return
        if (!visit(item)) return
      }
    }
  }

  /** The last block whose first key is at or before `key` (the first one when there is none). */
  #blockOf(key: string): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (((this.#blocks[middle] as Block).items[0] as KeyItem).key <= key) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }
}

function lowerBound(items: readonly KeyItem[], key: string): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((items[middle] as KeyItem).key < key) low = middle + 1
    else high = middle
  }
  return low
}

/** The revision whose value the key has as of `at`; 0 when it does not exist then. */
export function visibleAt(item: KeyItem, at: number): number {
  if (item.revision <= at) return item.version > 0 ? item.revision : 0
  const older = item.older
  if (!older) return 0
  for (let i = older.length - 1; i >= 0; i--) {
    const revision = older[i] as number
    if (Math.abs(revision) <= at) return Math.max(0, revision)
  }
  return 0
}

/** A deleted key of which nothing can be read any more; compactItem marks it by revision 0. */
function isGone(item: KeyItem): boolean {
  return item.revision === 0
}

function compactItem(item: KeyItem, revision: number, drop: (revision: number) => void): void {
  const older = item.older
  if (older) {
    let keepFrom = 0
    const next = (i: number) => (i < older.length ? Math.abs(older[i] as number) : item.revision)
    // An old version is unreachable once its successor is at or below the compacted revision. A deletion needs no reader below
    // its successor either, but is an event that a watch from `revision` on must still see.
    while (keepFrom < older.length) {
      const at = older[keepFrom] as number
      if (next(keepFrom + 1) > revision && !(at < 0 && -at < revision)) break
      drop(Math.abs(at))
      keepFrom++
    }
    if (keepFrom === older.length) item.older = undefined
    else if (keepFrom > 0) item.older = older.slice(keepFrom)
  }
  if (item.version === 0 && item.revision < revision && !item.older) {
    drop(item.revision)
    item.revision = 0
  }
}
