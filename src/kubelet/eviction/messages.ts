import type { Pod } from '../../api/types/core-v1.js'
import { binaryQuantity } from '../nodes/allocatable.js'
import { offenders, type PodUse } from './ranking.js'
import { type Observations, resourceOf, type Threshold, valueIn } from './signals.js'

/** What an evicted pod's status says, word for word as kubectl users know it. Pure. */
export function evictionMessage(pod: Pod, use: PodUse | undefined, threshold: Threshold, observations: Observations): string {
  const resource = resourceOf(threshold.signal)
  let message = `The node was low on resource: ${resource}. `
  const seen = observations.get(threshold.signal)
  const isBytes = resource === 'memory' || resource === 'ephemeral-storage'
  const text = (amount: number) => (isBytes ? binaryQuantity(amount) : String(amount))
  if (seen)
    message += `Threshold quantity: ${text(valueIn(threshold.value, seen.capacity))}, available: ${text(kibi(seen.available, isBytes))}. `
  for (const { container, used, request } of use ? offenders(pod, use, threshold.signal) : [])
    message += `Container ${container.name} was using ${text(kibi(used, isBytes))}, request is ${request}, has larger consumption of ${resource}. `
  return message
}

/** Amounts of bytes in messages are in whole KiB. */
function kibi(amount: number, isBytes: boolean): number {
  return isBytes ? Math.floor(amount / 1_024) * 1_024 : amount
}
