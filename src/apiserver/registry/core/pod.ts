import type { LabelSelector } from '../../../api/types/meta-v1.js'
import type { Pod, PodAffinityTerm, PodSpec } from '../../../api/types/core-v1.js'
import { qosClassOf } from '../../../api/pods/qos.js'
import { timestamp } from '../../../base/clock.js'
import { sameJson } from '../../../api/same-json.js'
import type { Strategy } from '../strategy.js'
import { bindPod } from './pod-binding.js'

/** Pods. Their spec hardly changes; they are given time to end when a kubelet runs them. */
export const podStrategy: Strategy<Pod> = {
  resource: { group: '', resource: 'pods' },
  // Where a pod runs is a spec field, but binding it is no change of what was asked for (KEP-5067).
  generation: (pod, old) => !sameJson({ ...pod.spec, nodeName: undefined }, { ...old.spec, nodeName: undefined }),
  allowCreateOnUpdate: false,
  prepareForCreate(pod, { clock }) {
    pod.status = { phase: 'Pending', qosClass: qosClassOf(pod) }
    if (pod.spec?.schedulingGates?.length)
      pod.status.conditions = [
        {
          type: 'PodScheduled',
          status: 'False',
          ...({ lastProbeTime: null } as object),
          lastTransitionTime: timestamp(clock.now()),
          reason: 'SchedulingGated',
          message: 'Scheduling is blocked due to non-empty scheduling gates',
        },
      ]
    if (pod.spec) dropStopSignals(pod.spec)
    if (pod.spec) mergeMatchLabelKeys(pod.spec, pod.metadata.labels ?? {})
  },
  prepareForUpdate(pod, old) {
    pod.status = structuredClone(old.status ?? {})
    const gatesGone = (old.spec?.schedulingGates?.length ?? 0) > 0 && !pod.spec?.schedulingGates?.length
    if (gatesGone) pod.status.conditions = pod.status.conditions?.filter(({ reason }) => reason !== 'SchedulingGated')
  },
  prepareForStatusUpdate(pod, old) {
    // The class is computed, not reported; a status without it keeps it.
    if (pod.status && !pod.status.qosClass && old.status?.qosClass) pod.status.qosClass = old.status.qosClass
  },
  gracePeriod(pod, requested) {
    const { phase } = pod.status ?? {}
    // Nobody has to end what no kubelet runs.
    if (!pod.spec?.nodeName || phase === 'Succeeded' || phase === 'Failed') return 0
    const period = requested ?? pod.spec.terminationGracePeriodSeconds ?? 30
    return period < 0 ? 1 : period
  },
  subresources: {
    ephemeralcontainers: {
      prepareForUpdate(pod, old) {
        const ephemeralContainers = pod.spec?.ephemeralContainers
        restore(pod, old)
        if (!pod.spec) return
        if (ephemeralContainers) pod.spec.ephemeralContainers = ephemeralContainers
        else delete pod.spec.ephemeralContainers
      },
    },
    resize: {
      prepareForUpdate(pod, old) {
        const { containers = [], initContainers = [] } = pod.spec ?? {}
        restore(pod, old)
        takeResources(pod.spec?.containers, containers)
        takeResources(pod.spec?.initContainers, initContainers)
      },
    },
  },
  actions: { binding: bindPod },
  selectableFields: {
    'spec.nodeName': (pod) => pod.spec?.nodeName ?? '',
    'spec.restartPolicy': (pod) => pod.spec?.restartPolicy ?? '',
    'spec.schedulerName': (pod) => pod.spec?.schedulerName ?? '',
    'spec.serviceAccountName': (pod) => pod.spec?.serviceAccountName ?? '',
    'spec.hostNetwork': (pod) => String(pod.spec?.hostNetwork ?? false),
    'status.phase': (pod) => pod.status?.phase ?? '',
    'status.podIP': (pod) => pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? '',
    'status.nominatedNodeName': (pod) => pod.status?.nominatedNodeName ?? '',
  },
}

/** KEP-4960 is off by default: what it would read is not kept. */
function dropStopSignals({ containers, initContainers }: PodSpec): void {
  for (const container of [...(containers ?? []), ...(initContainers ?? [])]) {
    if (!container.lifecycle?.stopSignal) continue
    delete container.lifecycle.stopSignal
    if (!container.lifecycle.postStart && !container.lifecycle.preStop) delete container.lifecycle
  }
}

function restore(pod: Pod, old: Pod): void {
  const { managedFields, resourceVersion } = pod.metadata
  const copy = structuredClone(old)
  pod.metadata = { ...copy.metadata, ...(managedFields ? { managedFields } : {}), ...(resourceVersion ? { resourceVersion } : {}) }
  pod.spec = copy.spec
  pod.status = copy.status
}

function takeResources(into: PodSpec['containers'] | undefined, from: readonly PodSpec['containers'][number][]): void {
  for (const container of into ?? []) {
    const given = from.find(({ name }) => name === container.name)
    if (given?.resources) container.resources = given.resources
    if (given?.resizePolicy) container.resizePolicy = given.resizePolicy
  }
}

/** matchLabelKeys (KEP-3243, KEP-3633): the pod's own values of those labels become part of the selectors. */
function mergeMatchLabelKeys(spec: PodSpec, labels: Readonly<Record<string, string>>): void {
  for (const constraint of spec.topologySpreadConstraints ?? [])
    if (constraint.labelSelector) addExpressions(constraint.labelSelector, constraint.matchLabelKeys, labels, 'In')
  for (const side of [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity]) {
    const terms: (PodAffinityTerm | undefined)[] = [
      ...(side?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(side?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
    ]
    for (const term of terms) {
      if (!term?.labelSelector) continue
      addExpressions(term.labelSelector, term.matchLabelKeys, labels, 'In')
      addExpressions(term.labelSelector, term.mismatchLabelKeys, labels, 'NotIn')
    }
  }
}

function addExpressions(
  selector: LabelSelector,
  keys: readonly string[] | undefined,
  labels: Readonly<Record<string, string>>,
  operator: 'In' | 'NotIn',
): void {
  const added = (keys ?? []).flatMap((key) => (Object.hasOwn(labels, key) ? [{ key, operator, values: [labels[key] ?? ''] }] : []))
  if (added.length > 0) selector.matchExpressions = [...(selector.matchExpressions ?? []), ...added]
}
