import type { Node } from '../../api/types/core-v1.js'

/** A node label as a partition of the nodes: every slot's domain is a small number. */
export class Topology {
  /** The domain of each slot; -1 where the node lacks the label. */
  domains: Int32Array
  readonly #ids = new Map<string, number>()
  readonly values: string[] = []

  constructor(
    readonly key: string,
    capacity: number,
  ) {
    this.domains = new Int32Array(capacity).fill(-1)
  }

  /** How many domains there are or were: arrays by domain have this length. */
  get size(): number {
    return this.values.length
  }

  set(slot: number, node: Node | undefined): void {
    const value = node?.metadata.labels?.[this.key]
    if (value === undefined) {
      this.domains[slot] = -1
      return
    }
    let id = this.#ids.get(value)
    if (id === undefined) {
      id = this.values.length
      this.values.push(value)
      this.#ids.set(value, id)
    }
    this.domains[slot] = id
  }

  grow(capacity: number): void {
    const wider = new Int32Array(capacity).fill(-1)
    wider.set(this.domains)
    this.domains = wider
  }
}
