/** Nodes (core/v1). */
import type { Node } from '../../types/core-v1.js'
import { parseCidr } from '../../ip.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { mustBeCidr } from '../names.js'
import { amountFaults } from '../resources.js'
import { taintsFaults } from './scheduling-rules.js'

function amountsFaults(faults: Faults, { status = {} }: Node): void {
  for (const kind of ['capacity', 'allocatable'] as const)
    for (const name in status[kind]) amountFaults(faults, `status.${kind}.${name}`, name, status[kind]?.[name] ?? '')
}

function rangesFaults(faults: Faults, ranges: readonly string[] | undefined): void {
  if (!ranges || ranges.length === 0) return
  const path = 'spec.podCIDRs'
  for (const [i, range] of ranges.entries()) {
    mustBeCidr(faults, `${path}[${i}]`, range)
    if (ranges.indexOf(range) < i) faults.duplicate(`${path}[${i}]`, range)
  }
  if (ranges.length < 2) return
  const families = new Set(ranges.map((range) => parseCidr(range)?.family))
  if (ranges.length > 2 || families.size < 2) faults.invalid(path, ranges, 'may specify no more than one CIDR for each IP family')
}

export const nodeRules: KindRules<Node> = {
  create(faults, node) {
    // Upstream reports taints under metadata.
    taintsFaults(faults, 'metadata.taints', node.spec?.taints)
    amountsFaults(faults, node)
    rangesFaults(faults, node.spec?.podCIDRs)
  },
  update(faults, node, old) {
    const [spec = {}, before = {}] = [node.spec, old.spec]
    amountsFaults(faults, node)
    const [now = [], had = []] = [spec.podCIDRs, before.podCIDRs]
    if (had.length > 0 && (now.length !== had.length || had.some((range, i) => range !== now[i])))
      faults.forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid')
    if (before.providerID && spec.providerID !== before.providerID)
      faults.forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid')
    taintsFaults(faults, 'metadata.taints', spec.taints)
    if (spec.externalID !== before.externalID) faults.forbidden('spec.externalID', 'may not be updated')
  },
  status(faults, node) {
    amountsFaults(faults, node)
    const addresses = node.status?.addresses ?? []
    const seen = new Set<string>()
    for (const [i, { type, address }] of addresses.entries()) {
      if (seen.has(`${type} ${address}`)) faults.duplicate(`status.addresses[${i}]`, { type, address })
      seen.add(`${type} ${address}`)
    }
  },
  warnings: ({ spec }) => (spec?.configSource ? ['spec.configSource: the feature is no longer supported'] : []),
}
