/** PriorityClasses (scheduling.k8s.io/v1). */
import type { PriorityClass } from '../../types/scheduling-v1.js'
import { type Faults, immutable } from '../faults.js'
import type { KindRules } from '../kind-rules.js'

const policies = new Set(['Never', 'PreemptLowerPriority'])
const userValueMax = 1_000_000_000
/** The system's own. */
const system: Readonly<Record<string, number>> = { 'system-cluster-critical': 2_000_000_000, 'system-node-critical': 2_000_001_000 }

export const priorityClassRules: KindRules<PriorityClass> = {
  create(faults: Faults, { metadata, value = 0, preemptionPolicy }) {
    const name = metadata.name ?? ''
    if (name.startsWith('system-')) {
      if (system[name] !== value)
        faults.forbidden('metadata.name', "priority class names with 'system-' prefix are reserved for system use only")
    } else if (value > userValueMax) faults.forbidden('value', `maximum allowed value of a user defined priority is ${userValueMax}`)
    if (preemptionPolicy !== undefined) faults.word('preemptionPolicy', preemptionPolicy, policies)
  },
  update(faults, one, old) {
    if (one.value !== old.value) faults.forbidden('value', 'may not be changed in an update.')
    if (one.preemptionPolicy !== old.preemptionPolicy) faults.invalid('preemptionPolicy', one.preemptionPolicy ?? null, immutable)
  },
}
