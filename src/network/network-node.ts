/** What the network needs to know of a node. */
import { formatIp, type Ip, type IpFamily, parseCidr, parseIp } from '../api/ip.js'
import type { Node } from '../api/types/core-v1.js'

export interface PodCidr {
  readonly family: IpFamily
  /** As the kernel writes it: "10.244.1.0/24". */
  readonly text: string
  /** The network's address, which no pod gets: the node's own on the overlay. */
  readonly first: Ip
  readonly prefix: number
}

export interface NetworkNode {
  readonly name: string
  readonly podCidrs: readonly PodCidr[]
  /** InternalIPs, at most one of a family, the node's main one first. */
  readonly addresses: readonly { readonly family: IpFamily; readonly text: string }[]
}

export function networkNodeOf({ metadata, spec, status }: Node): NetworkNode {
  const texts = spec?.podCIDRs?.length ? spec.podCIDRs : spec?.podCIDR ? [spec.podCIDR] : []
  const addresses: NetworkNode['addresses'][number][] = []
  for (const { type, address } of status?.addresses ?? []) {
    const ip = type === 'InternalIP' ? parseIp(address) : undefined
    if (ip && !addresses.some(({ family }) => family === ip.family)) addresses.push({ family: ip.family, text: formatIp(ip) })
  }
  return { name: metadata.name ?? '', podCidrs: texts.flatMap((text) => podCidrOf(text) ?? []), addresses }
}

export function podCidrOf(text: string): PodCidr | undefined {
  const cidr = parseCidr(text)
  if (!cidr) return undefined
  const first = { family: cidr.family, value: cidr.first }
  const prefix = Number(text.slice(text.indexOf('/') + 1))
  return { family: cidr.family, text: `${formatIp(first)}/${prefix}`, first, prefix }
}

/** Equal nodes need nothing done. */
export function isSameNode(a: NetworkNode, b: NetworkNode): boolean {
  return a.name === b.name && isSameTexts(a.podCidrs, b.podCidrs) && isSameTexts(a.addresses, b.addresses)
}

function isSameTexts(a: readonly { readonly text: string }[], b: readonly { readonly text: string }[]): boolean {
  return a.length === b.length && a.every(({ text }, i) => text === b[i]?.text)
}

/** Keeps of a node what the network needs: a cache of all nodes is on every node. */
export function slimNode(node: Node): void {
  const { name, uid, resourceVersion } = node.metadata
  node.metadata = { name, uid, resourceVersion } as Node['metadata']
  const { podCIDR, podCIDRs } = node.spec ?? {}
  node.spec = { ...(podCIDR ? { podCIDR } : {}), ...(podCIDRs ? { podCIDRs } : {}) }
  const addresses = node.status?.addresses?.filter(({ type }) => type === 'InternalIP')
  node.status = addresses ? { addresses } : {}
}
