import type { GroupVersionResource } from '../../api/object.js'
import type { Clock } from '../../base/clock.js'
import type { Random } from '../../base/random.js'
import type { ServerAccess } from '../access.js'
import type { Authorizer } from '../authz/authorizer.js'
import { forbidden, type StatusError } from '../../api/status.js'
import type { AdmissionRequest, Operation } from './admission.js'
import type { WebhookCaller } from './webhooks/caller.js'
import type { ResourceCatalog } from './policies/request-views.js'

/** What admission plugins are made from. */
export interface AdmissionDeps {
  readonly access: ServerAccess
  readonly clock: Clock
  readonly random: Random
  readonly authorizer: Authorizer
  /** What is served now, in all its versions. */
  readonly resources: ResourceCatalog
  /** Without it no webhook is called. */
  readonly webhooks?: WebhookCaller
}

/** "pods", "pods/binding", "ingresses.networking.k8s.io": how plugins say what they are about. */
export function resourceText(resource: Pick<GroupVersionResource, 'group' | 'resource'>, subresource = ''): string {
  const name = subresource ? `${resource.resource}/${subresource}` : resource.resource
  return resource.group ? `${name}.${resource.group}` : name
}

/** A `handles` for some operations on one resource. */
export function on(operations: readonly Operation[], ...texts: readonly string[]) {
  return (operation: Operation, resource: GroupVersionResource, subresource: string): boolean =>
    operations.includes(operation) && texts.includes(resourceText(resource, subresource))
}

/** The refusal of a request, in the words of the API server: `pods "p" is forbidden: why`. */
export function refused(request: AdmissionRequest, why: string): StatusError {
  return forbidden(request.resource, nameOf(request), why)
}

/** The object's name; '' while only generateName is known. */
export function nameOf(request: AdmissionRequest): string {
  return request.name || (request.object?.metadata.name ?? '')
}
