/**
 * The cluster as the scheduler sees it: nodes, the pods on them, and the pods it has just placed there itself ("assumed") whose
 * binding the API server has not shown yet. An assumed pod counts like one that runs, so the next cycle does not give its room
 * away; it becomes real when the watch shows it, and goes when the binding fails or is never shown.
 */
import type { Node, Pod } from '../../api/types/core-v1.js'
import { NodeTable } from './node-table.js'
import { PodIndex } from './pod-index.js'
import { PodInfo } from './pod-info.js'
import type { NamespaceLabels } from './pod-term.js'

interface Held {
  readonly info: PodInfo
  readonly slot: number
  /** Set while assumed: when it is given up, Infinity while its binding is under way. */
  readonly assumedUntilMs: number | undefined
}

/** How long a bound pod may stay unseen: a watch that is behind for so long has lost it. */
const assumedMsMax = 15 * 60_000

export class Cache {
  readonly nodes = new NodeTable()
  readonly index: PodIndex
  readonly #pods = new Map<string, Held>()
  readonly #assumed = new Set<string>()

  constructor(labelsOf: NamespaceLabels) {
    this.index = new PodIndex(labelsOf, () => this.nodes.pods)
  }

  get podCount(): number {
    return this.#pods.size
  }

  get assumedCount(): number {
    return this.#assumed.size
  }

  setNode(node: Node): void {
    this.nodes.setNode(node)
  }

  removeNode(name: string): void {
    this.nodes.removeNode(name)
  }

  /** A pod that the API server shows on a node: new, changed, or the confirmation of an assumed one. */
  setPod(pod: Pod): void {
    const info = new PodInfo(pod)
    const held = this.#pods.get(info.key)
    if (held) this.#drop(held)
    this.#hold(info, info.nodeName, undefined)
  }

  removePod(key: string): void {
    const held = this.#pods.get(key)
    if (held) this.#drop(held)
  }

  /** The pod counts as placed on `node` from now on. */
  assume(info: PodInfo, node: string): void {
    this.#hold(info, node, Infinity)
  }

  /** The API server took the binding: the watch will show it. */
  bound(key: string, nowMs: number): void {
    const held = this.#pods.get(key)
    if (held?.assumedUntilMs === undefined) return
    this.#pods.set(key, { ...held, assumedUntilMs: nowMs + assumedMsMax })
  }

  /** The binding failed. A pod that the watch has shown meanwhile stays. */
  forget(key: string): void {
    const held = this.#pods.get(key)
    if (held?.assumedUntilMs !== undefined) this.#drop(held)
  }

  isAssumed(key: string): boolean {
    return this.#assumed.has(key)
  }

  has(key: string): boolean {
    return this.#pods.has(key)
  }

  /** Gives up what was bound long ago and never shown. */
  expire(nowMs: number): readonly PodInfo[] {
    const gone: PodInfo[] = []
    for (const key of this.#assumed) {
      const held = this.#pods.get(key)
      if (held?.assumedUntilMs === undefined || held.assumedUntilMs > nowMs) continue
      this.#drop(held)
      gone.push(held.info)
    }
    return gone
  }

  #hold(info: PodInfo, node: string, assumedUntilMs: number | undefined): void {
    const slot = this.nodes.slotFor(node)
    this.nodes.place(slot, info)
    this.index.add(slot, info)
    this.#pods.set(info.key, { info, slot, assumedUntilMs })
    if (assumedUntilMs !== undefined) this.#assumed.add(info.key)
  }

  #drop({ info, slot }: Held): void {
    this.nodes.displace(slot, info)
    this.index.remove(slot, info)
    this.#pods.delete(info.key)
    this.#assumed.delete(info.key)
    this.nodes.freeIfEmpty(slot)
  }
}
