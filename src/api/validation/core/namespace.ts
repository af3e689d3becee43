/** Namespaces (core/v1). */
import type { Namespace } from '../../types/core-v1.js'
import type { KindRules } from '../kind-rules.js'
import { finalizerFaults } from '../metadata.js'

export const namespaceRules: KindRules<Namespace> = {
  create(faults, { spec }) {
    for (const finalizer of spec?.finalizers ?? []) finalizerFaults(faults, 'spec.finalizers', finalizer)
  },
  update() {},
  status(faults, { metadata, status }) {
    // Upstream spells this path so, and clients compare it.
    const phase = status?.phase ?? ''
    const expected = metadata.deletionTimestamp ? 'Terminating' : 'Active'
    if (phase !== expected)
      faults.invalid(
        'status.Phase',
        phase,
        `may only be '${expected}' while \`deletionTimestamp\` is${expected === 'Active' ? '' : ' not'} empty`,
      )
  },
  subresources: {
    finalize(faults, { spec }) {
      for (const [i, finalizer] of (spec?.finalizers ?? []).entries()) finalizerFaults(faults, `spec.finalizers[${i}]`, finalizer)
    },
  },
}
