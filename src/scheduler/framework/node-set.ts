import type { NodeStatus } from './status.js'

/** The nodes that still may take a pod, and why the others may not. A filter looks at those left and rejects from them. */
export class NodeSet {
  /** Slots; the first `count` are left. */
  readonly list: Int32Array
  count = 0
  /** By slot, shared by the sets of one cycle. */
  readonly statuses: (NodeStatus | undefined)[]

  constructor(capacity: number, statuses: (NodeStatus | undefined)[] = []) {
    this.list = new Int32Array(capacity)
    this.statuses = statuses
  }

  /** Starts again with one node. */
  only(slot: number): this {
    this.list[0] = slot
    this.count = 1
    this.statuses[slot] = undefined
    return this
  }

  add(slot: number): void {
    this.list[this.count++] = slot
  }

  /** Keeps the nodes of which `test` knows nothing bad. */
  keep(test: (slot: number) => NodeStatus | undefined): void {
    const { list, statuses, count } = this
    let kept = 0
    for (let i = 0; i < count; i++) {
      const slot = list[i] as number
      const status = test(slot)
      if (status === undefined) list[kept++] = slot
      else statuses[slot] = status
    }
    this.count = kept
  }
}
