/** NetworkPolicy read straight from the API's documentation, slowly: what the compiled ruleset is compared with. */
import { contains, parseCidr, parseIp } from '../../../api/ip.js'
import { labelSelectorOf } from '../../../api/selectors/label.js'
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../../api/types/networking-v1.js'
import type { Protocol } from '../../ruleset/rule.js'
import type { PolicyPod } from '../pod.js'

export interface Packet {
  readonly from: string
  readonly to: string
  readonly protocol: Protocol
  readonly port: number
}

export interface World {
  readonly pods: ReadonlyMap<string, PolicyPod>
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>
  readonly policies: ReadonlyMap<string, NetworkPolicy>
}

/** Of the first packet of a connection that this node forwards. */
export function isAllowed(world: World, packet: Packet): boolean {
  if (packet.from === packet.to) return true
  const [from, to] = [podAt(world, packet.from), podAt(world, packet.to)]
  if (!from?.local && !to?.local) return true
  return passes(world, packet, 'Egress', from) && passes(world, packet, 'Ingress', to)
}

function podAt({ pods }: World, address: string): PolicyPod | undefined {
  for (const pod of pods.values()) for (const { text } of pod.addresses) if (text === address) return pod
  return undefined
}

function passes(world: World, packet: Packet, type: 'Ingress' | 'Egress', pod: PolicyPod | undefined): boolean {
  if (!pod?.local) return true
  const isolating = [...world.policies.values()].filter(({ metadata, spec }) => {
    const types = spec?.policyTypes ?? (spec?.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'])
    return types.includes(type) && metadata.namespace === pod.namespace && labelSelectorOf(spec?.podSelector ?? {}).matches(pod.labels)
  })
  if (isolating.length === 0) return true
  return isolating.some(({ metadata, spec }) => {
    const rules =
      type === 'Ingress'
        ? (spec?.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
        : (spec?.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }))
    return rules.some(({ peers, ports }) => {
      const address = type === 'Ingress' ? packet.from : packet.to
      const isPeer = !peers?.length || peers.some((peer) => matchesPeer(world, peer, address, metadata.namespace ?? ''))
      return isPeer && (!ports?.length || ports.some((port) => matchesPort(port, packet, podAt(world, packet.to))))
    })
  })
}

function matchesPeer(world: World, peer: NetworkPolicyPeer, address: string, namespace: string): boolean {
  const { ipBlock, namespaceSelector, podSelector } = peer
  if (ipBlock) {
    const ip = parseIp(address)
    const isIn = (cidr: string) => contains(parseCidr(cidr) as never, ip as never)
    return isIn(ipBlock.cidr) && !ipBlock.except?.some(isIn)
  }
  const pod = podAt(world, address)
  if (!pod || (!namespaceSelector && !podSelector)) return false
  const labels = world.namespaces.get(pod.namespace)
  const inNamespace = namespaceSelector
    ? labelSelectorOf(namespaceSelector).empty || (labels !== undefined && labelSelectorOf(namespaceSelector).matches(labels))
    : pod.namespace === namespace
  return inNamespace && labelSelectorOf(podSelector ?? {}).matches(pod.labels)
}

function matchesPort({ protocol = 'TCP', port, endPort }: NetworkPolicyPort, packet: Packet, receiver: PolicyPod | undefined): boolean {
  if (protocol !== packet.protocol) return false
  if (port === undefined) return true
  if (typeof port === 'number') return packet.port >= port && packet.port <= (endPort ?? port)
  return receiver?.ports.some((own) => own.name === port && own.protocol === protocol && own.port === packet.port) ?? false
}
