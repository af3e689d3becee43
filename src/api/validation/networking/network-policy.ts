/** NetworkPolicies (networking.k8s.io/v1). */
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../types/networking-v1.js'
import { parseCidr } from '../../ip.js'
import { protocols } from '../core/container-parts.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { isPort, mustBeCidr, mustBePortOrName } from '../names.js'
import { hasOddValues, labelSelectorFaults, type SelectorOptions } from '../selectors.js'

const types = new Set(['Egress', 'Ingress'])

function policyFaults(faults: Faults, { spec }: NetworkPolicy, old?: NetworkPolicy): void {
  const { podSelector, ingress = [], egress = [], policyTypes = [] } = spec ?? {}
  const options = hasOdd(old) ? { anyValue: true } : {}
  labelSelectorFaults(faults, 'spec.podSelector', podSelector, options)
  for (const [i, { ports = [], from = [] }] of ingress.entries()) {
    for (const [j, port] of ports.entries()) portFaults(faults, `spec.ingress[${i}].ports[${j}]`, port)
    for (const [j, peer] of from.entries()) peerFaults(faults, `spec.ingress[${i}].from[${j}]`, peer, options)
  }
  for (const [i, { ports = [], to = [] }] of egress.entries()) {
    for (const [j, port] of ports.entries()) portFaults(faults, `spec.egress[${i}].ports[${j}]`, port)
    for (const [j, peer] of to.entries()) peerFaults(faults, `spec.egress[${i}].to[${j}]`, peer, options)
  }
  if (policyTypes.length > types.size) return faults.invalid('spec.policyTypes', policyTypes, 'may not specify more than two policyTypes')
  for (const [i, type] of policyTypes.entries()) if (!types.has(type)) faults.notSupported(`spec.policyTypes[${i}]`, type, types)
}

function hasOdd(policy: NetworkPolicy | undefined): boolean {
  const peers = [
    ...(policy?.spec?.ingress ?? []).flatMap(({ from }) => from ?? []),
    ...(policy?.spec?.egress ?? []).flatMap(({ to }) => to ?? []),
  ]
  return (
    hasOddValues(policy?.spec?.podSelector) || peers.some((peer) => hasOddValues(peer.podSelector) || hasOddValues(peer.namespaceSelector))
  )
}

function portFaults(faults: Faults, path: string, { protocol, port, endPort }: NetworkPolicyPort): void {
  if (protocol !== undefined) faults.optionalWord(`${path}.protocol`, protocol, protocols)
  if (port !== undefined) mustBePortOrName(faults, `${path}.port`, port)
  if (endPort === undefined) return
  if (port === undefined) faults.invalid(`${path}.endPort`, endPort, 'may not be specified when `port` is not specified')
  else if (typeof port !== 'number') faults.invalid(`${path}.endPort`, endPort, 'may not be specified when `port` is non-numeric')
  else if (!isPort(endPort)) faults.invalid(`${path}.endPort`, endPort, 'must be between 1 and 65535, inclusive')
  else if (endPort < port) faults.invalid(`${path}.endPort`, endPort, 'must be greater than or equal to `port`')
}

function peerFaults(faults: Faults, path: string, peer: NetworkPolicyPeer, options: SelectorOptions): void {
  const { podSelector, namespaceSelector, ipBlock } = peer
  labelSelectorFaults(faults, `${path}.podSelector`, podSelector, options)
  labelSelectorFaults(faults, `${path}.namespaceSelector`, namespaceSelector, options)
  if (ipBlock) blockFaults(faults, `${path}.ipBlock`, ipBlock)
  if (!podSelector && !namespaceSelector && !ipBlock) faults.required(path, 'must specify a peer')
  else if (ipBlock && (podSelector || namespaceSelector)) faults.forbidden(path, 'may not specify both ipBlock and another peer')
}

function blockFaults(faults: Faults, path: string, { cidr, except = [] }: IPBlock): void {
  if (!cidr) return faults.required(`${path}.cidr`)
  const whole = parseCidr(cidr)
  if (!whole) return mustBeCidr(faults, `${path}.cidr`, cidr)
  for (const [i, text] of except.entries()) {
    const at = `${path}.except[${i}]`
    const part = parseCidr(text)
    if (!part) mustBeCidr(faults, at, text)
    else if (
      part.family !== whole.family ||
      part.first < whole.first ||
      part.last > whole.last ||
      part.last - part.first >= whole.last - whole.first
    )
      faults.invalid(at, text, 'must be a strict subset of `cidr`')
  }
}

export const networkPolicyRules: KindRules<NetworkPolicy> = {
  create: (faults, policy) => policyFaults(faults, policy),
  update: policyFaults,
}
