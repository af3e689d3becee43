/** IPAddresses and ServiceCIDRs (networking.k8s.io/v1, KEP-1880). */
import type { IPAddress, ServiceCIDR } from '../../types/networking-v1.js'
import { formatIp, parseCidr, parseIp } from '../../ip.js'
import { sameJson } from '../../same-json.js'
import { type Faults, immutable } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { mustBeCidr, mustBePathSegment, mustBeSubdomain } from '../names.js'

function addressFaults(faults: Faults, { metadata, spec }: IPAddress): void {
  const name = metadata.name ?? ''
  const ip = parseIp(name)
  if (!ip) faults.invalid('metadata.name', name, 'must be a valid IP address')
  else if (formatIp(ip) !== name) faults.invalid('metadata.name', name, 'must be an IP address in canonical form')
  const parent = spec?.parentRef
  if (!parent) return faults.required('spec.parentRef')
  const { group, resource, namespace, name: of } = parent
  if (group) mustBeSubdomain(faults, 'spec.parentRef.group', group)
  if (!resource) faults.required('spec.parentRef.resource')
  else mustBePathSegment(faults, 'spec.parentRef.resource', resource)
  if (!of) faults.required('spec.parentRef.name')
  else mustBePathSegment(faults, 'spec.parentRef.name', of)
  if (namespace) mustBePathSegment(faults, 'spec.parentRef.namespace', namespace)
}

export const ipAddressRules: KindRules<IPAddress> = {
  create: addressFaults,
  update(faults, address, old) {
    if (!sameJson(address.spec?.parentRef, old.spec?.parentRef)) faults.invalid('spec.parentRef', address.spec?.parentRef, immutable)
  },
}

function rangesFaults(faults: Faults, { spec }: ServiceCIDR): void {
  const cidrs = spec?.cidrs ?? []
  if (cidrs.length === 0) return faults.required('spec.cidrs', 'at least one CIDR required')
  const families = new Set(cidrs.map((cidr) => parseCidr(cidr)?.family))
  if (cidrs.length > 2 || (cidrs.length === 2 && families.size < 2))
    faults.invalid('spec.cidrs', cidrs, 'may specify no more than one CIDR for each IP family, from most preferred to least')
  for (const [i, cidr] of cidrs.entries()) {
    const at = `spec.cidrs[${i}]`
    const range = parseCidr(cidr)
    if (!range) mustBeCidr(faults, at, cidr)
    else if (`${formatIp({ family: range.family, value: range.first })}${cidr.slice(cidr.indexOf('/'))}` !== cidr)
      faults.invalid(at, cidr, 'must be the network address in canonical form')
  }
}

export const serviceCidrRules: KindRules<ServiceCIDR> = {
  create: rangesFaults,
  update(faults, range, old) {
    const [now = [], before = []] = [range.spec?.cidrs, old.spec?.cidrs]
    // A second family may be added to the first.
    const grows = before.length === 1 && now.length === 2 && now[0] === before[0]
    if (grows) rangesFaults(faults, range)
    else if (!sameJson(now, before)) faults.invalid('spec.cidrs', now, immutable)
  },
  status() {},
}
