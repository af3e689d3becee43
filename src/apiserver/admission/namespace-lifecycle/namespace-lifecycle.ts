import { StatusError, forbidden, notFound } from '../../../api/status.js'
import type { Namespace } from '../../../api/types/core-v1.js'
import { resources } from '../../../client/resources.js'
import type { ServerAccess } from '../../access.js'
import { liveObject } from '../../live-objects.js'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.js'

/** Namespaces that cannot be deleted. kube-node-lease is not among upstream's, and holds nothing but heartbeats. */
const immortal = new Set(['default', 'kube-system', 'kube-public'])

/** Access reviews ask about a namespace that may not exist. */
const unaffected = new Set(['localsubjectaccessreviews.authorization.k8s.io'])

/** Nothing is created in a namespace that is missing or going away, and the cluster's own namespaces stay. */
export function namespaceLifecycle(access: ServerAccess): AdmissionPlugin {
  const find = liveObject<Namespace>(access, resources.namespaces)
  return {
    name: 'NamespaceLifecycle',
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE' || operation === 'DELETE',
    mutate(request) {
      const { operation, resource, name, namespace } = request
      if (resource.group === '' && resource.resource === 'namespaces') {
        if (operation === 'DELETE' && request.subresource === '' && immortal.has(name))
          throw forbidden(resource, name, 'this namespace may not be deleted')
        return undefined
      }
      if (namespace === '' || operation !== 'CREATE') return undefined
      if (unaffected.has(`${resource.resource}.${resource.group}`)) return undefined
      const found = find('', namespace)
      return found instanceof Promise ? found.then((settled) => check(settled, request)) : check(found, request)
    },
  }
}

function check(namespace: Namespace | undefined, request: AdmissionRequest): void {
  if (!namespace) throw notFound({ group: '', resource: 'namespaces' }, request.namespace)
  if (!namespace.metadata.deletionTimestamp && namespace.status?.phase !== 'Terminating') return
  const refusal = forbidden(
    request.resource,
    request.name,
    `unable to create new content in namespace ${request.namespace} because it is being terminated`,
  )
  // The cause lets controllers tell this from a lack of rights, and stop trying.
  throw new StatusError({
    ...refusal.status,
    details: {
      ...refusal.status.details,
      causes: [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${request.namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    },
  })
}
