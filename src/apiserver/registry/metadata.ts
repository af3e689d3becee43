/** The server's part of an object's metadata, and what a client may not do to it (API conventions: metadata). */
import type { ObjectMeta } from '../../api/types/meta-v1.js'
import type { UnknownObject } from '../../api/object.js'
import { badRequest, conflict } from '../../api/status.js'
import { timestamp } from '../../base/clock.js'
import type { Random } from '../../base/random.js'
import { sameJson } from '../../api/same-json.js'
import type { Strategy } from './strategy.js'

/** The longest base that leaves room for five random characters (63 in all). */
const generatedBaseMax = 58

export function generatedName(generateName: string, random: Random): string {
  return generateName.slice(0, generatedBaseMax) + random.suffix(5)
}

/** Puts the request's namespace into the object, or refuses another one. */
export function bindNamespace(metadata: ObjectMeta, namespaced: boolean, namespace: string): void {
  if (!namespaced) {
    delete metadata.namespace
    return
  }
  if (metadata.namespace && metadata.namespace !== namespace) {
    throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`)
  }
  metadata.namespace = namespace
}

/** Drops what the server alone sets, before anybody looks at who set what. */
export function dropSystemMetadata(metadata: ObjectMeta): void {
  for (const name of ['selfLink', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const)
    delete metadata[name]
}

/** Metadata of a new object: what clients may not set is dropped, what the server sets is set. */
export function prepareNewMetadata(object: UnknownObject, random: Random, nowMs: number): void {
  const { metadata } = object
  if (metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created')
  dropSystemMetadata(metadata)
  delete metadata.resourceVersion
  metadata.uid = random.uuid()
  metadata.creationTimestamp = timestamp(nowMs)
}

/** Metadata of an update: what clients may not change is put back. */
export function keepSystemMetadata(object: UnknownObject, old: UnknownObject): void {
  const { metadata } = object
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation, generateName, name, namespace } = old.metadata
  delete metadata.selfLink
  Object.assign(metadata, { name, uid, creationTimestamp })
  setOrDelete(metadata, 'namespace', namespace)
  setOrDelete(metadata, 'generateName', metadata.generateName ?? generateName)
  // They only come by a deletion: validation refuses them in an object that is not being deleted.
  if (deletionTimestamp) metadata.deletionTimestamp = deletionTimestamp
  if (deletionGracePeriodSeconds !== undefined) metadata.deletionGracePeriodSeconds ??= deletionGracePeriodSeconds
  setOrDelete(metadata, 'generation', generation)
}

function setOrDelete<K extends keyof ObjectMeta>(metadata: ObjectMeta, key: K, value: ObjectMeta[K]): void {
  if (value === undefined) delete metadata[key]
  else metadata[key] = value
}

/** The generation after an update: one more when what the kind counts as its content has changed. */
export function nextGeneration(object: UnknownObject, old: UnknownObject, strategy: Strategy): number | undefined {
  const rule = strategy.generation ?? 'content'
  if (rule === 'none') return old.metadata.generation
  const changed = typeof rule === 'function' ? rule(object, old) : !sameJson(contentOf(object), contentOf(old))
  return (old.metadata.generation ?? 0) + (changed ? 1 : 0)
}

function contentOf({ metadata: _, status: __, kind: ___, apiVersion: ____, ...content }: UnknownObject): unknown {
  return content
}

/** Throws Conflict unless the object is the one that the writer has read. */
export function assertVersion(of: { group: string; resource: string }, object: UnknownObject, old: UnknownObject): void {
  const { uid, resourceVersion, name = '' } = object.metadata
  if (uid && uid !== old.metadata.uid)
    throw conflict(of, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`)
  if (resourceVersion && resourceVersion !== old.metadata.resourceVersion) {
    throw conflict(of, name, 'the object has been modified; please apply your changes to the latest version and try again')
  }
}
