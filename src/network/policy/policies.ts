/**
 * NetworkPolicies of a cluster as the ruleset of one node, kept current change by change.
 *
 * A pod of this node that a policy selects is isolated in the policy's direction: its address is in that direction's verdict map,
 * which leads to the chain of exactly the policies that select it. The chain lets through what one of them allows and drops the
 * rest. A pod that none selects is in no map. Policies that select no pod of this node cost neither sets nor chains. A pod of this
 * node is isolated before its address is known: see `holdChain`.
 */
import type { IpFamily } from '../../api/ip.js'
import type { Labels } from '../../api/selectors/label.js'
import type { NetworkPolicy } from '../../api/types/networking-v1.js'
import type { Rule } from '../ruleset/rule.js'
import type { Ruleset } from '../ruleset/ruleset.js'
import { Choices } from './choices.js'
import { compilePolicy, type CompiledPolicy, type Direction } from './compile.js'
import type { PolicyPod } from './pod.js'
import { type PolicyRules, policyRules } from './policy-rules.js'

interface Policy {
  readonly compiled: CompiledPolicy
  /** While a chain needs them. */
  rules: PolicyRules | undefined
  readonly groups: Set<Group>
}

/** The pods of this node that exactly these policies isolate in one direction: they share a chain. */
interface Group {
  readonly id: string
  readonly direction: Direction
  readonly chain: string
  readonly policies: readonly string[]
  pods: number
}

/** A pod of this node as the ruleset has it. */
interface LocalPod {
  readonly addresses: PolicyPod['addresses']
  readonly ingress: Group | undefined
  readonly egress: Group | undefined
}

const directions: readonly Direction[] = ['ingress', 'egress']
const addressType = { IPv4: 'ipv4_addr', IPv6: 'ipv6_addr' } as const

/** Address → the chain of its pod. */
export function isolationMap(direction: Direction, family: IpFamily): string {
  return `${direction}-${family === 'IPv4' ? '4' : '6'}`
}

/** Pairs of one address: what a pod says to itself, which no policy can block. */
export function selfSet(family: IpFamily): string {
  return `self-${family === 'IPv4' ? '4' : '6'}`
}

/** Addresses of this node's pods that are known: whose isolation is settled. */
export function knownSet(family: IpFamily): string {
  return `known-${family === 'IPv4' ? '4' : '6'}`
}

/**
 * Where packets of this node's addresses go that are not known (yet). It drops while a pod is on its way that policies isolate:
 * "All newly created pods affected by a given NetworkPolicy will be isolated before they are started" (Network Policies, pod
 * lifecycle). At other times it lets them go on: a pod that no policy selects need not wait for its status.
 */
export function holdChain(direction: Direction): string {
  return `${direction}-unknown`
}

export interface PoliciesOptions {
  readonly ruleset: Ruleset
  readonly families: readonly IpFamily[]
}

export class Policies {
  readonly #options: PoliciesOptions
  readonly #choices: Choices
  readonly #policies = new Map<string, Policy>()
  /** Subject's key → the policies that have it. */
  readonly #bySubject = new Map<string, Set<string>>()
  readonly #policiesOfPod = new Map<string, Set<string>>()
  readonly #groups = new Map<string, Group>()
  readonly #local = new Map<string, LocalPod>()
  /** Address → the pod that it was last seen with. */
  readonly #owners = new Map<string, string>()
  readonly #unsettledPods = new Set<string>()
  readonly #unsettledGroups = new Set<Group>()
  #chainsMade = 0
  /** Pods on their way that are isolated, by direction; with what the kernel does about it. */
  readonly #expected = { ingress: new Set<string>(), egress: new Set<string>() }
  readonly #isHolding = { ingress: false, egress: false }

