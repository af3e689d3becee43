/** What the server serves: a stored resource once, each version of it as a view. */
import type { ResourceInfo } from '../../api/kinds.js'
import type { JsonValue, UnknownObject } from '../../api/object.js'
import type { JSONSchemaProps } from '../../api/types/apiextensions-v1.js'
import type { Fault } from '../../api/status.js'
import type { Cacher } from '../cacher/cacher.js'
import type { Strategy } from './strategy.js'

/** How objects of one kind are read from a request. Built-in kinds have theirs from the schema, custom ones from their definition. */
export interface ObjectCodec {
  /** Throws DecodeError. Calls `unknown` with the path of each member that the kind does not have. */
  decode(value: JsonValue, unknown?: (path: string) => void): UnknownObject
  applyDefaults(object: UnknownObject): void
  /** Rules of shape that decoding does not check: required members, bounds, patterns. */
  validateShape?(object: UnknownObject, old: UnknownObject | undefined): Fault[]
}

/** One resource as it lies in the store. */
export interface StoredResource {
  /** "/registry/pods/" */
  readonly prefix: string
  readonly strategy: Strategy
  readonly cacher: Cacher
  /** The version that the store has. */
  readonly info: ResourceInfo
  /** Every version that is served of it, by apiVersion. */
  readonly versions: Map<string, ServedResource>
  /** An object of the store as it is kept now, when it was written under an older definition; else undefined. */
  readonly normalize?: (object: UnknownObject) => UnknownObject | undefined
}

/** One version of it as clients see it. */
export interface ServedResource {
  readonly info: ResourceInfo
  readonly stored: StoredResource
  readonly codec: ObjectCodec
  /** Of a custom resource: its schema as OpenAPI shows it. */
  readonly schema?: JSONSchemaProps
  /** Said in a Warning header to whoever uses this version. */
  readonly deprecationWarning?: string
  /** Where a custom resource has what its scale shows (JSON paths). */
  readonly scale?: { readonly specReplicasPath: string; readonly statusReplicasPath: string; readonly labelSelectorPath?: string }
  /** Between this version and the stored one; undefined when they are the same. */
  readonly conversion?: { toStored(object: UnknownObject): UnknownObject; fromStored(object: UnknownObject): UnknownObject }
}

/** Where a built-in resource lies in the store: under its own name, or where upstream has always kept it. */
export function storePrefix({ resource }: { resource: string }, strategy: Strategy): string {
  return `/registry/${strategy.storagePrefix ?? resource}/`
}

/** Where a custom resource lies in the store. */
export function customStorePrefix({ group, resource }: { group: string; resource: string }): string {
  return `/registry/${group}/${resource}/`
}

/** "namespace/name", or "name". */
export function objectKey(info: ResourceInfo, namespace: string, name: string): string {
  return info.namespaced ? `${namespace}/${name}` : name
}
