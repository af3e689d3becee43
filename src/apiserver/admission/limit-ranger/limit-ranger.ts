import type { Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from '../../../api/types/core-v1.js'
import { resources } from '../../../client/resources.js'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.js'
import { type AdmissionDeps, on, refused, resourceText } from '../plugin.js'
import { type Amounts, amountsOf, limitFaults, podAmounts } from './limits.js'

const annotation = 'kubernetes.io/limit-ranger'

/** LimitRanges: defaults for containers that ask for nothing, and bounds for containers, pods and claims. */
export function limitRanger({ access }: AdmissionDeps): AdmissionPlugin {
  const ranges = access.lister<LimitRange>(resources.limitRanges)
  const items = (request: AdmissionRequest): LimitRangeItem[] => ranges.list(request.namespace).flatMap((range) => range.spec?.limits ?? [])
  const creates = on(['CREATE'], 'pods', 'persistentvolumeclaims')
  // Only these updates change what a pod or claim asks for.
  const updates = on(['UPDATE'], 'pods/resize', 'persistentvolumeclaims')
  return {
    name: 'LimitRanger',
    handles: (...of) => creates(...of) || updates(...of),
    mutate(request) {
      if (request.operation === 'CREATE' && resourceText(request.resource) === 'pods')
        setDefaults(request.object as unknown as Pod, items(request))
    },
    validate(request) {
      const limits = items(request)
      if (limits.length === 0) return
      const faults =
        resourceText(request.resource) === 'pods'
          ? podFaults(request.object as unknown as Pod, limits)
          : claimFaults(request.object as unknown as PersistentVolumeClaim, limits)
      if (faults.length > 0) throw refused(request, faults.length === 1 ? (faults[0] ?? '') : `[${faults.join(', ')}]`)
    },
  }
}

/** Fills what a container leaves open, and says in an annotation what was filled. */
function setDefaults(pod: Pod, limits: readonly LimitRangeItem[]): void {
  const ofContainers = limits.filter(({ type }) => type === 'Container')
  if (ofContainers.length === 0) return
  const requests = Object.assign({}, ...ofContainers.map((item) => item.defaultRequest ?? {})) as Record<string, string>
  const maximums = Object.assign({}, ...ofContainers.map((item) => item.default ?? {})) as Record<string, string>
  const notes: string[] = []
  const fill = (container: Container, title: string) => {
    for (const [field, defaults, noun] of [
      ['requests', requests, 'request'],
      ['limits', maximums, 'limit'],
    ] as const) {
      const missing = Object.keys(defaults).filter((name) => container.resources?.[field]?.[name] === undefined)
      if (missing.length === 0) continue
      const added = Object.fromEntries(missing.map((name) => [name, defaults[name] ?? '']))
      container.resources = { ...container.resources, [field]: { ...container.resources?.[field], ...added } }
      notes.push(`${missing.sort().join(', ')} ${noun} for ${title} ${container.name}`)
    }
  }
  for (const container of pod.spec?.containers ?? []) fill(container, 'container')
  for (const container of pod.spec?.initContainers ?? []) fill(container, 'init container')
  if (notes.length > 0)
    pod.metadata.annotations = { ...pod.metadata.annotations, [annotation]: `LimitRanger plugin set: ${notes.join('; ')}` }
}

function podFaults(pod: Pod, limits: readonly LimitRangeItem[]): string[] {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
  return limits.flatMap((item) => {
    if (item.type === 'Container')
      return containers.flatMap(({ resources: of }) => limitFaults(item, 'Container', amountsOf(of?.requests), amountsOf(of?.limits)))
    if (item.type !== 'Pod') return []
    const total = podAmounts(pod)
    return limitFaults(item, 'Pod', total.requests, total.limits)
  })
}

function claimFaults(claim: PersistentVolumeClaim, limits: readonly LimitRangeItem[]): string[] {
  const none: Amounts = new Map()
  const asked = amountsOf(claim.spec?.resources?.requests)
  return limits
    .filter(({ type }) => type === 'PersistentVolumeClaim')
    .flatMap(({ type, min, max }) => limitFaults({ type, min, max }, 'PersistentVolumeClaim', asked, none, true))
}
