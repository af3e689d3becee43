/** Cluster addresses and families of a Service (KEP-563): what is given fits together, and what is set stays. */
import type { ServiceSpec } from '../../types/core-v1.js'
import { parseIp } from '../../ip.js'
import type { Faults } from '../faults.js'
import { mustBeIp } from '../names.js'

const families = new Set(['IPv4', 'IPv6'])
const policies = new Set(['PreferDualStack', 'RequireDualStack', 'SingleStack'])
const isHeadless = ({ clusterIPs }: ServiceSpec) => clusterIPs?.length === 1 && clusterIPs[0] === 'None'

export function clusterIpsFaults(faults: Faults, spec: ServiceSpec): void {
  if (spec.type === 'ExternalName') return
  const { clusterIP = '', clusterIPs = [], ipFamilies = [] } = spec
  const path = 'spec.clusterIPs'
  if (clusterIP !== '') {
    if (clusterIPs.length === 0) faults.required(path)
    else if (clusterIPs[0] !== clusterIP) faults.invalid(path, clusterIPs, 'first value must match `clusterIP`')
  } else if (clusterIPs.length > 0) faults.invalid(path, clusterIPs, 'must be empty when `clusterIP` is not specified')
  for (const [i, family] of ipFamilies.entries()) {
    if (!families.has(family)) faults.notSupported(`spec.ipFamilies[${i}]`, family, families)
    if (ipFamilies.indexOf(family) < i) faults.duplicate(`spec.ipFamilies[${i}]`, family)
  }
  faults.optionalWord('spec.ipFamilyPolicy', spec.ipFamilyPolicy, policies)
  let odd = false
  for (const [i, ip] of clusterIPs.entries()) {
    if (i === 0 && ip === 'None') {
      if (clusterIPs.length === 1) continue
      odd = true
      faults.invalid(path, clusterIPs, "'None' must be the first and only value")
    } else if (!parseIp(ip)) {
      odd = true
      mustBeIp(faults, `${path}[${i}]`, ip)
    }
  }
  if (clusterIPs.length > 2) faults.invalid(path, clusterIPs, 'may only hold up to 2 values')
  if (odd) return
  const found = clusterIPs.map((ip) => parseIp(ip)?.family)
  if (clusterIPs.length > 1 && new Set(found).size < 2)
    faults.invalid(path, clusterIPs, 'may specify no more than one IP for each IP family')
  if (isHeadless(spec)) return
  for (const [i, family] of ipFamilies.entries())
    if (i < found.length && families.has(family) && found[i] !== family)
      faults.invalid(`${path}[${i}]`, clusterIPs[i], `expected an ${family} value as indicated by \`ipFamilies[${i}]\``)
}

/** A second address may come or go; the first stays, unless the type is or was another one. */
export function clusterIpsUpdate(faults: Faults, spec: ServiceSpec, old: ServiceSpec): void {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return
  const [now = [], before = []] = [spec.clusterIPs, old.clusterIPs]
  if (!(isHeadless(spec) && isHeadless(old))) listUpdate(faults, 'spec.clusterIPs', now, before, spec.ipFamilyPolicy, false)
  // Families that are left out are filled in from the addresses.
  if (isHeadless(spec) || isHeadless(old) || !spec.ipFamilies?.length) return
  listUpdate(faults, 'spec.ipFamilies', spec.ipFamilies ?? [], old.ipFamilies ?? [], spec.ipFamilyPolicy, true)
}

function listUpdate(
  faults: Faults,
  path: string,
  now: readonly string[],
  before: readonly string[],
  policy: string | undefined,
  atFirst: boolean,
): void {
  const changed = 'may not change once set'
  if (now.length === before.length) {
    for (const [i, value] of before.entries()) if (value !== now[i]) faults.invalid(`${path}[${atFirst ? 0 : i}]`, now, changed)
    return
  }
  if (before.length > 0 && now.length > 0 && now[0] !== before[0]) faults.invalid(`${path}[0]`, now, changed)
  if (now.length > before.length) return
  if (now.length === 0) faults.invalid(`${path}[0]`, now, 'the primary one can not be unset')
  else if (now.length === 1 && policy !== 'SingleStack')
    faults.invalid('spec.ipFamilyPolicy', policy ?? null, "must be set to 'SingleStack' when releasing the secondary one")
}
