/** Writes of the garbage collector: each holds only for the state that it was decided on. */
import type { KubeObject } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Client } from '../../client/client.js'
import { canonical } from '../common/pod-template.js'
import type { DiscoveredResource } from '../common/discovery.js'

const triesMax = 5

/** An object with where it lies. */
export interface Located {
  readonly resource: DiscoveredResource
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** The object's metadata read live; undefined when it is not there, or another one is in its place. */
export async function readLive(client: Client, { resource, namespace, name, uid }: Located): Promise<KubeObject | undefined> {
  try {
    const object = await client.resource(resource, { metadataOnly: true }).get(namespace, name)
    return object.metadata.uid === uid ? object : undefined
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}

/** Deletes the object as long as its owners are those of `known`; throws the conflict when they have become others. */
export async function deleteKnown(
  client: Client,
  at: Located,
  known: KubeObject,
  propagationPolicy: 'Orphan' | 'Foreground' | 'Background',
): Promise<void> {
  const owners = canonical(known.metadata.ownerReferences ?? [])
  let { resourceVersion } = known.metadata
  for (let tries = 1; ; tries++) {
    try {
      const preconditions = { uid: at.uid, ...(resourceVersion ? { resourceVersion } : {}) }
      return await client.resource(at.resource).delete(at.namespace, at.name, { preconditions, propagationPolicy })
    } catch (error) {
      if (hasReason(error, 'NotFound')) return
      if (!hasReason(error, 'Conflict') || tries >= triesMax) throw error
      const live = await readLive(client, at)
      if (!live) return
      if (canonical(live.metadata.ownerReferences ?? []) !== owners) throw error
      ;({ resourceVersion } = live.metadata)
    }
  }
}

/** Changes metadata by a merge patch that `change` makes of the present state; undefined: nothing to change. */
export async function patchMetadata(
  client: Client,
  at: Located,
  known: KubeObject,
  change: (object: KubeObject) => Pick<KubeObject['metadata'], 'ownerReferences' | 'finalizers'> | undefined,
): Promise<void> {
  let current: KubeObject | undefined = known
  for (let tries = 1; current; tries++) {
    const metadata = change(current)
    if (!metadata) return
    const { resourceVersion } = current.metadata
    const body = { metadata: { ...withoutEmpty(metadata), uid: at.uid, ...(resourceVersion ? { resourceVersion } : {}) } }
    try {
      await client.resource(at.resource, { metadataOnly: true }).patch(at.namespace, at.name, { type: 'merge', body })
      return
    } catch (error) {
      if (hasReason(error, 'NotFound')) return
      if (!hasReason(error, 'Conflict') || tries >= triesMax) throw error
      current = await readLive(client, at)
    }
  }
}

/** In a merge patch null takes a member away: an empty list would stay. */
function withoutEmpty(metadata: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(metadata).map(([member, list]) => [member, Array.isArray(list) && list.length === 0 ? null : list]),
  )
}
