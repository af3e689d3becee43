import type { GroupVersionKind, GroupVersionResource, UnknownObject } from '../../api/object.js'
import type { UserInfo } from '../authn/authenticator.js'

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'

/** One write on its way to the store. `object` is the caller's own copy and may be changed by `mutate`. */
export interface AdmissionRequest {
  readonly operation: Operation
  readonly resource: GroupVersionResource
  readonly subresource: string
  readonly kind: GroupVersionKind
  readonly namespace: string
  readonly name: string
  /** The request named a collection, and this object is one of it. */
  readonly ofCollection?: true
  readonly user: UserInfo
  readonly dryRun: boolean
  /** The new object; undefined on DELETE. */
  object: UnknownObject | undefined
  /** The stored object; undefined on CREATE. */
  readonly oldObject: UnknownObject | undefined
  /** The request's options object (CreateOptions, DeleteOptions ...). */
  readonly options: Readonly<Record<string, unknown>>
  /** Adds a Warning header to the response. */
  warn(message: string): void
}

/** A plugin of the admission chain: all `mutate` run first, then validation of the object, then all `validate`. Refusals are StatusErrors. */
export interface AdmissionPlugin {
  /** Upstream's name, as in --enable-admission-plugins. */
  readonly name: string
  /** Asked once for each resource and operation and remembered. */
  handles(operation: Operation, resource: GroupVersionResource, subresource: string): boolean
  mutate?(request: AdmissionRequest): void | Promise<void>
  validate?(request: AdmissionRequest): void | Promise<void>
}
