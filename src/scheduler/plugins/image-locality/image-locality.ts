/** Prefers nodes that have the pod's images, the more the larger; an image that few nodes have counts less (or all go there). */
import type { Node } from '../../../api/types/core-v1.js'
import type { PodInfo } from '../../cache/pod-info.js'
import { type Plugin, scoreMax, type Snapshot } from '../../framework/plugin.js'

const megabyte = 1024 * 1024
const sizeBytesMin = 23 * megabyte
const sizeBytesMaxPerContainer = 1000 * megabyte

/** The images of a node by name, kept as long as the node is the same object. */
const imagesOf = new WeakMap<Node, ReadonlyMap<string, number>>()

export function imageLocality(): Plugin {
  return {
    name: 'ImageLocality',
    score(pod, slots, { nodes }, into) {
      const images = imageNames(pod)
      const spread = new Map<string, number>()
      for (const image of new Set(images)) {
        const having = countNodes(image, nodes)
        if (having > 0) spread.set(image, having / nodes.order.length)
      }
      if (spread.size === 0) return false
      const most = sizeBytesMaxPerContainer * images.length
      for (let i = 0; i < slots.length; i++) {
        const here = imagesByName(nodes.nodes[slots[i] as number] as Node)
        let sum = 0
        for (const image of images) sum += Math.floor((here.get(image) ?? 0) * (spread.get(image) ?? 0))
        const bounded = Math.min(most, Math.max(sizeBytesMin, sum))
        into[i] = Math.floor((scoreMax * (bounded - sizeBytesMin)) / (most - sizeBytesMin))
      }
      return true
    },
  }
}

function imageNames({ pod }: PodInfo): string[] {
  const { containers = [], initContainers = [] } = pod.spec ?? {}
  return [...initContainers, ...containers].map(({ image = '' }) => normalized(image))
}

/** With the tag that the container runtime would assume. */
function normalized(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image
}

function countNodes(image: string, nodes: Snapshot['nodes']): number {
  let count = 0
  for (const slot of nodes.order) if (imagesByName(nodes.nodes[slot] as Node).has(image)) count++
  return count
}

function imagesByName(node: Node): ReadonlyMap<string, number> {
  let images = imagesOf.get(node)
  if (!images) {
    const found = new Map<string, number>()
    for (const { names, sizeBytes = 0 } of node.status?.images ?? []) for (const name of names ?? []) found.set(name, sizeBytes)
    imagesOf.set(node, (images = found))
  }
  return images
}
