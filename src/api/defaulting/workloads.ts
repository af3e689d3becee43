/** Defaults of apps/v1 and batch/v1, and of ReplicationController. In place. */
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../types/apps-v1.js'
import type { CronJob, Job, JobSpec } from '../types/batch-v1.js'
import type { PersistentVolumeClaim, PodTemplateSpec, ReplicationController } from '../types/core-v1.js'
import { defaultPodSpec } from './pod.js'
import { setDefault } from './set.js'

export function defaultTemplate(template: PodTemplateSpec | undefined): void {
  if (template?.spec) defaultPodSpec(template.spec)
}

export function defaultDeployment({ spec }: Deployment): void {
  if (!spec) return
  defaultTemplate(spec.template)
  setDefault(spec, 'replicas', 1)
  setDefault(spec, 'revisionHistoryLimit', 10)
  setDefault(spec, 'progressDeadlineSeconds', 600)
  spec.strategy ??= {}
  setDefault(spec.strategy, 'type', 'RollingUpdate')
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {}
    setDefault(spec.strategy.rollingUpdate, 'maxSurge', '25%')
    setDefault(spec.strategy.rollingUpdate, 'maxUnavailable', '25%')
  }
}

export function defaultReplicaSet({ spec }: ReplicaSet): void {
  if (!spec) return
  defaultTemplate(spec.template)
  setDefault(spec, 'replicas', 1)
}

export function defaultReplicationController(controller: ReplicationController): void {
  const { spec, metadata } = controller
  if (!spec) return
  defaultTemplate(spec.template)
  setDefault(spec, 'replicas', 1)
  const labels = spec.template?.metadata?.labels
  if (!labels || Object.keys(labels).length === 0) return
  if (!spec.selector || Object.keys(spec.selector).length === 0) spec.selector = { ...labels }
  if (!metadata.labels || Object.keys(metadata.labels).length === 0) metadata.labels = { ...labels }
}

export function defaultStatefulSet({ spec }: StatefulSet): void {
  if (!spec) return
  defaultTemplate(spec.template)
  setDefault(spec, 'replicas', 1)
  setDefault(spec, 'podManagementPolicy', 'OrderedReady')
  setDefault(spec, 'revisionHistoryLimit', 10)
  spec.updateStrategy ??= {}
  setDefault(spec.updateStrategy, 'type', 'RollingUpdate')
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {}
    setDefault(spec.updateStrategy.rollingUpdate, 'partition', 0)
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {}
  setDefault(spec.persistentVolumeClaimRetentionPolicy, 'whenDeleted', 'Retain')
  setDefault(spec.persistentVolumeClaimRetentionPolicy, 'whenScaled', 'Retain')
  for (const claim of spec.volumeClaimTemplates ?? []) defaultClaimTemplate(claim)
}

/** A claim inside a StatefulSet is printed as a whole object. */
function defaultClaimTemplate(claim: PersistentVolumeClaim): void {
  setDefault(claim, 'apiVersion', 'v1')
  setDefault(claim, 'kind', 'PersistentVolumeClaim')
  if (claim.spec) setDefault(claim.spec, 'volumeMode', 'Filesystem')
  claim.status = { phase: 'Pending', ...claim.status }
}

const templateGeneration = 'deprecated.daemonset.template.generation'

export function defaultDaemonSet({ metadata, spec }: DaemonSet): void {
  // The generation of the template, which the server counts, is an annotation of every version that is left.
  metadata.annotations = { [templateGeneration]: '0', ...metadata.annotations }
  if (!spec) return
  defaultTemplate(spec.template)
  setDefault(spec, 'revisionHistoryLimit', 10)
  spec.updateStrategy ??= {}
  setDefault(spec.updateStrategy, 'type', 'RollingUpdate')
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {}
    setDefault(spec.updateStrategy.rollingUpdate, 'maxUnavailable', 1)
    setDefault(spec.updateStrategy.rollingUpdate, 'maxSurge', 0)
  }
}

export function defaultJob({ metadata, spec }: Job): void {
  if (!spec) return
  defaultJobSpec(spec)
  // A Job without labels takes those of its template.
  const labels = spec.template?.metadata?.labels
  if (labels && (!metadata.labels || Object.keys(metadata.labels).length === 0)) metadata.labels = { ...labels }
}

function defaultJobSpec(spec: JobSpec): void {
  defaultTemplate(spec.template)
  if (spec.completions === undefined && spec.parallelism === undefined) {
    spec.completions = 1
    spec.parallelism = 1
  }
  setDefault(spec, 'parallelism', 1)
  setDefault(spec, 'backoffLimit', spec.backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1)
  setDefault(spec, 'completionMode', 'NonIndexed')
  setDefault(spec, 'suspend', false)
  setDefault(spec, 'podReplacementPolicy', spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed')
  setDefault(spec, 'manualSelector', false)
  defaultFailurePatterns(spec)
}

/** The status is a plain string: left out it has been read as ''. */
function defaultFailurePatterns(spec: JobSpec): void {
  for (const rule of spec.podFailurePolicy?.rules ?? []) for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True'
}

export function defaultCronJob({ spec }: CronJob): void {
  if (!spec) return
  setDefault(spec, 'concurrencyPolicy', 'Allow')
  setDefault(spec, 'suspend', false)
  setDefault(spec, 'successfulJobsHistoryLimit', 3)
  setDefault(spec, 'failedJobsHistoryLimit', 1)
  const template = spec.jobTemplate?.spec
  if (!template) return
  if (template.template) defaultTemplate(template.template)
  defaultFailurePatterns(template)
}
