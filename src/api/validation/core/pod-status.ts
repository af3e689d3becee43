/** What a kubelet may report of a pod (core/v1). */
import type { ContainerStatus, Pod } from '../../types/core-v1.js'
import { parseIp } from '../../ip.js'
import type { Faults } from '../faults.js'
import { mustBeIp, mustBeQualified, mustBeSubdomain } from '../names.js'

const systemConditions = new Set(['Initialized', 'PodScheduled', 'Ready'])

export function podStatusFaults(faults: Faults, pod: Pod, old: Pod): void {
  const { status = {}, spec } = pod
  const before = old.status ?? {}
  for (const [i, { type }] of (status.conditions ?? []).entries())
    if (!systemConditions.has(type)) mustBeQualified(faults, `metadata.conditions[${i}].Type`, type)
  if (status.nominatedNodeName && status.nominatedNodeName !== before.nominatedNodeName)
    mustBeSubdomain(faults, 'status.nominatedNodeName', status.nominatedNodeName)
  if (before.qosClass && status.qosClass !== before.qosClass) faults.invalid('status.qosClass', status.qosClass, 'field is immutable')
  const policy = spec?.restartPolicy ?? 'Always'
  const sidecars = new Set((spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name))
  const own = new Map([...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].map((each) => [each.name, each.restartPolicy]))
  const mayRestart = (name: string, exitCode: number, of: string) =>
    sidecars.has(name) || own.get(name) !== undefined || of === 'Always' || (of === 'OnFailure' && exitCode !== 0)
  transitions(faults, 'status.containerStatuses', status.containerStatuses, before.containerStatuses, (name, code) =>
    mayRestart(name, code, policy),
  )
  transitions(faults, 'status.initContainerStatuses', status.initContainerStatuses, before.initContainerStatuses, (name, code) =>
    mayRestart(name, code, policy),
  )
  transitions(
    faults,
    'status.ephemeralContainerStatuses',
    status.ephemeralContainerStatuses,
    before.ephemeralContainerStatuses,
    () => false,
  )
  claimStatusFaults(faults, pod)
  addressesFaults(faults, 'status.podIPs', status.podIPs)
  if (status.hostIPs?.length) {
    const [first] = status.hostIPs
    if (first?.ip !== status.hostIP) faults.invalid('status.hostIPs[0].ip', first?.ip, 'must be equal to `hostIP`')
    addressesFaults(faults, 'status.hostIPs', status.hostIPs)
  }
}

/** What has ended for good does not come back. */
function transitions(
  faults: Faults,
  path: string,
  now: readonly ContainerStatus[] | undefined,
  before: readonly ContainerStatus[] | undefined,
  mayRestart: (name: string, exitCode: number) => boolean,
): void {
  for (const [i, { name, state }] of (before ?? []).entries()) {
    if (!state?.terminated || mayRestart(name, state.terminated.exitCode ?? 0)) continue
    if (now?.some((status) => status.name === name && !status.state?.terminated))
      faults.forbidden(`${path}[${i}].state`, 'may not be transitioned to non-terminated state')
  }
}

function claimStatusFaults(faults: Faults, { status, spec }: Pod): void {
  const known = new Set((spec?.resourceClaims ?? []).map(({ name }) => name))
  const seen = new Set<string>()
  for (const [i, { name, resourceClaimName }] of (status?.resourceClaimStatuses ?? []).entries()) {
    const at = `status.resourceClaimStatuses[${i}].name`
    if (!known.has(name)) faults.invalid(at, name, 'must match the name of an entry in `spec.resourceClaims`')
    if (seen.has(name)) faults.duplicate(at, name)
    seen.add(name)
    if (resourceClaimName !== undefined) mustBeSubdomain(faults, at, resourceClaimName)
  }
}

/** At most one of each family. */
function addressesFaults(faults: Faults, path: string, addresses: readonly { readonly ip?: string }[] | undefined): void {
  if (!addresses) return
  for (const [i, { ip = '' }] of addresses.entries()) {
    mustBeIp(faults, `${path}[${i}]`, ip)
    if (addresses.findIndex((address) => address.ip === ip) < i) faults.duplicate(`${path}[${i}]`, { ip })
  }
  if (addresses.length < 2) return
  const families = new Set(addresses.map(({ ip = '' }) => parseIp(ip)?.family))
  if (addresses.length > 2 || families.size < 2) faults.invalid(path, addresses, 'may specify no more than one IP for each IP family')
}
