/**
 * Which routes a node needs to reach the pods of the others, as a value. A node on the same link is routed to directly (as flannel's
 * host-gw does); everything else goes through a VXLAN device whose neighbours are all known beforehand: nothing is learned, nothing
 * is flooded. The address and the MAC of a node on the overlay follow from its pod range, so that nodes need not tell each other.
 */
import { formatIp, type IpFamily } from '../../api/ip.js'
import type { NetworkNode, PodCidr } from '../network-node.js'

export type Backend = 'auto' | 'host-gw' | 'vxlan'

export interface RoutePlanOptions {
  readonly backend: Backend
  readonly vxlan: { readonly id: number; readonly port: number }
  readonly bridge: string
}

/** How the kernel reaches an address now. */
export interface Reach {
  readonly device: string
  /** Undefined: the address is on the device's own link. */
  readonly gateway?: string
}

export interface Route {
  readonly family: IpFamily
  readonly to: string
  readonly via: string
  readonly device: string
  /** The gateway is reached through the device although no route says so. */
  readonly onlink: boolean
}

export interface VxlanDevice {
  readonly name: string
  readonly id: number
  readonly port: number
  /** Where packets to the node's part of the overlay are sent: its main InternalIP. */
  readonly local: string
  readonly mac: string
  /** With prefix. */
  readonly addresses: readonly string[]
}

export interface RoutePlan {
  readonly routes: readonly Route[]
  /** undefined: the node takes no part in an overlay. */
  readonly vxlan?: VxlanDevice
  readonly neighbors: readonly { readonly address: string; readonly mac: string }[]
  readonly tunnels: readonly { readonly mac: string; readonly to: string }[]
  /** What cannot be reached, in words. */
  readonly faults: readonly string[]
}

export function vxlanName(id: number): string {
  return `quorate.${id}`
}

export function planRoutes(
  local: NetworkNode,
  others: Iterable<NetworkNode>,
  reach: ReadonlyMap<string, Reach>,
  options: RoutePlanOptions,
): RoutePlan {
  const plan = new Plan(local, reach, options)
  for (const node of others) if (node.name !== local.name) plan.add(node)
  return plan.finished()
}

class Plan {
  readonly #local: NetworkNode
  readonly #reach: ReadonlyMap<string, Reach>
  readonly #options: RoutePlanOptions
  readonly #routes: Route[] = []
  readonly #neighbors: { address: string; mac: string }[] = []
  readonly #tunnels: { mac: string; to: string }[] = []
  readonly #faults: string[] = []

  constructor(local: NetworkNode, reach: ReadonlyMap<string, Reach>, options: RoutePlanOptions) {
    this.#local = local
    this.#reach = reach
    this.#options = options
  }

  add(node: NetworkNode): void {
    let isTunnelled = false
    for (const cidr of node.podCidrs) {
      // A family that this node's pods do not have is of no use to them.
      if (!this.#local.podCidrs.some(({ family }) => family === cidr.family)) continue
      if (this.#direct(node, cidr)) continue
      const to = this.#tunnelEnd(node)
      if (!to) this.#faults.push(`${cidr.text} of ${node.name} cannot be reached: ${this.#whyNot(node)}`)
      else {
        if (!isTunnelled) this.#tunnels.push({ mac: macOf(node), to })
        isTunnelled = true
        const via = formatIp(cidr.first)
        this.#neighbors.push({ address: via, mac: macOf(node) })
        const device = vxlanName(this.#options.vxlan.id)
        this.#routes.push({ family: cidr.family, to: cidr.text, via, device, onlink: true })
      }
    }
  }

  finished(): RoutePlan {
    const { backend, vxlan } = this.#options
    const [main] = this.#local.addresses
    const base = { routes: this.#routes, neighbors: this.#neighbors, tunnels: this.#tunnels, faults: this.#faults }
    // Also a node that reaches all others directly has the device: the other way there may be a router in between.
    if (backend === 'host-gw' || !main || this.#local.podCidrs.length === 0) return base
    const addresses = this.#local.podCidrs.map(({ family, first }) => `${formatIp(first)}/${family === 'IPv4' ? 32 : 128}`)
    return { ...base, vxlan: { name: vxlanName(vxlan.id), ...vxlan, local: main.text, mac: macOf(this.#local), addresses } }
  }

  #direct({ addresses }: NetworkNode, { family, text: to }: PodCidr): boolean {
    const { backend, bridge } = this.#options
    const via = addresses.find((address) => address.family === family)?.text
    const reach = via && backend !== 'vxlan' ? this.#reach.get(via) : undefined
    if (!via || !reach || reach.gateway || reach.device === bridge || reach.device === 'lo') return false
    if (reach.device === vxlanName(this.#options.vxlan.id)) return false
    this.#routes.push({ family, to, via, device: reach.device, onlink: false })
    return true
  }

  #tunnelEnd({ addresses }: NetworkNode): string | undefined {
    const [main] = this.#local.addresses
    if (this.#options.backend === 'host-gw') return undefined
    const to = addresses.find(({ family }) => family === main?.family)?.text
    return to && this.#reach.has(to) ? to : undefined
  }

  #whyNot({ addresses }: NetworkNode): string {
    if (addresses.length === 0) return 'the node has no InternalIP'
    if (this.#options.backend === 'host-gw') return `${addresses[0]?.text} is not on the same link, and the backend is host-gw`
    const [main] = this.#local.addresses
    if (!addresses.some(({ family }) => family === main?.family)) return `it has no ${main?.family} InternalIP`
    return `there is no route to ${addresses[0]?.text}`
  }
}

/** Locally administered; unique as pod ranges are: the 32 lowest bits of the range's number (of the network, not of its hosts). */
export function macOf({ podCidrs }: NetworkNode): string {
  const [cidr] = podCidrs
  const hostBits = cidr?.family === 'IPv6' ? BigInt(128 - cidr.prefix) : 0n
  const number = ((cidr?.first.value ?? 0n) >> hostBits) & 0xffff_ffffn
  const bytes = [24n, 16n, 8n, 0n].map((shift) => ((number >> shift) & 255n).toString(16).padStart(2, '0'))
  return ['02', '71', ...bytes].join(':')
}

const overheadBytes = { IPv4: 50, IPv6: 70 } as const

/** What a pod may send at once: the uplink's, minus the headers of the overlay when packets go through it. */
export function podMtu(uplinkMtu: number, { tunnels }: RoutePlan, { backend }: RoutePlanOptions, underlay: IpFamily): number {
  return backend === 'vxlan' || tunnels.length > 0 ? uplinkMtu - overheadBytes[underlay] : uplinkMtu
}

export function vxlanMtu(uplinkMtu: number, underlay: IpFamily): number {
  return uplinkMtu - overheadBytes[underlay]
}
