/** Random histories of a cluster, for a node with the ruleset under test beside the same world for the oracle. */
import fc from 'fast-check'
import { parseIp } from '../../../api/ip.js'
import type { NetworkPolicy, NetworkPolicySpec } from '../../../api/types/networking-v1.js'
import type { Protocol } from '../../ruleset/rule.js'
import { Ruleset, type RulesetChange } from '../../ruleset/ruleset.js'
import type { PolicyPod } from '../pod.js'
import { Policies } from '../policies.js'
import { Kernel } from './kernel.js'
import type { World } from './oracle.js'

export interface PodOptions {
  readonly labels?: Record<string, string>
  readonly ports?: PolicyPod['ports']
  readonly local?: boolean
}

export function podOf(key: string, ips: readonly string[], { labels = {}, ports = [], local = true }: PodOptions = {}): PolicyPod {
  const addresses = ips.map((text) => ({ family: parseIp(text)?.family ?? 'IPv4', text }))
  return { key, namespace: key.split('/')[0] ?? '', labels, ports, local, addresses }
}

export function policyOf(key: string, spec: NetworkPolicySpec): NetworkPolicy {
  const [namespace = '', name = ''] = key.split('/')
  return { metadata: { namespace, name }, spec }
}

/** A node with its kernel, beside the same world for the oracle. */
export class Node {
  readonly ruleset = new Ruleset()
  readonly policies = new Policies({ ruleset: this.ruleset, families: ['IPv4', 'IPv6'] })
  readonly kernel = new Kernel()
  /** What was written, in order. */
  readonly changes: RulesetChange[] = []
  readonly world = { pods: new Map<string, PolicyPod>(), namespaces: new Map(), policies: new Map<string, NetworkPolicy>() } satisfies World

  pod(pod: PolicyPod): this {
    this.world.pods.set(pod.key, pod)
    this.policies.setPod(pod)
    return this
  }

  namespace(name: string, labels: Record<string, string>): this {
    this.world.namespaces.set(name, labels)
    this.policies.setNamespace(name, labels)
    return this
  }

  policy(policy: NetworkPolicy): this {
    this.world.policies.set(`${policy.metadata.namespace}/${policy.metadata.name}`, policy)
    this.policies.setPolicy(policy)
    return this
  }

  commit(): this {
    this.policies.settle()
    const taken = this.ruleset.take()
    this.kernel.apply(taken)
    if (taken) this.changes.push(taken)
    return this
  }

  passes(from: string, to: string, port = 80, protocol: Protocol = 'TCP'): boolean {
    return this.kernel.passes({ from, to, port, protocol })
  }
}

const label = fc.constantFrom('x', 'y', 'z')
const labels = fc.record({ app: label, tier: label }, { requiredKeys: [] }) as fc.Arbitrary<Record<string, string>>
const namespaceName = fc.constantFrom('a', 'b', 'c')
const selector = fc.oneof(
  fc.constant({}),
  labels.map((matchLabels) => ({ matchLabels })),
  fc
    .record({
      key: fc.constantFrom('app', 'tier'),
      operator: fc.constantFrom('In' as const, 'NotIn' as const),
      values: fc.array(label, { minLength: 1, maxLength: 2 }),
    })
    .map((one) => ({ matchExpressions: [one] })),
  fc.constant({ matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' as const }] }),
)
const block = fc.constantFrom(
  { cidr: '0.0.0.0/0' },
  { cidr: '10.0.0.0/16', except: ['10.0.0.2/31', '10.0.0.5/32'] },
  { cidr: '::/0', except: ['fd00::4/126'] },
  { cidr: '192.0.2.0/24' },
)
const peer = fc.oneof(
  fc.record({ namespaceSelector: selector, podSelector: selector }, { requiredKeys: [] }),
  block.map((ipBlock) => ({ ipBlock })),
)
const protocol = fc.constantFrom('TCP' as const, 'UDP' as const, 'SCTP' as const)
const port = fc.oneof(
  fc.record({ protocol }, { requiredKeys: [] }),
  fc.record({ protocol, port: fc.constantFrom(1, 2, 3, 'p', 'q') }, { requiredKeys: ['port'] }),
  fc.record({ port: fc.constantFrom(1, 2), endPort: fc.constantFrom(2, 3) }),
)
const list = <T>(one: fc.Arbitrary<T>) => fc.array(one, { maxLength: 2 })
const spec = fc.record(
  {
    podSelector: selector,
    policyTypes: fc.constantFrom(['Ingress' as const], ['Egress' as const], ['Ingress' as const, 'Egress' as const]),
    ingress: list(fc.record({ from: list(peer), ports: list(port) }, { requiredKeys: [] })),
    egress: list(fc.record({ to: list(peer), ports: list(port) }, { requiredKeys: [] })),
  },
  { requiredKeys: ['podSelector'] },
)
const ownPorts = fc.array(fc.record({ name: fc.constantFrom('p', 'q'), protocol, port: fc.constantFrom(1, 2, 3) }), { maxLength: 2 })
export const change = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('pod' as const),
      at: fc.integer({ min: 1, max: 8 }),
      namespace: namespaceName,
      labels,
      ports: ownPorts,
      local: fc.boolean(),
      hasAddress: fc.constantFrom(true, true, true, false),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('policy' as const), namespace: namespaceName, name: fc.constantFrom('p', 'q', 'r'), spec }),
  },
  fc.record({ do: fc.constant('namespace' as const), namespace: namespaceName, labels }),
  fc.record({ do: fc.constant('no pod' as const), at: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ do: fc.constant('no policy' as const), namespace: namespaceName, name: fc.constantFrom('p', 'q', 'r') }),
  fc.record({ do: fc.constant('no namespace' as const), namespace: namespaceName }),
  { weight: 4, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
)
export type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

/** A pod's address is its own: the pod at 3 is 10.0.0.3 and fd00::3, whatever its namespace is at the moment. */
export function perform(one: Node, what: Change): void {
  const { pods, namespaces, policies } = one.world
  const remove = (at: number) => {
    for (const { key } of pods.values())
      if (key.endsWith(`/${at}`)) {
        pods.delete(key)
        one.policies.deletePod(key)
      }
  }
  switch (what.do) {
    case 'pod':
      if (!pods.has(`${what.namespace}/${what.at}`)) remove(what.at)
      one.pod(podOf(`${what.namespace}/${what.at}`, what.hasAddress ? [`10.0.0.${what.at}`, `fd00::${what.at}`] : [], what))
      return
    case 'no pod':
      return remove(what.at)
    case 'policy':
      one.policy(policyOf(`${what.namespace}/${what.name}`, what.spec as NetworkPolicySpec))
      return
    case 'no policy':
      policies.delete(`${what.namespace}/${what.name}`)
      return one.policies.deletePolicy(`${what.namespace}/${what.name}`)
    case 'namespace':
      one.namespace(what.namespace, what.labels)
      return
    case 'no namespace':
      namespaces.delete(what.namespace)
      return one.policies.setNamespace(what.namespace, undefined)
    case 'commit':
      one.commit()
  }
}

