/** What the rules need of the Node that they are for, and of the proxy's configuration, in one address family. Pure. */
import type { IpFamily } from '../api/ip.js'
import type { Node } from '../api/types/core-v1.js'
import { addressOf, cidrOf } from './model/address.js'
import type { NodeTopology } from './model/categorize.js'
import type { LocalTraffic } from './nftables/base.js'
import type { RulesetOptions } from './nftables/ruleset.js'

/** How traffic of this node's pods is told from other traffic (KEP-1880 and --detect-local-mode). */
export type DetectLocal =
  | { readonly mode: 'ClusterCIDR'; readonly ranges: readonly string[] }
  | { readonly mode: 'NodeCIDR' }
  | { readonly mode: 'BridgeInterface'; readonly bridge: string }
  | { readonly mode: 'InterfaceNamePrefix'; readonly interfacePrefix: string }

export interface RuleConfig {
  readonly masqueradeBit: number
  readonly masqueradeAll: boolean
  readonly detectLocal: DetectLocal
  /** Ranges of both families. */
  readonly nodePortAddresses: 'primary' | readonly string[]
  /** --bind-address: the node's primary address of its family, whatever the Node says. '' or an unspecified address: the Node's. */
  readonly bindAddress: string
}

const zoneLabel = 'topology.kubernetes.io/zone'

export function topologyOf(name: string, node: Node | undefined): NodeTopology {
  return { name, zone: node?.metadata.labels?.[zoneLabel] ?? '' }
}

export function rulesetOptions(family: IpFamily, config: RuleConfig, node: Node | undefined): RulesetOptions {
  const { masqueradeBit, masqueradeAll, nodePortAddresses } = config
  return {
    ...{ family, masqueradeBit, masqueradeAll, nodeIps: primaryIps(config, node, family) },
    localTraffic: localTraffic(family, config.detectLocal, node),
    nodePortAddresses: nodePortAddresses === 'primary' ? 'primary' : portRanges(family, nodePortAddresses),
  }
}

function primaryIps({ bindAddress }: RuleConfig, node: Node | undefined, family: IpFamily): string[] {
  const bound = addressOf(family, bindAddress)
  return bound && bound !== '0.0.0.0' && bound !== '::' ? [bound] : nodeIps(node, family)
}

/** Internal addresses of a node; external ones where it has no other. */
function nodeIps(node: Node | undefined, family: IpFamily): string[] {
  const all = node?.status?.addresses ?? []
  const of = (type: string) => all.flatMap((each) => (each.type === type ? (addressOf(family, each.address) ?? []) : []))
  const internal = of('InternalIP')
  return internal.length > 0 ? internal : of('ExternalIP')
}

function localTraffic(family: IpFamily, detect: DetectLocal, node: Node | undefined): LocalTraffic {
  switch (detect.mode) {
    case 'ClusterCIDR':
      return { ranges: detect.ranges.flatMap((range) => cidrOf(family, range) ?? []) }
    case 'NodeCIDR':
      return { ranges: (node?.spec?.podCIDRs ?? [node?.spec?.podCIDR ?? '']).flatMap((range) => cidrOf(family, range) ?? []) }
    case 'BridgeInterface':
      return { bridge: detect.bridge }
    case 'InterfaceNamePrefix':
      return { interfacePrefix: detect.interfacePrefix }
    default:
      throw new Error(`assertion failed: detect mode ${JSON.stringify(detect satisfies never)}`)
  }
}

/** Every address when a range says so; ranges of the other family alone leave this one without node ports. */
function portRanges(family: IpFamily, ranges: readonly string[]): readonly string[] {
  const own = ranges.flatMap((range) => cidrOf(family, range) ?? [])
  if (own.some((range) => range.endsWith('/0'))) return []
  return own.length > 0 ? own : [family === 'IPv4' ? '0.0.0.0/32' : '::/128']
}

/** Where health checks of Services are served: where node ports are, or at every address ('::', or '0.0.0.0' without IPv6). */
export function healthCheckAddresses(config: RuleConfig, families: readonly IpFamily[], node: Node | undefined): readonly string[] {
  if (config.nodePortAddresses === 'primary') {
    const primary = families.flatMap((family) => primaryIps(config, node, family))
    if (primary.length > 0) return primary
  }
  return [families.includes('IPv6') ? '::' : '0.0.0.0']
}
