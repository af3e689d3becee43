/** LimitRanges (core/v1): the bounds of each resource fit together. */
import type { LimitRange, LimitRangeItem } from '../../types/core-v1.js'
import { amountOf } from '../../resource-usage/amount.js'
import type { Faults } from '../faults.js'
import { sameRules } from '../kind-rules.js'
import { isQualifiedName, mustBeQualified } from '../names.js'
import { containerResourceNameFaults, isHugePages, isNativeResource, resourceNameFaults } from '../resources.js'

const types = new Set(['Container', 'PersistentVolumeClaim', 'Pod'])
const unit = 1_000_000_000n

function limitRangeFaults(faults: Faults, { spec }: LimitRange): void {
  const seen = new Set<string>()
  for (const [i, item] of (spec?.limits ?? []).entries()) {
    const at = `spec.limits[${i}]`
    const type = item.type ?? ''
    if (!isQualifiedName(type)) mustBeQualified(faults, `${at}.type`, type)
    else if (!type.includes('/') && !types.has(type)) faults.invalid(`${at}.type`, type, 'must be a standard limit type or fully qualified')
    if (seen.has(type)) faults.duplicate(`${at}.type`, type)
    seen.add(type)
    itemFaults(faults, at, item)
  }
}

function itemFaults(faults: Faults, path: string, item: LimitRangeItem): void {
  const { type, min = {}, max = {}, maxLimitRequestRatio = {} } = item
  const isPod = type === 'Pod'
  const nameRule = isPod || type === 'Container' ? containerResourceNameFaults : resourceNameFaults
  const names = new Set<string>()
  const kinds = isPod
    ? (['max', 'min', 'maxLimitRequestRatio'] as const)
    : (['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const)
  for (const kind of kinds)
    for (const name in item[kind]) {
      nameRule(faults, `${path}.${kind}[${name}]`, name)
      names.add(name)
    }
  if (isPod)
    for (const kind of ['default', 'defaultRequest'] as const)
      if (Object.keys(item[kind] ?? {}).length > 0) faults.forbidden(`${path}.${kind}`, "may not be specified when `type` is 'Pod'")
  if (type === 'PersistentVolumeClaim' && min['storage'] === undefined && max['storage'] === undefined)
    faults.required(`${path}.limits`, 'either minimum or maximum storage value is required, but neither was provided')
  for (const name of names) boundsFaults(faults, path, name, isPod ? { min, max, maxLimitRequestRatio } : item)
}

function boundsFaults(faults: Faults, path: string, name: string, item: Omit<LimitRangeItem, 'type'>): void {
  const of = (kind: 'min' | 'max' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio') => {
    const text = item[kind]?.[name]
    return text === undefined ? undefined : amountOf(text).nanos
  }
  const [min, max, byDefault, request, ratio] = [of('min'), of('max'), of('default'), of('defaultRequest'), of('maxLimitRequestRatio')]
  const above = (low: bigint | undefined, high: bigint | undefined) => low !== undefined && high !== undefined && low > high
  const fault = (kind: string, detail: string) => faults.invalid(`${path}.${kind}[${name}]`, '', detail)
  if (above(min, max)) fault('min', 'min value is greater than max value')
  if (above(min, request)) fault('defaultRequest', 'min value is greater than default request value')
  if (above(request, max)) fault('defaultRequest', 'default request value is greater than max value')
  if (above(request, byDefault)) fault('defaultRequest', 'default request value is greater than default limit value')
  if (above(min, byDefault)) fault('default', 'min value is greater than default value')
  if (above(byDefault, max)) fault('default', 'default value is greater than max value')
  if (ratio !== undefined && ratio < unit) fault('maxLimitRequestRatio', 'ratio is less than 1')
  if (ratio !== undefined && min !== undefined && max !== undefined && ratio * min > max * unit)
    fault('maxLimitRequestRatio', 'ratio is greater than max/min')
  const fixed = isHugePages(name) || !isNativeResource(name)
  if (fixed && byDefault !== undefined && request !== undefined && byDefault !== request)
    fault('defaultRequest', 'default value must equal to defaultRequest value')
}

export const limitRangeRules = sameRules(limitRangeFaults)
