/** Jobs (batch/v1). */
import type { Job, JobSpec } from '../../types/batch-v1.js'
import type { PodSpec, PodTemplateSpec } from '../../types/core-v1.js'
import { immutableField, matchFaults, workloadWarnings } from '../core/workload-template.js'
import { ratchetOf } from '../core/pod-template.js'
import { sameJson } from '../../same-json.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { isLabel } from '../names.js'
import { isEmptySelector, labelSelectorFaults } from '../selectors.js'
import { isIndexed, jobSpecFaults } from './job-spec.js'
import { jobStatusFaults, isTrue } from './job-status.js'

const empty = { template: {} } as JobSpec
const uidLabel = 'batch.kubernetes.io/controller-uid'

function jobFaults(faults: Faults, job: Job, old?: Job): void {
  const { metadata, spec = empty } = job
  const { selector, completions = 0 } = spec
  jobSpecFaults(faults, 'spec', spec, ratchetOf(old?.spec?.template?.spec))
  if (!selector) faults.required('spec.selector')
  else labelSelectorFaults(faults, 'spec.selector', selector)
  if (!selector || !isEmptySelector(selector)) matchFaults(faults, 'spec.template', selector, spec.template)
  if (spec.manualSelector !== true && selector) generatedSelectorFaults(faults, job)
  if (isIndexed(spec) && completions > 0 && !isLabel(`${metadata.name}-${completions - 1}`))
    faults.invalid('metadata.name', metadata.name, 'will not able to create pod with invalid DNS label')
}

/** A selector that the server writes matches this Job's pods alone; one of the client's own is not what was asked for. */
function generatedSelectorFaults(faults: Faults, { metadata, spec = empty }: Job): void {
  const expected: Readonly<Record<string, string | undefined>> = {
    [uidLabel]: metadata.uid,
    'batch.kubernetes.io/job-name': metadata.name,
    'controller-uid': metadata.uid,
    'job-name': metadata.name,
  }
  const labels = spec.template?.metadata?.labels ?? {}
  for (const [key, value] of Object.entries(expected)) {
    const path = `spec.template.metadata.labels[${key}]`
    if (labels[key] === undefined) faults.required(path, `must be '${value}'`)
    else if (labels[key] !== value) faults.invalid(path, labels, `must be '${value}'`)
  }
  if (!sameJson(spec.selector, { matchLabels: { [uidLabel]: metadata.uid } }))
    faults.invalid('spec.selector', spec.selector, '`selector` not auto-generated')
}

function jobUpdateFaults(faults: Faults, job: Job, old: Job): void {
  jobFaults(faults, job, old)
  const [spec, before] = [job.spec ?? empty, old.spec ?? empty]
  completionsUpdate(faults, spec, before)
  immutableField(faults, 'spec.selector', spec.selector, before.selector)
  templateUpdate(faults, job, old)
  for (const name of ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const)
    immutableField(faults, `spec.${name}`, spec[name], before[name])
}

/** KEP-3715: an indexed Job is resized by completions and parallelism together. */
function completionsUpdate(faults: Faults, spec: JobSpec, old: JobSpec): void {
  if (spec.completions === old.completions) return
  if (!isIndexed(spec)) return immutableField(faults, 'spec.completions', spec.completions, old.completions)
  const elastic = spec.completions !== undefined && spec.completions === spec.parallelism && old.completions === old.parallelism
  if (!elastic) faults.invalid('spec.completions', spec.completions ?? null, 'can only be modified in tandem with spec.parallelism')
}

/** KEP-2926: of a Job that is suspended (its controller says so) where its pods go may change, and what they ask for. */
function templateUpdate(faults: Faults, job: Job, old: Job): void {
  const [now, before] = [job.spec?.template, old.spec?.template]
  const suspended = old.spec?.suspend === true && isTrue(old, 'Suspended')
  const masked = suspended ? maskDirectives(now, before) : now
  if (!sameJson(masked, before)) faults.invalid('spec.template', now, 'field is immutable')
}

function maskDirectives(now: PodTemplateSpec | undefined, before: PodTemplateSpec | undefined): PodTemplateSpec | undefined {
  if (!now?.spec || !before?.spec) return now
  const { nodeSelector, tolerations, schedulingGates } = before.spec
  const { nodeAffinity: _, ...others } = now.spec.affinity ?? {}
  const nodeAffinity = before.spec.affinity?.nodeAffinity
  const affinity = { ...others, ...(nodeAffinity ? { nodeAffinity } : {}) }
  const keepsAffinity = Object.keys(affinity).length > 0 || before.spec.affinity !== undefined
  const withOldResources = (kind: 'containers' | 'initContainers') =>
    now.spec?.[kind]?.map((container, i) => {
      const old = before.spec?.[kind]?.[i]
      return old?.name === container.name ? { ...container, ...({ resources: old.resources } as object) } : container
    })
  const spec = {
    ...now.spec,
    ...{ nodeSelector, tolerations, schedulingGates, affinity: keepsAffinity ? affinity : undefined },
    containers: withOldResources('containers'),
    initContainers: withOldResources('initContainers'),
  } as PodSpec
  const { labels, annotations } = before.metadata ?? {}
  const metadata = { ...now.metadata, ...({ labels, annotations } as object) }
  return { ...now, metadata: before.metadata || now.metadata ? metadata : undefined, spec } as PodTemplateSpec
}

export const jobRules: KindRules<Job> = {
  create: (faults, job) => jobFaults(faults, job),
  update: jobUpdateFaults,
  status: jobStatusFaults,
  warnings: workloadWarnings,
}
