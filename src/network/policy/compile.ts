/**
 * A NetworkPolicy with its selectors, blocks and ports compiled once. The rules are those of the API's documentation
 * (networking.k8s.io/v1 NetworkPolicy): a rule without peers is for everybody, one without ports for every port; selectors of one
 * peer hold together, peers and ports of one list by themselves.
 */
import { keyOf } from '../../api/object.js'
import { labelSelectorOf } from '../../api/selectors/label.js'
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/types/networking-v1.js'
import type { Protocol } from '../ruleset/rule.js'
import { type IpBlock, mergedPorts, type RangesByFamily, rangesOf } from './ranges.js'
import { type Selection, selection } from './selection.js'

export type Direction = 'ingress' | 'egress'

export interface CompiledPolicy {
  readonly key: string
  /** The pods of this node that it isolates. */
  readonly subject: Selection
  /** undefined: the policy does not isolate in this direction. */
  readonly ingress?: readonly CompiledRule[]
  readonly egress?: readonly CompiledRule[]
}

export interface CompiledRule {
  /** undefined: everybody. */
  readonly peers?: { readonly pods: readonly Selection[]; readonly blocks: RangesByFamily }
  /** undefined: every port of every protocol. */
  readonly ports?: CompiledPorts
}

export interface CompiledPorts {
  /** No ranges: every port of the protocol. */
  readonly numbers: readonly { readonly protocol: Protocol; readonly ranges: readonly (readonly [number, number])[] }[]
  readonly named: readonly NamedPort[]
}

export interface NamedPort {
  readonly protocol: Protocol
  readonly name: string
}

export function compilePolicy(policy: NetworkPolicy): CompiledPolicy {
  const { ingress = [], egress = [], podSelector = {}, policyTypes } = policy.spec ?? {}
  const { namespace = '' } = policy.metadata
  // Without types a policy is for ingress, and for egress when it has rules for it.
  const isFor = (type: 'Ingress' | 'Egress') => policyTypes?.includes(type) ?? (type === 'Ingress' || egress.length > 0)
  return {
    key: keyOf(policy),
    subject: selection({ namespace, pods: labelSelectorOf(podSelector), local: true }),
    ...(isFor('Ingress') ? { ingress: ingress.map(({ from, ports }) => compileRule(namespace, from, ports)) } : {}),
    ...(isFor('Egress') ? { egress: egress.map(({ to, ports }) => compileRule(namespace, to, ports)) } : {}),
  }
}

function compileRule(namespace: string, peers: readonly NetworkPolicyPeer[] = [], ports: readonly NetworkPolicyPort[] = []): CompiledRule {
  return {
    ...(peers.length > 0 ? { peers: compilePeers(namespace, peers) } : {}),
    ...(ports.length > 0 ? { ports: compilePorts(ports) } : {}),
  }
}

function compilePeers(namespace: string, peers: readonly NetworkPolicyPeer[]): NonNullable<CompiledRule['peers']> {
  const pods = new Map<string, Selection>()
  const blocks: IpBlock[] = []
  for (const { ipBlock, namespaceSelector, podSelector } of peers) {
    if (ipBlock) blocks.push(ipBlock)
    else if (namespaceSelector || podSelector) {
      const choice = selection({
        ...(namespaceSelector ? { namespaces: labelSelectorOf(namespaceSelector) } : { namespace }),
        pods: labelSelectorOf(podSelector ?? {}),
      })
      pods.set(choice.key, choice)
    }
  }
  return { pods: [...pods.values()], blocks: rangesOf(blocks) }
}

function compilePorts(ports: readonly NetworkPolicyPort[]): CompiledPorts {
  const whole = new Set<Protocol>()
  const ranges = new Map<Protocol, [number, number][]>()
  const named = new Map<string, NamedPort>()
  for (const { protocol = 'TCP', port, endPort } of ports) {
    if (port === undefined) whole.add(protocol)
    else if (typeof port === 'string') named.set(`${protocol} ${port}`, { protocol, name: port })
    else ranges.set(protocol, [...(ranges.get(protocol) ?? []), [port, endPort ?? port]])
  }
  const numbers: CompiledPorts['numbers'][number][] = [...whole].map((protocol) => ({ protocol, ranges: [] }))
  for (const [protocol, found] of ranges) if (!whole.has(protocol)) numbers.push({ protocol, ranges: mergedPorts(found) })
  return { numbers, named: [...named.values()] }
}
