import type { GroupVersionResource, KubeObject } from '../../api/object.js'
import type { Client } from '../../client/client.js'
import { unlessGone } from './refusals.js'

/**
 * The finalizers of an object that one of them protects while it is in use: put on what is not being deleted, taken off what is
 * and is no longer used. Undefined when they are right.
 */
export function finalizerStep(object: KubeObject, finalizer: string, isUsed: () => boolean): string[] | undefined {
  const { finalizers = [], deletionTimestamp } = object.metadata
  const has = finalizers.includes(finalizer)
  if (!deletionTimestamp) return has ? undefined : [...finalizers, finalizer]
  return has && !isUsed() ? finalizers.filter((each) => each !== finalizer) : undefined
}

/** Refused with a conflict when the object has changed since. */
export async function writeFinalizers(client: Client, of: GroupVersionResource, object: KubeObject, finalizers: string[]): Promise<void> {
  // An update, not a patch: that is what the roles of the protecting controllers allow.
  await unlessGone(client.resource(of).update({ ...object, metadata: { ...object.metadata, finalizers } }))
}