  constructor(options: PoliciesOptions) {
    this.#options = options
    const { ruleset, families } = options
    this.#choices = new Choices({
      ...options,
      changed: ({ selection, members }, key) => this.#chosen(selection.key, key, members.has(key)),
    })
    for (const family of families) {
      ruleset.define({ name: selfSet(family), type: `${addressType[family]} . ${addressType[family]}` })
      for (const direction of directions)
        ruleset.define({ name: isolationMap(direction, family), type: addressType[family], verdicts: true })
      ruleset.define({ name: knownSet(family), type: addressType[family] })
    }
    for (const direction of directions) ruleset.setChain(holdChain(direction), [])
  }

  setPod(pod: PolicyPod): void {
    this.#choices.setPod(pod)
    if (pod.local || this.#local.has(pod.key)) this.#unsettledPods.add(pod.key)
  }

  deletePod(key: string): void {
    this.#choices.deletePod(key)
    if (this.#local.has(key)) this.#unsettledPods.add(key)
  }

  setNamespace(name: string, labels: Labels | undefined): void {
    this.#choices.setNamespace(name, labels)
  }

  setPolicy(object: NetworkPolicy): void {
    const compiled = compilePolicy(object)
    const { key, subject } = compiled
    const old = this.#policies.get(key)
    // The new one's sets are asked for before the old one's are given back: those that both use stay.
    const policy: Policy = { compiled, rules: old?.rules && this.#rulesOf(compiled), groups: old?.groups ?? new Set() }
    const choice = this.#choices.acquire(subject)
    if (old) this.#forget(old)
    this.#policies.set(key, policy)
    let same = this.#bySubject.get(subject.key)
    if (!same) this.#bySubject.set(subject.key, (same = new Set()))
    same.add(key)
    for (const pod of choice.members.keys()) this.#join(pod, key)
    for (const group of policy.groups) this.#unsettledGroups.add(group)
  }

  deletePolicy(key: string): void {
    const policy = this.#policies.get(key)
    if (!policy) return
    this.#policies.delete(key)
    // Its pods leave its groups while its sets are still there: they go when the chains that name them have.
    this.#forget({ ...policy, rules: undefined })
    this.#settlePods()
    policy.rules?.release()
  }

  /** Brings the ruleset in line with all that was told. Cheap when nothing was. */
  settle(): void {
    this.#settlePods()
    for (const group of this.#unsettledGroups)
      if (this.#groups.get(group.id) === group)
        this.#options.ruleset.setChain(group.chain, this.#chainRules(group.direction, group.policies))
    this.#unsettledGroups.clear()
    for (const direction of directions) {
      const isHolding = this.#expected[direction].size > 0
      if (isHolding === this.#isHolding[direction]) continue
      this.#isHolding[direction] = isHolding
      this.#options.ruleset.setChain(holdChain(direction), isHolding ? [{ verdict: 'drop' }] : [])
    }
  }

  counts(): { readonly policies: number; readonly pods: number; readonly isolatedPods: number } {
    return { policies: this.#policies.size, pods: this.#choices.podCount, isolatedPods: this.#isolatedCount() }
  }

  #isolatedCount(): number {
    let count = 0
    for (const { ingress, egress } of this.#local.values()) if (ingress || egress) count++
    return count
  }

  #rulesOf(compiled: CompiledPolicy): PolicyRules {
    return policyRules(compiled, this.#choices, this.#options.families)
  }

  /** Takes a policy from its pods and gives back what it holds. */
  #forget({ compiled: { key, subject }, rules }: Policy): void {
    const same = this.#bySubject.get(subject.key)
    same?.delete(key)
    if (same?.size === 0) this.#bySubject.delete(subject.key)
    const choice = this.#choices.acquire(subject)
    for (const pod of choice.members.keys()) this.#leave(pod, key)
    this.#choices.release(subject)
    this.#choices.release(subject)
    rules?.release()
  }

  #chosen(subject: string, pod: string, isChosen: boolean): void {
    for (const policy of this.#bySubject.get(subject) ?? []) {
      if (isChosen) this.#join(pod, policy)
      else this.#leave(pod, policy)
    }
  }

  #join(pod: string, policy: string): void {
    let policies = this.#policiesOfPod.get(pod)
    if (!policies) this.#policiesOfPod.set(pod, (policies = new Set()))
    policies.add(policy)
    this.#unsettledPods.add(pod)
  }

  #leave(pod: string, policy: string): void {
    const policies = this.#policiesOfPod.get(pod)
    policies?.delete(policy)
    if (policies?.size === 0) this.#policiesOfPod.delete(pod)
    this.#unsettledPods.add(pod)
  }

  #settlePods(): void {
    for (const key of this.#unsettledPods) this.#isolate(key)
    this.#unsettledPods.clear()
  }

  #isolate(key: string): void {
    const pod = this.#choices.pod(key)
    const old = this.#local.get(key)
    // The new groups are entered before the old ones are left: a policy that is in both keeps its sets.
    const [ingress, egress] = directions.map((direction) => (pod?.local ? this.#enter(key, direction) : undefined))
    const addresses = (pod?.local ? pod.addresses : []).filter(({ family }) => this.#options.families.includes(family))
    if (pod?.local) this.#local.set(key, { addresses, ingress, egress })
    else this.#local.delete(key)
    const isOnItsWay = pod?.addresses.length === 0
    this.#expect('ingress', key, isOnItsWay && ingress !== undefined)
    this.#expect('egress', key, isOnItsWay && egress !== undefined)
    for (const { family, text } of addresses) {
      this.#owners.set(text, key)
      this.#options.ruleset.add(knownSet(family), text)
      this.#options.ruleset.add(selfSet(family), `${text} . ${text}`)
      this.#options.ruleset.setVerdict(isolationMap('ingress', family), text, ingress?.chain)
      this.#options.ruleset.setVerdict(isolationMap('egress', family), text, egress?.chain)
    }
    if (old) this.#lift(key, old, addresses)
  }

  #lift(key: string, { addresses, ingress, egress }: LocalPod, kept: PolicyPod['addresses']): void {
    for (const { family, text } of addresses) {
      this.#options.ruleset.remove(knownSet(family), text)
      this.#options.ruleset.remove(selfSet(family), `${text} . ${text}`)
      // An address that another pod has by now is isolated as that pod is.
      if (this.#owners.get(text) !== key || kept.some((address) => address.text === text)) continue
      this.#owners.delete(text)
      for (const direction of directions) this.#options.ruleset.setVerdict(isolationMap(direction, family), text, undefined)
    }
    for (const group of [ingress, egress]) if (group) this.#exit(group)
  }

  #expect(direction: Direction, key: string, isExpected: boolean): void {
    if (isExpected) this.#expected[direction].add(key)
    else this.#expected[direction].delete(key)
  }

  #enter(pod: string, direction: Direction): Group | undefined {
    const policies = [...(this.#policiesOfPod.get(pod) ?? [])].filter((key) => this.#policies.get(key)?.compiled[direction]).sort()
    if (policies.length === 0) return undefined
    const id = `${direction} ${policies.join(' ')}`
    let group = this.#groups.get(id)
    if (!group) {
      group = { id, direction, policies, chain: `${direction}-pods-${++this.#chainsMade}`, pods: 0 }
      this.#groups.set(id, group)
      for (const key of policies) {
        const policy = this.#policies.get(key) as Policy
        policy.groups.add(group)
        policy.rules ??= this.#rulesOf(policy.compiled)
      }
      this.#options.ruleset.setChain(group.chain, this.#chainRules(direction, policies))
    }
    group.pods++
    return group
  }

  #exit(group: Group): void {
    group.pods--
    if (group.pods > 0) return
    this.#groups.delete(group.id)
    this.#options.ruleset.dropChain(group.chain)
    for (const key of group.policies) {
      const policy = this.#policies.get(key)
      policy?.groups.delete(group)
      if (policy?.groups.size !== 0) continue
      policy.rules?.release()
      policy.rules = undefined
    }
  }

  #chainRules(direction: Direction, policies: readonly string[]): Rule[] {
    const allowing = policies.flatMap((key) => this.#policies.get(key)?.rules?.[direction] ?? [])
    return [...allowing, { verdict: 'drop' }]
  }
}
