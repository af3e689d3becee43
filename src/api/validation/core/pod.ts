/** Pods (core/v1): complete when they are made, nearly immutable then. */
import type { Pod, PodSpec } from '../../types/core-v1.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { paddedImagesFaults } from './containers.js'
import { podAnnotationFaults } from './pod-annotations.js'
import { podResizeFaults } from './pod-resize.js'
import { podSpecFaults } from './pod-spec.js'
import { podStatusFaults } from './pod-status.js'
import { ratchetOf } from './pod-template.js'
import { podWarnings } from './pod-warnings.js'
import { podUpdateFaults } from './pod-update.js'
import { sameJson } from '../../same-json.js'

const empty: PodSpec = { containers: [] }
const mirror = 'kubernetes.io/config.mirror'

function podFaults(faults: Faults, pod: Pod, old?: Pod): void {
  const { metadata, spec = empty } = pod
  podAnnotationFaults(faults, 'metadata.annotations', metadata.annotations, spec)
  podSpecFaults(faults, 'spec', spec, { isPod: true, ...(metadata.name ? { podName: metadata.name } : {}), ...ratchetOf(old?.spec) })
  if (!spec.serviceAccountName)
    for (const [i, { projected }] of (spec.volumes ?? []).entries())
      for (const [j, { serviceAccountToken }] of (projected?.sources ?? []).entries())
        if (serviceAccountToken)
          faults.forbidden(
            `spec.volumes[${i}].projected.sources[${j}].serviceAccountToken`,
            'must not be specified when serviceAccountName is not set',
          )
  paddedImagesFaults(faults, 'spec.containers', spec.containers)
  paddedImagesFaults(faults, 'spec.initContainers', spec.initContainers)
}

/** Existing ephemeral containers stay as they are; new ones may come (KEP-277). */
function ephemeralUpdateFaults(faults: Faults, pod: Pod, old: Pod): void {
  if (old.metadata.annotations?.[mirror] !== undefined) return faults.forbidden('[]', 'static pods do not support ephemeral containers')
  podFaults(faults, pod, old)
  const byName = new Map((pod.spec?.ephemeralContainers ?? []).map((container) => [container.name, container]))
  for (const before of old.spec?.ephemeralContainers ?? []) {
    const now = byName.get(before.name)
    if (!now) faults.forbidden('spec.ephemeralContainers', `existing ephemeral containers "${before.name}" may not be removed`)
    else if (!sameJson(now, before))
      faults.forbidden('spec.ephemeralContainers', `existing ephemeral containers "${before.name}" may not be changed`)
  }
}

export const podRules: KindRules<Pod> = {
  create(faults, pod) {
    podFaults(faults, pod)
    const { spec = empty } = pod
    if (spec.ephemeralContainers?.length) faults.forbidden('spec.ephemeralContainers', 'cannot be set on create')
    if (spec.nodeName && spec.schedulingGates?.length)
      faults.forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared')
  },
  update(faults, pod, old) {
    // A spec that is the very same has been judged before.
    if (sameJson(pod.spec, old.spec))
      return podAnnotationFaults(faults, 'metadata.annotations', pod.metadata.annotations, pod.spec ?? empty)
    podFaults(faults, pod, old)
    podUpdateFaults(faults, pod.spec ?? empty, old.spec ?? empty)
  },
  status: podStatusFaults,
  warnings: podWarnings,
  subresources: {
    ephemeralcontainers: ephemeralUpdateFaults,
    resize(faults, pod, old) {
      podFaults(faults, pod, old)
      podResizeFaults(faults, pod, old)
    },
  },
}
