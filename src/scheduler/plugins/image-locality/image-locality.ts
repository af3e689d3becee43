/** Prefers nodes that have the pod's images, the more the larger; an image that few nodes have counts less (or all go there). */
import type { PodInfo } from '../../cache/pod-info.js'
import { type Plugin, scoreMax } from '../../framework/plugin.js'

const megabyte = 1024 * 1024
const sizeBytesMin = 23 * megabyte
const sizeBytesMaxPerContainer = 1000 * megabyte

export function imageLocality(): Plugin {
  return {
    name: 'ImageLocality',
    score(pod, slots, { nodes }, into) {
      const images = imageNames(pod)
      if (images.every((image) => nodes.images.nodesWith(image) === 0)) return false
      const shares = images.map((image) => nodes.images.nodesWith(image) / nodes.order.length)
      const most = sizeBytesMaxPerContainer * images.length
      for (let i = 0; i < slots.length; i++) {
        let sum = 0
        for (const [k, image] of images.entries()) sum += Math.floor(nodes.images.sizeOn(slots[i] as number, image) * (shares[k] as number))
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
