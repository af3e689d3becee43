import type { KubeObject } from '../../api/object.js'
import { type Amount, addAmounts, compareAmounts, amountOf, formatAmount, zero } from '../../api/resource-usage/amount.js'
import { sumUsage } from '../../api/resource-usage/object.js'
import type { ResourceQuota, ResourceQuotaStatus } from '../../api/types/core-v1.js'
import { countedBy, resourcesOf } from './counted.js'

export interface Counted {
  readonly group: string
  readonly resource: string
  readonly objects: readonly KubeObject[]
}

/**
 * The status that a quota ought to have: its limits, and how much of each is used by these objects. What nothing served can
 * use has no figure. Undefined when the quota says so already.
 */
export function quotaStatus(quota: ResourceQuota, counted: readonly Counted[], nowMs: number): ResourceQuotaStatus | undefined {
  const hard = quota.spec?.hard ?? {}
  const usage = new Map<string, Amount>()
  for (const { objects, ...of } of counted)
    for (const [name, amount] of sumUsage(of, objects, quota, nowMs)) usage.set(name, addAmounts(usage.get(name) ?? zero, amount))
  const known = new Set(counted.map(({ group, resource }) => `${resource}.${group}`))
  const used: Record<string, string> = {}
  for (const name of Object.keys(hard)) {
    const by = countedBy(name)
    if (by && known.has(`${by.resource}.${by.group}`)) used[name] = formatAmount(usage.get(name) ?? zero)
  }
  const { status = {} } = quota
  if (status.hard && status.used && sameAmounts(hard, status.hard) && sameAmounts(used, status.used)) return undefined
  return { hard, used }
}

/** Equal in value: "1" and "1000m" are. */
function sameAmounts(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a)
  if (names.length !== Object.keys(b).length) return false
  return names.every((name) => b[name] !== undefined && compareAmounts(amountOf(a[name]), amountOf(b[name])) === 0)
}

/** What has to be counted for a quota. */
export function countedResources({ spec }: ResourceQuota) {
  return resourcesOf(Object.keys(spec?.hard ?? {}))
}
