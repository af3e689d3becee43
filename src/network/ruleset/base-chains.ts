/** The chains that hang on the kernel's hooks, and the sets that they ask beside those of policies. */
import type { IpFamily } from '../../api/ip.js'
import { holdChain, isolationMap, knownSet, selfSet } from '../policy/policies.js'
import type { Ruleset } from './ruleset.js'

export interface BaseOptions {
  readonly families: readonly IpFamily[]
  readonly bridge: string
  readonly masquerade: boolean
  readonly policies: boolean
}

const words = {
  IPv4: { field: 'ip', type: 'ipv4_addr', multicast: '224.0.0.0/4', suffix: '4' },
  IPv6: { field: 'ip6', type: 'ipv6_addr', multicast: 'ff00::/8', suffix: '6' },
} as const

/** Ranges of this node's pods. */
export const localRanges = (family: IpFamily) => `local-ranges-${words[family].suffix}`
/** Ranges of the pods of every node. */
export const podRanges = (family: IpFamily) => `pod-ranges-${words[family].suffix}`

export function defineBaseSets(ruleset: Ruleset, families: readonly IpFamily[]): void {
  for (const family of families)
    for (const name of [localRanges(family), podRanges(family)]) ruleset.define({ name, type: words[family].type, interval: true })
}

export function baseChains(options: BaseOptions): string {
  const { families, masquerade, policies } = options
  const lines: string[] = []
  if (policies) lines.push('chain forward {', 'type filter hook forward priority filter; policy accept;', ...forward(options), '}')
  if (masquerade) {
    lines.push('chain postrouting {', 'type nat hook postrouting priority srcnat; policy accept;')
    for (const family of families) {
      const { field, multicast } = words[family]
      const leaves = `${field} daddr != @${podRanges(family)} ${field} daddr != ${multicast}`
      lines.push(`${field} saddr @${localRanges(family)} ${leaves} counter masquerade fully-random`)
    }
    lines.push('}')
  }
  return lines.join('\n')
}

/**
 * Packets that are forwarded, by the bridge too (bridge-nf-call-iptables). What the node itself sends to its pods, and they to it,
 * is not: traffic between a pod and its own node is always allowed, probes foremost. Answers are allowed by the connection; the
 * other direction is judged packet by packet, so that a policy holds for connections that were there before it.
 */
function forward({ families, bridge }: BaseOptions): string[] {
  const lines = [
    'ct state established ct direction reply accept',
    'ct state related accept',
    // Pods of one bridge find each other by these (RFC 4861); without them nothing else could be said.
    'icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept',
    // Policies know addresses of pods alone: by those of the link, pods of one bridge would pass by them.
    `iifname "${bridge}" ip6 saddr fe80::/10 counter drop`,
  ]
  for (const family of families) {
    const { field } = words[family]
    lines.push(`${field} saddr . ${field} daddr @${selfSet(family)} accept`)
  }
  for (const [direction, side] of [
    ['egress', 'saddr'],
    ['ingress', 'daddr'],
  ] as const)
    for (const family of families) {
      const address = `${words[family].field} ${side}`
      lines.push(`${address} vmap @${isolationMap(direction, family)}`)
      lines.push(`${address} @${localRanges(family)} ${address} != @${knownSet(family)} jump ${holdChain(direction)}`)
    }
  return lines
}
