import type { Fault } from '../../../api/status.js'
import type { Container, Pod, PodSpec, Toleration } from '../../../api/types/core-v1.js'
import { amountOf } from '../../../api/resource-usage/amount.js'
import { sameJson } from '../../../api/same-json.js'
import { qosClassOf } from './pod-qos.js'

/** What may change in a pod that exists: almost nothing. Pure. */
export function podUpdateFaults(pod: Pod, old: Pod): Fault[] {
  const spec = pod.spec ?? { containers: [] }
  const before = old.spec ?? { containers: [] }
  const counts = containerCountFaults(spec, before)
  if (counts.length > 0) return counts
  const faults = [...deadlineFaults(spec, before), ...gateFaults(spec, before), ...tolerationFaults(spec, before)]
  if (faults.length > 0) return faults
  const masked = maskMutable(spec, before)
  if (sameJson(masked, before)) return []
  return [
    {
      path: 'spec',
      reason: 'FieldValueForbidden',
      detail:
        'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
    },
  ]
}

function containerCountFaults(spec: PodSpec, old: PodSpec): Fault[] {
  const faults: Fault[] = []
  for (const field of ['containers', 'initContainers'] as const)
    if ((spec[field]?.length ?? 0) !== (old[field]?.length ?? 0))
      faults.push({ path: `spec.${field}`, reason: 'FieldValueForbidden', detail: 'pod updates may not add or remove containers' })
  return faults
}

/** A deadline may be set or brought nearer, never put off or taken away. */
function deadlineFaults({ activeDeadlineSeconds: now }: PodSpec, { activeDeadlineSeconds: before }: PodSpec): Fault[] {
  const path = 'spec.activeDeadlineSeconds'
  if (before === undefined || (now !== undefined && now <= before)) return []
  if (now === undefined) return [{ path, reason: 'FieldValueForbidden', detail: 'must not update from a positive integer to nil value' }]
  return [{ path, reason: 'FieldValueInvalid', value: now, detail: 'must be less than or equal to previous value' }]
}

function gateFaults({ schedulingGates: now = [] }: PodSpec, { schedulingGates: before = [] }: PodSpec): Fault[] {
  const known = new Set(before.map((gate) => gate.name))
  return now
    .filter((gate) => !known.has(gate.name))
    .map((gate) => ({ path: 'spec.schedulingGates', reason: 'FieldValueForbidden', value: gate.name, detail: 'only deletion is allowed' }))
}

/** Tolerations may be added; of an old one only tolerationSeconds may change. */
function tolerationFaults({ tolerations: now = [] }: PodSpec, { tolerations: before = [] }: PodSpec): Fault[] {
  const without = ({ tolerationSeconds: _, ...rest }: Toleration) => rest
  const kept = before.every((old) => now.some((toleration) => sameJson(without(old), without(toleration))))
  const detail = 'existing toleration can not be modified except its tolerationSeconds'
  return kept ? [] : [{ path: 'spec.tolerations', reason: 'FieldValueForbidden', detail }]
}

/** The new spec with every field that may change put back to what it was. */
function maskMutable(spec: PodSpec, old: PodSpec): PodSpec {
  const images = (containers: readonly Container[] | undefined, before: readonly Container[] | undefined) =>
    containers?.map((container, index) => ({ ...container, image: before?.[index]?.image }))
  const gated = (old.schedulingGates?.length ?? 0) > 0
  return {
    ...spec,
    containers: images(spec.containers, old.containers) ?? [],
    initContainers: images(spec.initContainers, old.initContainers),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    tolerations: old.tolerations,
    schedulingGates: old.schedulingGates,
    ...(spec.terminationGracePeriodSeconds === 1 && (old.terminationGracePeriodSeconds ?? 0) < 0
      ? { terminationGracePeriodSeconds: old.terminationGracePeriodSeconds }
      : {}),
    // KEP-3838: while it is gated, where a pod may go can be narrowed.
    ...(gated && narrows(spec, old) ? { nodeSelector: old.nodeSelector, affinity: old.affinity } : {}),
  }
}

function narrows(spec: PodSpec, old: PodSpec): boolean {
  const keepsSelector = Object.entries(old.nodeSelector ?? {}).every(([key, value]) => spec.nodeSelector?.[key] === value)
  const rest = (of: PodSpec) => ({ ...of.affinity, nodeAffinity: undefined })
  const before = old.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  const now = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  if (!keepsSelector || !sameJson(rest(spec), rest(old))) return false
  if (!before || before.length === 0) return true
  // Terms are alternatives: each may only get more expressions.
  return (
    now?.length === before.length &&
    before.every((term, index) => {
      const all = [...(now[index]?.matchExpressions ?? []), ...(now[index]?.matchFields ?? [])]
      return [...(term.matchExpressions ?? []), ...(term.matchFields ?? [])].every((old) => all.some((item) => sameJson(item, old)))
    })
  )
}

/** /resize: cpu and memory of containers may change, the class of service may not (KEP-1287). */
export function podResizeFaults(pod: Pod, old: Pod): Fault[] {
  if (qosClassOf(pod) !== (old.status?.qosClass ?? qosClassOf(old)))
    return [
      { path: 'spec', reason: 'FieldValueInvalid', value: qosClassOf(pod), detail: 'Pod QOS Class may not change as a result of resizing' },
    ]
  const mask = (spec: PodSpec | undefined, before: PodSpec | undefined) => ({
    ...spec,
    containers: spec?.containers.map((container, index) => withoutResizable(container, before?.containers[index])),
    initContainers: spec?.initContainers?.map((container, index) => withoutResizable(container, before?.initContainers?.[index])),
  })
  if (sameJson(mask(pod.spec, old.spec), mask(old.spec, old.spec))) return []
  return [{ path: 'spec', reason: 'FieldValueForbidden', detail: 'only cpu and memory resources are mutable' }]
}

function withoutResizable(container: Container, before: Container | undefined): unknown {
  const resizable = new Set(['cpu', 'memory'])
  const rest = (values: Record<string, string> | undefined) =>
    Object.fromEntries(
      Object.entries(values ?? {}).map(([name, value]) => [name, resizable.has(name) ? undefined : amountOf(value).nanos.toString()]),
    )
  const { resources } = container
  return {
    ...container,
    resizePolicy: before?.resizePolicy,
    resources: { ...resources, requests: rest(resources?.requests), limits: rest(resources?.limits) },
  }
}
