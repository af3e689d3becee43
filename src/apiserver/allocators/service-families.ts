import type { Fault } from '../../api/status.js'
import type { Service } from '../../api/types/core-v1.js'
import { type IpFamily, parseIp } from '../../api/ip.js'

/**
 * Fills ipFamilyPolicy and ipFamilies from what is given (KEP-563): policy, families, addresses, and what the server has.
 * Returns faults for what this server cannot do. Pure but for the Service it fills. Not for ExternalName.
 */
export function fillFamilies(service: Service, available: readonly IpFamily[]): Fault[] {
  const spec = service.spec ?? {}
  const headless = spec.clusterIPs?.[0] === 'None'
  const selectorless = headless && Object.keys(spec.selector ?? {}).length === 0
  const given = (spec.clusterIPs ?? []).filter((address) => address !== 'None')
  const families: IpFamily[] = [...((spec.ipFamilies ?? []) as IpFamily[])]
  for (const [index, address] of given.entries()) {
    const family = parseIp(address)?.family
    if (family && index >= families.length && !families.includes(family)) families.push(family)
  }
  // Without a selector nothing but the owner knows the endpoints' families: both are let through (KEP-563).
  if (selectorless) {
    spec.ipFamilyPolicy ??= families.length === 1 ? 'SingleStack' : 'RequireDualStack'
    spec.ipFamilies = completed(families, available, spec.ipFamilyPolicy !== 'SingleStack')
    return []
  }
  const faults = faultsOf(spec.ipFamilyPolicy, families, given, available)
  if (faults.length > 0) return faults
  spec.ipFamilyPolicy ??= 'SingleStack'
  const dual = spec.ipFamilyPolicy !== 'SingleStack' && available.length > 1
  spec.ipFamilies = families.length > 0 ? completed(families, available, dual) : available.slice(0, dual ? 2 : 1)
  return []
}

function faultsOf(
  policy: string | undefined,
  families: readonly IpFamily[],
  given: readonly string[],
  available: readonly IpFamily[],
): Fault[] {
  if (policy === 'RequireDualStack' && available.length < 2)
    return [
      {
        path: 'spec.ipFamilyPolicy',
        reason: 'FieldValueInvalid',
        value: policy,
        detail: 'this cluster is not configured for dual-stack services',
      },
    ]
  if (families.length > 1 && (policy === undefined || policy === 'SingleStack'))
    return [
      {
        path: 'spec.ipFamilyPolicy',
        reason: 'FieldValueInvalid',
        value: policy ?? null,
        detail: "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
      },
    ]
  if (given.length > 1 && policy === undefined)
    return [
      {
        path: 'spec.ipFamilyPolicy',
        reason: 'FieldValueInvalid',
        value: null,
        detail: "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified",
      },
    ]
  return families.flatMap((family, index): Fault[] => {
    if (available.includes(family)) return []
    const ofAddress = index < given.length
    const path = ofAddress ? `spec.clusterIPs[${index}]` : `spec.ipFamilies[${index}]`
    const value = ofAddress ? given[index] : family
    return [{ path, reason: 'FieldValueInvalid', value, detail: `${family} is not configured on this cluster` }]
  })
}

const both: readonly IpFamily[] = ['IPv4', 'IPv6']

/** One family, or it and the other one. */
function completed(families: readonly IpFamily[], available: readonly IpFamily[], dual: boolean): IpFamily[] {
  const first = families[0] ?? available[0] ?? 'IPv4'
  if (!dual) return families.length > 0 ? [...families] : [first]
  return [first, families[1] ?? both.find((family) => family !== first) ?? 'IPv6']
}
