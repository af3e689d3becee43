/** ReplicaSets (apps/v1). */
import type { ReplicaSet } from '../../types/apps-v1.js'
import { immutableField, notMoreThan, selectedTemplateFaults, statusNumbers, workloadWarnings } from '../core/workload-template.js'
import { ratchetOf } from '../core/pod-template.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'

function replicaSetFaults(faults: Faults, { spec }: ReplicaSet, old?: ReplicaSet): void {
  faults.nonNegative('spec.replicas', spec?.replicas)
  faults.nonNegative('spec.minReadySeconds', spec?.minReadySeconds)
  selectedTemplateFaults(faults, 'spec', spec ?? {}, ratchetOf(old?.spec?.template?.spec))
}

export const replicaSetRules: KindRules<ReplicaSet> = {
  create: (faults, set) => replicaSetFaults(faults, set),
  update(faults, set, old) {
    replicaSetFaults(faults, set, old)
    immutableField(faults, 'spec.selector', set.spec?.selector, old.spec?.selector)
  },
  status(faults, { status }) {
    const given = status ?? { replicas: 0 }
    statusNumbers(
      faults,
      given,
      'replicas',
      'fullyLabeledReplicas',
      'readyReplicas',
      'availableReplicas',
      'observedGeneration',
      'terminatingReplicas',
    )
    notMoreThan(faults, given, 'replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas')
    notMoreThan(faults, given, 'readyReplicas', 'availableReplicas')
  },
  warnings: workloadWarnings,
}
