/** Cells of apps/v1, batch/v1 and their relatives. */
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../types/apps-v1.js'
import type { CronJob, Job } from '../types/batch-v1.js'
import type { HorizontalPodAutoscaler } from '../types/autoscaling-v2.js'
import type { PodDisruptionBudget } from '../types/policy-v1.js'
import type { PodSpec, ReplicationController } from '../types/core-v1.js'
import { labelSelectorOf } from '../selectors/label.js'
import type { LabelSelector } from '../types/meta-v1.js'
import { ageOf, humanDuration } from './human-duration.js'

const containers = (spec: PodSpec | undefined) => (spec?.containers ?? []).map(({ name }) => name).join(',') || '<none>'
const images = (spec: PodSpec | undefined) => (spec?.containers ?? []).map(({ image }) => image ?? '').join(',') || '<none>'
export const selectorText = (selector: LabelSelector | undefined) => (selector ? labelSelectorOf(selector).text || '<none>' : '<none>')
export const labelsText = (labels: Readonly<Record<string, string>> | undefined) =>
  Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',') || '<none>'

export function deploymentCells({ metadata, spec, status }: Deployment, nowMs: number): unknown[] {
  const template = spec?.template?.spec
  return [
    metadata.name ?? '',
    `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
    status?.updatedReplicas ?? 0,
    status?.availableReplicas ?? 0,
    ageOf(metadata.creationTimestamp, nowMs),
    containers(template),
    images(template),
    selectorText(spec?.selector),
  ]
}

export function replicaSetCells({ metadata, spec, status }: ReplicaSet, nowMs: number): unknown[] {
  const template = spec?.template?.spec
  const counts = [spec?.replicas ?? 0, status?.replicas ?? 0, status?.readyReplicas ?? 0]
  return [
    metadata.name ?? '',
    ...counts,
    ageOf(metadata.creationTimestamp, nowMs),
    containers(template),
    images(template),
    selectorText(spec?.selector),
  ]
}

export function replicationControllerCells({ metadata, spec, status }: ReplicationController, nowMs: number): unknown[] {
  const template = spec?.template?.spec
  const counts = [spec?.replicas ?? 0, status?.replicas ?? 0, status?.readyReplicas ?? 0]
  return [
    metadata.name ?? '',
    ...counts,
    ageOf(metadata.creationTimestamp, nowMs),
    containers(template),
    images(template),
    labelsText(spec?.selector),
  ]
}

export function statefulSetCells({ metadata, spec, status }: StatefulSet, nowMs: number): unknown[] {
  const template = spec?.template?.spec
  return [
    metadata.name ?? '',
    `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
    ageOf(metadata.creationTimestamp, nowMs),
    containers(template),
    images(template),
  ]
}

export function daemonSetCells({ metadata, spec, status }: DaemonSet, nowMs: number): unknown[] {
  const template = spec?.template?.spec
  return [
    metadata.name ?? '',
    status?.desiredNumberScheduled ?? 0,
    status?.currentNumberScheduled ?? 0,
    status?.numberReady ?? 0,
    status?.updatedNumberScheduled ?? 0,
    status?.numberAvailable ?? 0,
    labelsText(template?.nodeSelector),
    ageOf(metadata.creationTimestamp, nowMs),
    containers(template),
    images(template),
    selectorText(spec?.selector),
  ]
}

export function jobCells({ metadata, spec, status }: Job, nowMs: number): unknown[] {
  const template = spec?.template?.spec
  const started = status?.startTime ? Date.parse(status.startTime) : undefined
  const ended = status?.completionTime ? Date.parse(status.completionTime) : nowMs
  return [
    metadata.name ?? '',
    jobStatus({ metadata, spec, status }),
    completionsText({ metadata, spec, status }),
    started === undefined ? '' : humanDuration(ended - started),
    ageOf(metadata.creationTimestamp, nowMs),
    containers(template),
    images(template),
    selectorText(spec?.selector),
  ]
}

function completionsText({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`
  const parallelism = spec?.parallelism ?? 0
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`
}

function jobStatus({ metadata, status }: Job): string {
  const is = (type: string) => status?.conditions?.some((each) => each.type === type && each.status === 'True')
  if (is('Complete')) return 'Complete'
  if (is('Failed')) return 'Failed'
  if (metadata.deletionTimestamp) return 'Terminating'
  if (is('Suspended')) return 'Suspended'
  if (is('FailureTarget')) return 'FailureTarget'
  return is('SuccessCriteriaMet') ? 'SuccessCriteriaMet' : 'Running'
}

export function cronJobCells({ metadata, spec, status }: CronJob, nowMs: number): unknown[] {
  const template = spec?.jobTemplate?.spec?.template?.spec
  return [
    metadata.name ?? '',
    spec?.schedule ?? '',
    spec?.timeZone ?? '<none>',
    spec?.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False',
    status?.active?.length ?? 0,
    status?.lastScheduleTime ? ageOf(status.lastScheduleTime, nowMs) : '<none>',
    ageOf(metadata.creationTimestamp, nowMs),
    containers(template),
    images(template),
    selectorText(spec?.jobTemplate?.spec?.selector),
  ]
}

export function autoscalerCells({ metadata, spec, status }: HorizontalPodAutoscaler, nowMs: number): unknown[] {
  const { kind, name } = spec?.scaleTargetRef ?? { kind: '', name: '' }
  const targets = (spec?.metrics ?? []).map((metric, i) => {
    const current = status?.currentMetrics?.[i]?.resource?.current
    const target = metric.resource?.target
    const now = current?.averageUtilization === undefined ? (current?.averageValue ?? '<unknown>') : `${current.averageUtilization}%`
    const wanted = target?.averageUtilization === undefined ? (target?.averageValue ?? '<auto>') : `${target.averageUtilization}%`
    return metric.resource ? `${metric.resource.name}: ${now}/${wanted}` : '<unknown>'
  })
  const minimum = spec?.minReplicas === undefined ? '<unset>' : String(spec.minReplicas)
  return [
    metadata.name ?? '',
    `${kind}/${name}`,
    targets.join(', ') || '<none>',
    minimum,
    spec?.maxReplicas ?? 0,
    status?.currentReplicas ?? 0,
    ageOf(metadata.creationTimestamp, nowMs),
  ]
}

export function disruptionBudgetCells({ metadata, spec, status }: PodDisruptionBudget, nowMs: number): unknown[] {
  const text = (value: number | string | undefined) => (value === undefined ? 'N/A' : String(value))
  return [
    metadata.name ?? '',
    text(spec?.minAvailable),
    text(spec?.maxUnavailable),
    status?.disruptionsAllowed ?? 0,
    ageOf(metadata.creationTimestamp, nowMs),
  ]
}
