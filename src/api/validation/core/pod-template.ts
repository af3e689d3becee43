/** Templates of pods, in workloads and alone (core/v1). */
import type { PodSpec, PodTemplate, PodTemplateSpec } from '../../types/core-v1.js'
import type { KindRules } from '../kind-rules.js'
import type { Faults } from '../faults.js'
import { mustBeAnnotations, mustBeLabels } from '../names.js'
import { hasOddTermValues, hasOddValues } from '../selectors.js'
import { podAnnotationFaults } from './pod-annotations.js'
import { templateWarnings } from './pod-warnings.js'
import { podSpecFaults, type PodSpecOptions } from './pod-spec.js'

export function templateFaults(faults: Faults, path: string, template: PodTemplateSpec | undefined, options: PodSpecOptions = {}): void {
  const { metadata = {}, spec = { containers: [] } } = template ?? {}
  mustBeLabels(faults, `${path}.labels`, metadata.labels)
  mustBeAnnotations(faults, `${path}.annotations`, metadata.annotations)
  podAnnotationFaults(faults, `${path}.annotations`, metadata.annotations, spec)
  podSpecFaults(faults, `${path}.spec`, spec, options)
  if (spec.ephemeralContainers?.length)
    faults.forbidden(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template')
}

/** What the old object has though it would be refused today may stay. */
export function ratchetOf(old: PodSpec | undefined): PodSpecOptions {
  if (!old) return {}
  const { affinity, topologySpreadConstraints } = old
  const terms = [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap((side) => [
    ...(side?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(side?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
  ])
  const anySelectorValue = terms.some((term) => hasOddValues(term?.labelSelector) || hasOddValues(term?.namespaceSelector))
  const anySpreadSelector = topologySpreadConstraints?.some(({ labelSelector }) => hasOddValues(labelSelector)) ?? false
  const anyNodeValue = hasOddTermValues(affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution)
  return { anySelectorValue, anySpreadSelector, anyNodeValue }
}

export const podTemplateRules: KindRules<PodTemplate> = {
  create: (faults, { template }) => templateFaults(faults, 'template', template),
  warnings: ({ template }) => templateWarnings('template', template),
  update: (faults, { template }, old) => templateFaults(faults, 'template', template, ratchetOf(old.template?.spec)),
}
