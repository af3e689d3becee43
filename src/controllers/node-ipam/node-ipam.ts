/**
 * Gives every node a network for its pods, one of each --cluster-cidr. What nodes have already is theirs; what lies in the
 * Service network is given to nobody. Which networks are taken is known from the nodes alone.
 */
import { keyOf } from '../../api/object.js'
import type { Node } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import type { Controller, View } from '../controller.js'
import { CidrSet } from './cidr-set.js'

export interface NodeIpamOptions {
  readonly clusterCidrs: readonly string[]
  readonly serviceCidrs: readonly string[]
  readonly maskSizeIpv4: number
  readonly maskSizeIpv6: number
}

export function nodeIpamController(options: NodeIpamOptions): Controller {
  const allocator = new Allocator(options)
  return {
    name: 'node-ipam-controller',
    eventSource: 'cidrAllocator',
    workers: 30,
    watches: [
      {
        resource: resources.nodes,
        toKeys(object, _view, change) {
          if (change === 'delete') return allocator.release(object as Node)
          return [keyOf(object)]
        },
        changed: (object, old) => !cidrsOf(object as Node).length || cidrsOf(old as Node).length === 0,
      },
    ],
    start(view) {
      // Before the first is given: all that are taken.
      for (const node of view.lister<Node>(resources.nodes).list()) allocator.note(node)
    },
    reconcile: (key, view) => allocator.serve(key, view),
  }
}

const cidrsOf = (node: Node): readonly string[] => node.spec?.podCIDRs ?? (node.spec?.podCIDR ? [node.spec.podCIDR] : [])

class Allocator {
  readonly #sets: readonly CidrSet[]
  /** What each node has, or is about to have. */
  readonly #held = new Map<string, readonly string[]>()
  /** Nodes for which nothing was left. */
  readonly #waiting = new Set<string>()

  constructor({ clusterCidrs, serviceCidrs, maskSizeIpv4, maskSizeIpv6 }: NodeIpamOptions) {
    this.#sets = clusterCidrs.map((cidr) => new CidrSet(cidr, cidr.includes(':') ? maskSizeIpv6 : maskSizeIpv4))
    for (const set of this.#sets) for (const cidr of serviceCidrs) set.occupy(cidr)
  }

  note(node: Node): void {
    const cidrs = cidrsOf(node)
    if (cidrs.length === 0) return
    cidrs.forEach((cidr, index) => this.#sets[index]?.occupy(cidr))
    this.#held.set(keyOf(node), cidrs)
  }

  /** The key that may find something now. */
  release(node: Node): readonly string[] {
    const name = keyOf(node)
    const cidrs = this.#held.get(name) ?? cidrsOf(node)
    cidrs.forEach((cidr, index) => this.#sets[index]?.release(cidr))
    this.#held.delete(name)
    this.#waiting.delete(name)
    const [next] = this.#waiting
    return next === undefined ? [] : [next]
  }

  async serve(name: string, view: View): Promise<void> {
    const node = view.lister<Node>(resources.nodes).get(name)
    if (!node) return
    if (cidrsOf(node).length > 0) return this.note(node)
    // Given, and the cache does not show it yet.
    if (this.#held.has(name)) return
    const cidrs = this.#allocate()
    if (!cidrs) return this.#wait(node, view)
    this.#waiting.delete(name)
    this.#held.set(name, cidrs)
    try {
      const body = { spec: { podCIDR: cidrs[0], podCIDRs: cidrs } }
      await view.client.resource(resources.nodes).patch('', name, { type: 'strategic', body })
    } catch (error) {
      this.#held.delete(name)
      this.#giveBack(cidrs)
      say(node, 'CIDRAssignmentFailed', view)
      throw error
    }
  }

  /** Says so once: a node's every heartbeat is no news. */
  #wait(node: Node, view: View): void {
    const name = keyOf(node)
    if (this.#waiting.has(name)) return
    this.#waiting.add(name)
    say(node, 'CIDRNotAvailable', view)
    view.logger.warn('No pod network is left for a node', { node: name })
  }

  #allocate(): string[] | undefined {
    const cidrs: string[] = []
    for (const set of this.#sets) {
      const cidr = set.allocate()
      if (cidr === undefined) {
        this.#giveBack(cidrs)
        return undefined
      }
      cidrs.push(cidr)
    }
    return cidrs
  }

  #giveBack(cidrs: readonly string[]): void {
    cidrs.forEach((cidr, index) => this.#sets[index]?.release(cidr))
  }
}

function say(node: Node, reason: string, view: View): void {
  view.events.event({ ...node, apiVersion: 'v1', kind: 'Node' }, 'Normal', reason, `Node ${node.metadata.name} status is now: ${reason}`)
}
