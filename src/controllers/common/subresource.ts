import { apiVersionOf, type GroupVersionResource, type KubeObject } from '../../api/object.js'
import type { Client } from '../../client/client.js'
import { parseResponse } from '../../client/rest-client.js'

/** PUT of an object to one of its subresources other than status: "approval", "finalize". */
export async function updateSubresource<T extends KubeObject>(
  client: Client,
  of: GroupVersionResource,
  object: T & { apiVersion: string; kind: string },
  subresource: string,
): Promise<T> {
  const { namespace, name = '' } = object.metadata
  const root = of.group === '' ? `/api/${of.version}` : `/apis/${apiVersionOf(of)}`
  const within = namespace ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  const path = `${root}${within}/${of.resource}/${encodeURIComponent(name)}/${subresource}`
  const headers = { 'content-type': 'application/json' }
  return parseResponse<T>(await client.raw({ method: 'PUT', path, headers, body: new TextEncoder().encode(JSON.stringify(object)) }))
}
