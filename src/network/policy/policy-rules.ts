/** The rules of one policy, with the sets that they ask for. */
import type { IpFamily } from '../../api/ip.js'
import type { Rule } from '../ruleset/rule.js'
import type { Choices } from './choices.js'
import type { CompiledPolicy, CompiledRule, Direction, NamedPort } from './compile.js'
import { allPods, type Selection } from './selection.js'

export interface PolicyRules {
  readonly ingress: readonly Rule[]
  readonly egress: readonly Rule[]
  release(): void
}

type PeerPart = Pick<Rule, 'family' | 'peer'> & { readonly choice?: Selection }

/** What lets a packet through: each rule returns from the chain whose end drops. */
export function policyRules(policy: CompiledPolicy, choices: Choices, families: readonly IpFamily[]): PolicyRules {
  const acquired: (readonly [Selection, NamedPort?])[] = []
  const setsOf = (selection: Selection, port?: NamedPort) => {
    acquired.push([selection, port])
    return choices.acquireSets(selection, port)
  }

  const peersOf = (direction: Direction, { peers }: CompiledRule): PeerPart[] => {
    if (!peers) return [{}]
    const side = direction === 'ingress' ? 'saddr' : 'daddr'
    const parts: PeerPart[] = []
    for (const choice of peers.pods) {
      const names = setsOf(choice)
      for (const family of families) parts.push({ family, peer: { side, set: names[family] as string }, choice })
    }
    for (const family of families) if (peers.blocks[family].length > 0) parts.push({ family, peer: { side, ranges: peers.blocks[family] } })
    return parts
  }

  /** A name is that of a port of whoever receives: of the isolated pods themselves, or of the pods that they talk to. */
  const named = (direction: Direction, port: NamedPort, { choice, ...peer }: PeerPart): Omit<Rule, 'verdict'>[] => {
    const names = setsOf(direction === 'ingress' ? policy.subject : (choice ?? allPods), port)
    const over = peer.family ? [peer.family] : families
    // The endpoints of the peers are peers: their addresses need not be looked up too.
    const rest = direction === 'egress' && choice ? {} : peer
    return over.map((family) => ({ ...rest, family, endpoint: names[family] as string }))
  }

  const rulesOf = (direction: Direction): Rule[] => {
    const rules: Rule[] = []
    for (const rule of policy[direction] ?? [])
      for (const part of peersOf(direction, rule)) {
        const { choice: _choice, ...peer } = part
        const conditions: Omit<Rule, 'verdict'>[] = rule.ports
          ? [
              ...rule.ports.numbers.map((ports) => ({ ...peer, ports })),
              ...rule.ports.named.flatMap((port) => named(direction, port, part)),
            ]
          : [peer]
        for (const condition of conditions) rules.push({ ...condition, verdict: 'return', comment: policy.key })
      }
    return rules
  }

  return {
    ingress: rulesOf('ingress'),
    egress: rulesOf('egress'),
    release() {
      for (const [selection, port] of acquired) choices.releaseSets(selection, port)
    },
  }
}
