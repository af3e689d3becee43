/** serviceaccount-controller: every namespace that is not going has a ServiceAccount named "default". */
import { hasReason } from '../../api/status.js'
import type { Namespace, ServiceAccount } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { isNamespaceActive, isNamespaceGoing } from '../common/namespaces.js'
import type { Controller } from '../controller.js'

const accountName = 'default'

export function serviceAccountController(): Controller {
  return {
    name: 'serviceaccount-controller',
    watches: [
      {
        resource: resources.namespaces,
        toKeys: (object, _, change) => (change === 'delete' ? [] : [object.metadata.name ?? '']),
        changed: (object, old) => isNamespaceActive(object) !== isNamespaceActive(old),
      },
      {
        resource: resources.serviceAccounts,
        toKeys: ({ metadata }, _, change) => (change === 'delete' && metadata.name === accountName ? [metadata.namespace ?? ''] : []),
        changed: () => false,
      },
    ],
    async reconcile(namespace, view) {
      if (!isNamespaceActive(view.lister<Namespace>(resources.namespaces).get(namespace))) return
      if (view.lister(resources.serviceAccounts).get(`${namespace}/${accountName}`)) return
      try {
        await view.client.resource<ServiceAccount>(resources.serviceAccounts).create({ metadata: { namespace, name: accountName } })
      } catch (error) {
        if (!hasReason(error, 'AlreadyExists') && !isNamespaceGoing(error)) throw error
      }
    },
  }
}
