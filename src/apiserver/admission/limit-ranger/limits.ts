import { type Amount, amountOf, compareAmounts, formatAmount } from '../../../api/resource-usage/amount.js'
import { podUsage } from '../../../api/resource-usage/pod.js'
import type { LimitRangeItem, Pod } from '../../../api/types/core-v1.js'

/** The bounds of a LimitRange, checked. Pure; the texts are upstream's, which people know. */

export type Amounts = ReadonlyMap<string, Amount>

export function amountsOf(values: Readonly<Record<string, string>> | undefined): Amounts {
  return new Map(Object.entries(values ?? {}).map(([name, text]) => [name, amountOf(text)]))
}

/** Requests and limits of a whole pod: its containers together, or an init container when that is more. */
export function podAmounts(pod: Pod): { requests: Amounts; limits: Amounts } {
  return { requests: podUsage(pod, 'requests'), limits: podUsage(pod, 'limits') }
}

/** `requestsOnly`: claims have no limits, so a maximum bounds what they request. */
export function limitFaults(item: LimitRangeItem, what: string, requests: Amounts, limits: Amounts, requestsOnly = false): string[] {
  const faults: string[] = []
  for (const [name, bound] of amountsOf(item.min)) {
    const [request, limit] = [requests.get(name), limits.get(name)]
    const title = `minimum ${name} usage per ${what} is ${formatAmount(bound)}`
    if (!request) faults.push(`${title}.  No request is specified`)
    else if (compareAmounts(request, bound) < 0) faults.push(`${title}, but request is ${formatAmount(request)}`)
    if (!requestsOnly && limit && compareAmounts(limit, bound) < 0) faults.push(`${title}, but limit is ${formatAmount(limit)}`)
  }
  for (const [name, bound] of amountsOf(item.max)) {
    const [request, limit] = [requests.get(name), limits.get(name)]
    const title = `maximum ${name} usage per ${what} is ${formatAmount(bound)}`
    if (requestsOnly) {
      if (request && compareAmounts(request, bound) > 0) faults.push(`${title}, but request is ${formatAmount(request)}`)
      continue
    }
    if (!limit) faults.push(`${title}.  No limit is specified`)
    else if (compareAmounts(limit, bound) > 0) faults.push(`${title}, but limit is ${formatAmount(limit)}`)
    if (request && compareAmounts(request, bound) > 0) faults.push(`${title}, but request is ${formatAmount(request)}`)
  }
  for (const [name, ratio] of amountsOf(item.maxLimitRequestRatio)) faults.push(...ratioFaults(name, ratio, what, requests, limits))
  return faults
}

function ratioFaults(name: string, ratio: Amount, what: string, requests: Amounts, limits: Amounts): string[] {
  const [request, limit] = [requests.get(name), limits.get(name)]
  const title = `${name} max limit to request ratio per ${what} is ${formatAmount(ratio)}`
  if (!request || request.nanos === 0n) return [`${title}, but no request is specified or request is 0`]
  if (!limit || limit.nanos === 0n) return [`${title}, but no limit is specified or limit is 0`]
  // limit / request > ratio, in whole numbers.
  const unit = 10n ** 9n
  if (limit.nanos * unit <= ratio.nanos * request.nanos) return []
  return [`${title}, but provided ratio is ${(Number(limit.nanos) / Number(request.nanos)).toFixed(6)}`]
}
