import type { Pod, Toleration } from '../../../api/types/core-v1.js'
import type { RuntimeClass } from '../../../api/types/node-v1.js'
import { amountOf, compareAmounts } from '../../../api/resource-usage/amount.js'
import { resources } from '../../../client/resources.js'
import { liveObject } from '../../live-objects.js'
import { sameJson } from '../../../api/same-json.js'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.js'
import { type AdmissionDeps, on, refused } from '../plugin.js'

/** A pod's runtime class brings its overhead, node selector and tolerations (KEP-585, KEP-688). */
export function runtimeClassPlugin({ access }: AdmissionDeps): AdmissionPlugin {
  const find = liveObject<RuntimeClass>(access, resources.runtimeClasses)
  return {
    name: 'RuntimeClass',
    handles: on(['CREATE'], 'pods'),
    mutate(request) {
      const pod = request.object as unknown as Pod
      const name = pod.spec?.runtimeClassName
      if (!name) {
        if (Object.keys(pod.spec?.overhead ?? {}).length > 0)
          throw refused(request, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead')
        return undefined
      }
      const found = find('', name)
      return found instanceof Promise ? found.then((settled) => apply(request, pod, settled)) : apply(request, pod, found)
    },
  }
}

function apply(request: AdmissionRequest, pod: Pod, runtimeClass: RuntimeClass | undefined): void {
  const spec = pod.spec
  if (!spec) return
  if (!runtimeClass) throw refused(request, `pod rejected: RuntimeClass "${spec.runtimeClassName}" not found`)
  const overhead = runtimeClass.overhead?.podFixed
  if (overhead) {
    if (Object.keys(spec.overhead ?? {}).length > 0 && !sameAmounts(spec.overhead ?? {}, overhead))
      throw refused(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    spec.overhead = { ...overhead }
  } else if (Object.keys(spec.overhead ?? {}).length > 0)
    throw refused(request, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead')
  const { nodeSelector = {}, tolerations = [] } = runtimeClass.scheduling ?? {}
  for (const [key, value] of Object.entries(nodeSelector))
    if (spec.nodeSelector?.[key] !== undefined && spec.nodeSelector[key] !== value)
      throw refused(
        request,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${spec.nodeSelector[key]}`,
      )
  if (Object.keys(nodeSelector).length > 0) spec.nodeSelector = { ...spec.nodeSelector, ...nodeSelector }
  const added = tolerations.filter((toleration: Toleration) => !spec.tolerations?.some((known) => sameJson(known, toleration)))
  if (added.length > 0) spec.tolerations = [...(spec.tolerations ?? []), ...added]
}

function sameAmounts(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every(
    (name) => a[name] !== undefined && b[name] !== undefined && compareAmounts(amountOf(a[name]), amountOf(b[name])) === 0,
  )
}
