import type { Node } from '../../api/types/core-v1.js'

/** Which images the nodes have: by node with their sizes, and on how many nodes each is. */
export class ImageIndex {
  readonly #bySlot: (ReadonlyMap<string, number> | undefined)[] = []
  readonly #nodeCounts = new Map<string, number>()

  /** On how many nodes. */
  nodesWith(image: string): number {
    return this.#nodeCounts.get(image) ?? 0
  }

  /** In bytes; 0 when the node does not have it. */
  sizeOn(slot: number, image: string): number {
    return this.#bySlot[slot]?.get(image) ?? 0
  }

  set(slot: number, node: Node | undefined): void {
    const before = this.#bySlot[slot]
    const now = imagesOf(node)
    if (!before && !now) return
    this.#bySlot[slot] = now
    for (const image of before?.keys() ?? []) this.#count(image, -1)
    for (const image of now?.keys() ?? []) this.#count(image, 1)
  }

  #count(image: string, by: 1 | -1): void {
    const count = this.nodesWith(image) + by
    if (count === 0) this.#nodeCounts.delete(image)
    else this.#nodeCounts.set(image, count)
  }
}

function imagesOf(node: Node | undefined): ReadonlyMap<string, number> | undefined {
  const images = node?.status?.images
  if (!images?.length) return undefined
  const found = new Map<string, number>()
  for (const { names, sizeBytes = 0 } of images) for (const name of names ?? []) found.set(name, sizeBytes)
  return found
}
