import { quantityValue } from '../../api/quantity.js'
import { podUsage } from '../../api/resource-usage/pod.js'
import type { Pod } from '../../api/types/core-v1.js'
import { unitsOf } from '../pods/node-usage.js'
import { formatAmount } from '../../api/resource-usage/amount.js'
import type { PodUse } from './ranking.js'

/** Why a pod must go whatever the node has: a limit on local storage that it has passed (KEP-361). Undefined: it keeps to them. Pure. */
export function localStorageFault(pod: Pod, use: PodUse): string | undefined {
  for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
    const limit = emptyDir?.medium ? undefined : emptyDir?.sizeLimit
    const used = use.volumes.find((volume) => volume.name === name)?.bytes ?? 0
    if (limit !== undefined && used > quantityValue(limit)) return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `
  }
  const total = podUsage(pod, 'limits').get('ephemeral-storage')
  if (total && use.diskBytes > unitsOf('ephemeral-storage', total))
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${formatAmount(total)}. `
  for (const { name, resources } of pod.spec?.containers ?? []) {
    const limit = resources?.limits?.['ephemeral-storage']
    const used = use.containers.find((container) => container.name === name)?.diskBytes ?? 0
    if (limit !== undefined && used > quantityValue(limit))
      return `Container ${name} exceeded its local ephemeral storage limit "${limit}". `
  }
  return undefined
}
