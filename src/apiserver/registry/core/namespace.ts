import type { Namespace } from '../../../api/types/core-v1.js'
import type { Strategy } from '../strategy.js'

const nameLabel = 'kubernetes.io/metadata.name'

/** Namespaces: they stay until their content is gone, which spec.finalizers says and only /finalize changes. */
export const namespaceStrategy: Strategy<Namespace> = {
  resource: { group: '', resource: 'namespaces' },
  generation: 'none',
  prepareForCreate(namespace) {
    namespace.status = { phase: 'Active' }
    const finalizers = namespace.spec?.finalizers ?? []
    namespace.spec = { ...namespace.spec, finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'] }
    labelWithName(namespace)
  },
  prepareForUpdate(namespace, old) {
    const { finalizers } = old.spec ?? {}
    namespace.spec = { ...namespace.spec, ...(finalizers ? { finalizers: [...finalizers] } : {}) }
    if (!finalizers) delete namespace.spec.finalizers
    namespace.status = structuredClone(old.status ?? {})
    labelWithName(namespace)
  },
  prepareForDeletion(namespace) {
    delete namespace.metadata.deletionGracePeriodSeconds
    namespace.status = { ...namespace.status, phase: 'Terminating' }
  },
  holdsDeletion: (namespace) => (namespace.spec?.finalizers?.length ?? 0) > 0,
  subresources: {
    finalize: {
      prepareForUpdate(namespace, old) {
        const spec = namespace.spec ?? {}
        Object.assign(namespace, structuredClone(old), { spec })
      },
    },
  },
  selectableFields: {
    'status.phase': (namespace) => namespace.status?.phase ?? '',
  },
}

/** KEP-2161: selectors can name a namespace by this label, so it always tells the truth. */
function labelWithName(namespace: Namespace): void {
  const { name, generateName } = namespace.metadata
  if (name || generateName) namespace.metadata.labels = { ...namespace.metadata.labels, [nameLabel]: name ?? '' }
}
