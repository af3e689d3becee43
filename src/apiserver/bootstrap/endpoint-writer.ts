import type { GroupVersionResource, KubeObject } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Endpoints } from '../../api/types/core-v1.js'
import type { EndpointSlice } from '../../api/types/discovery-v1.js'
import { resources } from '../../client/resources.js'
import type { ServerAccess } from '../access.js'
import { sameJson } from '../../api/same-json.js'
import { endpointSlicesOf, endpointsOf, type ServerAddress } from './server-endpoints.js'

const triesMax = 5

/** Writes Endpoints and EndpointSlices of default/kubernetes where they differ, and deletes slices that are no more. */
export async function writeEndpoints(access: ServerAccess, servers: readonly ServerAddress[]): Promise<void> {
  const slices = endpointSlicesOf(servers)
  await Promise.all([
    ensure<Endpoints>(access, resources.endpoints, endpointsOf(servers)),
    ...slices.map((slice) => ensure<EndpointSlice>(access, resources.endpointSlices, slice)),
  ])
  const client = access.client.resource<EndpointSlice>(resources.endpointSlices)
  const names = new Set(slices.map((slice) => slice.metadata.name))
  const { items } = await client.list({ namespace: 'default', labelSelector: 'kubernetes.io/service-name=kubernetes' })
  for (const { metadata } of items) {
    const stale = /^kubernetes(-\d+-ipv[46])?$/.test(metadata.name ?? '') && !names.has(metadata.name)
    if (stale) await client.delete('default', metadata.name ?? '').catch(ignoreMissing)
  }
}

/** Creates the object or replaces what of it differs. Servers write the same, so losing a race is no failure. */
async function ensure<T extends KubeObject>(access: ServerAccess, resource: GroupVersionResource, wanted: T): Promise<void> {
  const client = access.client.resource<T>(resource)
  const { namespace = '', name = '' } = wanted.metadata
  for (let tries = 0; tries < triesMax; tries++) {
    try {
      const existing = await client.get(namespace, name).catch(ignoreMissing)
      if (!existing) {
        await client.create(wanted)
        return
      }
      const { metadata: _, apiVersion: __, kind: ___, ...fields } = wanted as T & Record<string, unknown>
      const next = {
        ...existing,
        ...fields,
        metadata: { ...existing.metadata, labels: { ...existing.metadata.labels, ...wanted.metadata.labels } },
      }
      if ((wanted as { subsets?: unknown }).subsets === undefined) delete (next as { subsets?: unknown }).subsets
      if (sameJson(next, existing)) return
      await client.update(next)
      return
    } catch (error) {
      if (!hasReason(error, 'Conflict') && !hasReason(error, 'AlreadyExists') && !hasReason(error, 'NotFound')) throw error
    }
  }
}

function ignoreMissing(error: unknown): undefined {
  if (hasReason(error, 'NotFound')) return undefined
  throw error
}
