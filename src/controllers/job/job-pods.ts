/** A Job's pods: making one, and reading index, failures and times off one. Pure. */
import type { Job } from '../../api/types/batch-v1.js'
import type { Container, Pod, PodTemplateSpec } from '../../api/types/core-v1.js'
import { controllerReference } from '../common/owner.js'
import { podFromTemplate } from '../common/pod-template.js'
import { podCondition } from '../common/pods.js'
import { matchFailurePolicy } from './policies.js'

export const jobKind = { group: 'batch', version: 'v1', kind: 'Job' } as const
/** Keeps an ended pod until its end has been counted in the Job's status (KEP-2307). */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking'
const indexAnnotation = 'batch.kubernetes.io/job-completion-index'
const failureCountAnnotation = 'batch.kubernetes.io/job-index-failure-count'
const ignoredCountAnnotation = 'batch.kubernetes.io/job-index-ignored-failure-count'
const indexVariable = 'JOB_COMPLETION_INDEX'
/** Names that the server completes are cut to this length before the random part. */
const generateNameMax = 58

export const isIndexed = (job: Job): boolean => job.spec?.completionMode === 'Indexed'
export const hasLimitPerIndex = (job: Job): boolean => isIndexed(job) && job.spec?.backoffLimitPerIndex !== undefined
export const isSuspended = (job: Job): boolean => job.spec?.suspend === true
export const isTracked = (pod: Pod): boolean => pod.metadata.finalizers?.includes(trackingFinalizer) ?? false

/** podReplacementPolicy: Failed. A pod that is ending is neither failed nor replaced before it has ended. */
export const replacesOnlyFailed = (job: Job): boolean => job.spec?.podReplacementPolicy === 'Failed'

/** A pod of no index; `index` makes it the pod of one. `replaced`: the failed pod of that index before it. */
export function makeJobPod(job: Job, index?: number, replaced?: Pod): Pod {
  const template: PodTemplateSpec = job.spec?.template ?? {}
  const pod = podFromTemplate(template, job, controllerReference(job, jobKind))
  const finalizers = [...(pod.metadata.finalizers ?? []).filter((each) => each !== trackingFinalizer), trackingFinalizer]
  if (index === undefined) return { ...pod, metadata: { ...pod.metadata, finalizers } }
  const suffix = `-${index}-`
  const spec = pod.spec ?? { containers: [] }
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      generateName: `${(job.metadata.name ?? '').slice(0, generateNameMax - suffix.length)}${suffix}`,
      labels: { ...pod.metadata.labels, [indexAnnotation]: String(index) },
      annotations: {
        ...pod.metadata.annotations,
        [indexAnnotation]: String(index),
        ...(hasLimitPerIndex(job) ? failureAnnotations(job, replaced) : {}),
      },
      finalizers,
    },
    spec: {
      ...spec,
      hostname: `${job.metadata.name}-${index}`,
      containers: spec.containers.map(withIndexVariable),
      ...(spec.initContainers ? { initContainers: spec.initContainers.map(withIndexVariable) } : {}),
    },
  }
}

function withIndexVariable(container: Container): Container {
  if (container.env?.some((each) => each.name === indexVariable)) return container
  const valueFrom = { fieldRef: { fieldPath: `metadata.labels['${indexAnnotation}']` } }
  return { ...container, env: [...(container.env ?? []), { name: indexVariable, valueFrom }] }
}

function failureAnnotations(job: Job, replaced: Pod | undefined): Record<string, string> {
  if (!replaced) return { [failureCountAnnotation]: '0' }
  const counts = matchFailurePolicy(job.spec?.podFailurePolicy, replaced).counts
  const ignored = ignoredFailuresOf(replaced) + (counts ? 0 : 1)
  return {
    [failureCountAnnotation]: String(failuresOf(replaced) + (counts ? 1 : 0)),
    ...(ignored > 0 ? { [ignoredCountAnnotation]: String(ignored) } : {}),
  }
}

/** The completion index of a pod, if it has one that is below the Job's completions. */
export function indexOf(job: Job, pod: Pod): number | undefined {
  const index = numberIn(pod, indexAnnotation)
  return index !== undefined && index < (job.spec?.completions ?? 0) ? index : undefined
}

/** How often the pods before this one of its index have failed, and how many more failures were ignored. */
export const failuresOf = (pod: Pod): number => numberIn(pod, failureCountAnnotation) ?? 0
const ignoredFailuresOf = (pod: Pod): number => numberIn(pod, ignoredCountAnnotation) ?? 0
export const allFailuresOf = (pod: Pod): number => failuresOf(pod) + ignoredFailuresOf(pod)

function numberIn(pod: Pod, annotation: string): number | undefined {
  const text = pod.metadata.annotations?.[annotation]
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined
}

/** Deleted pods count as failed too, since they may never get to say so; but not where only failed ones are replaced. */
export function isFailed(job: Job, pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true
  return !replacesOnlyFailed(job) && Boolean(pod.metadata.deletionTimestamp) && pod.status?.phase !== 'Succeeded'
}

export const hasSucceeded = (pod: Pod): boolean => pod.status?.phase === 'Succeeded'

/** Being deleted and not ended yet. */
export function isTerminating(pod: Pod): boolean {
  return Boolean(pod.metadata.deletionTimestamp) && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed'
}

/** When the pod ended (ms since 1970), as well as can be told: its containers, its readiness, its deletion, its creation. */
export function finishedAtMs(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).map((each) => each.state?.terminated?.finishedAt)
  if (ends.length > 0 && ends.every((each) => each)) return Math.max(...ends.map((each) => Date.parse(each ?? '')))
  const ready = podCondition(pod, 'Ready')
  if (ready?.status === 'False' && ready.lastTransitionTime) return Date.parse(ready.lastTransitionTime)
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, creationTimestamp } = pod.metadata
  if (deletionTimestamp) return Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000
  return Date.parse(creationTimestamp ?? '')
}
