/** ReplicationControllers (core/v1): their selector is of labels alone. */
import type { ReplicationController } from '../../types/core-v1.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { ratchetOf } from './pod-template.js'
import { longRunningTemplateFaults, notMoreThan, statusNumbers, workloadWarnings } from './workload-template.js'

function controllerFaults(faults: Faults, { spec = {} }: ReplicationController, old?: ReplicationController): void {
  faults.nonNegative('spec.minReadySeconds', spec.minReadySeconds)
  const selector = Object.entries(spec.selector ?? {})
  if (selector.length === 0) faults.required('spec.selector')
  faults.nonNegative('spec.replicas', spec.replicas)
  if (!spec.template) return faults.required('spec.template')
  const labels = spec.template.metadata?.labels
  if (selector.some(([key, value]) => labels?.[key] !== value))
    faults.invalid('spec.template.metadata.labels', labels ?? {}, '`selector` does not match template `labels`')
  longRunningTemplateFaults(faults, 'spec.template', spec.template, ratchetOf(old?.spec?.template?.spec))
}

export const replicationControllerRules: KindRules<ReplicationController> = {
  create: (faults, controller) => controllerFaults(faults, controller),
  update: controllerFaults,
  status(faults, { status }) {
    const given = status ?? { replicas: 0 }
    statusNumbers(faults, given, 'replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration')
    notMoreThan(faults, given, 'replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas')
    notMoreThan(faults, given, 'readyReplicas', 'availableReplicas')
  },
  warnings: workloadWarnings,
}
