import type { PodInfo } from '../cache/pod-info.js'

/** Pods that are promised a node, which is theirs once their victims have gone: others may not take that room (KEP-5278). */
export class Nominator {
  readonly #nodeOf = new Map<string, string>()
  readonly #byNode = new Map<string, Map<string, PodInfo>>()

  get size(): number {
    return this.#nodeOf.size
  }

  nominate(info: PodInfo, node: string): void {
    this.remove(info.key)
    this.#nodeOf.set(info.key, node)
    let pods = this.#byNode.get(node)
    if (!pods) this.#byNode.set(node, (pods = new Map()))
    pods.set(info.key, info)
  }

  remove(key: string): void {
    const node = this.#nodeOf.get(key)
    if (node === undefined) return
    this.#nodeOf.delete(key)
    const pods = this.#byNode.get(node)
    pods?.delete(key)
    if (pods?.size === 0) this.#byNode.delete(node)
  }

  nodeOf(key: string): string | undefined {
    return this.#nodeOf.get(key)
  }

  on(node: string): Iterable<PodInfo> {
    return this.#byNode.get(node)?.values() ?? []
  }
}
