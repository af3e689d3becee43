import type { Node } from '../../api/types/core-v1.js'

/** A node label as a partition of the nodes: every slot's domain is a small number. */
export class Topology {
  /** The domain of each slot; -1 where the node lacks the label. */
  domains: Int32Array
  readonly #ids = new Map<string, number>()
  readonly #values: string[] = []
  /** Nodes of each domain: one that has lost its last node is forgotten, and its number given to the next. */
  readonly #nodeCounts: number[] = []
  readonly #free: number[] = []

  constructor(
    readonly key: string,
    capacity: number,
  ) {
    this.domains = new Int32Array(capacity).fill(-1)
  }

  /** Above every domain's number: arrays by domain have this length. */
  get size(): number {
    return this.#values.length
  }

  set(slot: number, node: Node | undefined): void {
    const value = node?.metadata.labels?.[this.key]
    const before = this.domains[slot] as number
    if (before >= 0 ? this.#values[before] === value : value === undefined) return
    if (before >= 0) this.#leave(before)
    this.domains[slot] = value === undefined ? -1 : this.#enter(value)
  }

  #enter(value: string): number {
    const known = this.#ids.get(value)
    if (known !== undefined) {
      this.#nodeCounts[known] = (this.#nodeCounts[known] as number) + 1
      return known
    }
    const id = this.#free.pop() ?? this.#values.length
    this.#values[id] = value
    this.#nodeCounts[id] = 1
    this.#ids.set(value, id)
    return id
  }

  #leave(id: number): void {
    this.#nodeCounts[id] = (this.#nodeCounts[id] as number) - 1
    if (this.#nodeCounts[id] !== 0) return
    this.#ids.delete(this.#values[id] as string)
    this.#free.push(id)
  }

  grow(capacity: number): void {
    const wider = new Int32Array(capacity).fill(-1)
    wider.set(this.domains)
    this.domains = wider
  }
}
