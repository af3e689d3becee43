import { StatusError, forbidden } from '../../api/status.js'
import type { Attributes } from './authorizer.js'

/** The refusal of a request that no authorizer allowed, in upstream's words: tools and people search for them. */
export function forbiddenRequest(asked: Attributes, reason: string): StatusError {
  const why = `${describe(asked)}${reason ? `: ${reason}` : ''}`
  if (asked.resource) return forbidden(asked.resource, asked.resource.name, why)
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `forbidden: ${why}`,
    reason: 'Forbidden',
    details: {},
    code: 403,
  })
}

function describe({ user, verb, resource, path }: Attributes): string {
  const who = `User ${JSON.stringify(user.name)} cannot ${verb}`
  if (!resource) return `${who} path ${JSON.stringify(path ?? '')}`
  const what = resource.subresource ? `${resource.resource}/${resource.subresource}` : resource.resource
  const where = resource.namespace ? `in the namespace ${JSON.stringify(resource.namespace)}` : 'at the cluster scope'
  return `${who} resource ${JSON.stringify(what)} in API group ${JSON.stringify(resource.group)} ${where}`
}
