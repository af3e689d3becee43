/** A table as the kernel would hold it: takes changes, refuses what the kernel refuses, and judges packets by what it holds. */
import { type IpFamily, parseIp } from '../../../api/ip.js'
import type { Rule } from '../../ruleset/rule.js'
import type { RulesetChange } from '../../ruleset/ruleset.js'
import { isolationMap, selfSet } from '../policies.js'
import type { Packet } from './oracle.js'

export class Kernel {
  sets = new Map<string, Set<string>>()
  chains = new Map<string, readonly Rule[]>()

  apply(change: RulesetChange | undefined): void {
    if (!change) return
    if (change.whole) {
      this.sets.clear()
      this.chains.clear()
    }
    for (const { name } of change.sets) {
      refuse(this.sets.has(name), `set ${name} exists`)
      this.sets.set(name, new Set())
    }
    for (const { name, isNew, rules } of change.chains) {
      refuse(isNew === this.chains.has(name), `chain ${name}: new is ${isNew}`)
      for (const rule of rules) for (const set of setsOf(rule)) refuse(!this.sets.has(set), `a rule of ${name} names ${set}, which is not there`)
      this.chains.set(name, rules)
    }
    for (const { set, elements } of change.removed)
      for (const element of elements) {
        const found = [...(this.sets.get(set) ?? [])].find((each) => each.split(' : ')[0] === element)
        refuse(!found, `no ${element} in ${set}`)
        this.sets.get(set)?.delete(found as string)
      }
    for (const { set, elements } of change.added)
      for (const element of elements) {
        const key = element.split(' : ')[0]
        const other = [...(this.sets.get(set) ?? [])].some((each) => each.split(' : ')[0] === key)
        refuse(!this.sets.has(set) || other, `${element} is in ${set} already, or there is no such set`)
        this.sets.get(set)?.add(element)
      }
    for (const name of change.goneChains) {
      refuse(!this.chains.delete(name), `no chain ${name}`)
      for (const elements of this.sets.values())
        for (const element of elements) refuse(element.endsWith(` : jump ${name}`), `${element} leads to a chain that is gone`)
    }
    for (const name of change.goneSets) {
      refuse(!this.sets.delete(name), `no set ${name}`)
      for (const [chain, rules] of this.chains)
        for (const rule of rules) refuse(setsOf(rule).includes(name), `${chain} names a set that is gone`)
    }
  }

  passes(packet: Packet): boolean {
    const family = parseIp(packet.from)?.family as IpFamily
    if (this.sets.get(selfSet(family))?.has(`${packet.from} . ${packet.to}`)) return true
    return (
      this.#passesChain(isolationMap('egress', family), packet.from, packet, family) &&
      this.#passesChain(isolationMap('ingress', family), packet.to, packet, family)
    )
  }

  #passesChain(map: string, address: string, packet: Packet, family: IpFamily): boolean {
    const element = [...(this.sets.get(map) ?? [])].find((each) => each.split(' : ')[0] === address)
    if (!element) return true
    const rules = this.chains.get(element.split(' : jump ')[1] as string)
    for (const rule of rules ?? []) if (this.#matches(rule, packet, family)) return rule.verdict === 'return'
    return true
  }

  #matches({ family, peer, ports, endpoint }: Rule, packet: Packet, of: IpFamily): boolean {
    if (family && family !== of) return false
    if (peer) {
      const address = peer.side === 'saddr' ? packet.from : packet.to
      const value = parseIp(address)?.value as bigint
      const isPeer =
        'set' in peer ? this.sets.get(peer.set)?.has(address) : peer.ranges.some(({ first, last }) => value >= first && value <= last)
      if (!isPeer) return false
    }
    if (ports) {
      if (ports.protocol !== packet.protocol) return false
      if (ports.ranges.length > 0 && !ports.ranges.some(([from, to]) => packet.port >= from && packet.port <= to)) return false
    }
    if (!endpoint) return true
    return this.sets.get(endpoint)?.has(`${packet.to} . ${packet.protocol.toLowerCase()} . ${packet.port}`) ?? false
  }
}

function setsOf({ peer, endpoint }: Rule): string[] {
  return [...(peer && 'set' in peer ? [peer.set] : []), ...(endpoint ? [endpoint] : [])]
}

function refuse(condition: boolean, why: string): void {
  if (condition) throw new Error(`the kernel refuses: ${why}`)
}
