/**
 * What was found out about a node for one class of pods (those that ask the same), remembered as long as the node's labels and
 * taints stand still. Exact: what depends on anything else must not be kept here.
 */
import { grown, type NodeTable } from '../cache/node-table.js'

export class NodeMemo {
  #values: Uint8Array
  /** The node's version plus one that a value was computed at; 0: never. */
  #seen: Uint32Array

  constructor(capacity: number) {
    this.#values = new Uint8Array(capacity)
    this.#seen = new Uint32Array(capacity)
  }

  get(nodes: NodeTable, slot: number, compute: (slot: number) => boolean): boolean {
    if (slot >= this.#seen.length) this.#grow(nodes.capacity)
    const version = (nodes.version[slot] as number) + 1
    if (this.#seen[slot] !== version) {
      this.#seen[slot] = version
      this.#values[slot] = compute(slot) ? 1 : 0
    }
    return this.#values[slot] === 1
  }

  #grow(capacity: number): void {
    this.#values = grown(this.#values, new Uint8Array(capacity))
    this.#seen = grown(this.#seen, new Uint32Array(capacity))
  }
}

/** A bounded map; the entry not asked for the longest goes first. */
export class Recent<V> {
  readonly #entries = new Map<string, V>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get(key: string, make: () => V): V {
    let value = this.#entries.get(key)
    if (value !== undefined) this.#entries.delete(key)
    else {
      value = make()
      if (this.#entries.size >= this.#max) this.#entries.delete(this.#entries.keys().next().value as string)
    }
    this.#entries.set(key, value)
    return value
  }
}
