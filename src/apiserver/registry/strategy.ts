import type { GroupVersionResource, KubeObject, UnknownObject } from '../../api/object.js'
import type { Fault } from '../../api/status.js'
import type { KindRules } from '../../api/validation/kind-rules.js'
import type { Clock } from '../../base/clock.js'
import type { Random } from '../../base/random.js'
import type { UserInfo } from '../authn/authenticator.js'

/**
 * The rules of one kind that are not shape: registry/<group>/<kind>.ts exports one. Everything is optional; without a
 * strategy a kind has the generic behaviour (spec changes bump generation, status is kept apart where /status exists).
 * Every function may change its own `object` argument (a private copy) and must not touch `old` (shared with the cache).
 */
export interface Strategy<T extends KubeObject = UnknownObject> {
  readonly resource: Pick<GroupVersionResource, 'group' | 'resource'>
  /** After decoding and defaulting, before admission: drop what a client may not set, fill what the server sets. */
  prepareForCreate?(object: T, context: StrategyContext): void
  prepareForUpdate?(object: T, old: T, context: StrategyContext): void
  /** What an object of the kind must be like: with them, its shape is not judged apart. */
  readonly rules?: KindRules<T>
  /** Every broken rule beyond `rules`, with its path. `old` is undefined on create. */
  validate?(object: T, old: T | undefined, context: StrategyContext): Fault[]
  /** For /status: the spec has been put back already. */
  prepareForStatusUpdate?(object: T, old: T, context: StrategyContext): void
  validateStatus?(object: T, old: T): Fault[]
  warnings?(object: T, old: T | undefined): string[]
  /** Field selectors beyond metadata.name and metadata.namespace: "spec.nodeName" → value ('' when unset). */
  selectableFields?: Readonly<Record<string, (object: T) => string>>
  /** Grace period in seconds of a delete: 0 deletes at once; undefined: this kind knows no graceful deletion. May set deletion fields. */
  gracePeriod?(object: T, requested: number | undefined): number | undefined
  /** True when a client may give the status of a new object (a kubelet registers its Node with it). Otherwise it is dropped before prepareForCreate. */
  readonly keepsStatusOnCreate?: boolean
  /** True when create with PUT is allowed (upstream AllowCreateOnUpdate). */
  readonly allowCreateOnUpdate?: boolean
  /** True when PUT without resourceVersion is allowed (upstream AllowUnconditionalUpdate). Default true. */
  readonly allowUnconditionalUpdate?: boolean
  /**
   * Work in the store around the write, after validation: allocations that `undo` takes back when the write fails; `done`
   * follows a write that succeeded (what the old object had and the new one has not). On dry run too: then it may fill the
   * object in, but leaves nothing behind (neither undo nor done is called). May throw a StatusError.
   */
  beforeWrite?(
    object: T,
    old: T | undefined,
    context: StrategyContext,
  ): Promise<{ undo(): Promise<void>; done?(): Promise<void> } | undefined>
  /** After the object is gone from the store: give back allocations. */
  afterDelete?(object: T, context: StrategyContext): Promise<void>
  /** Seconds to live for a new object (events); undefined: for ever. */
  ttlSeconds?(object: T): number | undefined
  /**
   * When metadata.generation moves (it starts at 1 and is the server's alone). 'content' (default): when anything outside
   * metadata and status changes; 'none': this kind has no generation; or the kind's own rule.
   */
  readonly generation?: 'content' | 'none' | ((object: T, old: T) => boolean)
  /** False: setting deletionTimestamp does not count as a generation (kinds whose deletion has its own path upstream). */
  readonly countsDeletion?: boolean
  /** The object is about to stay as being deleted (deletionTimestamp has just been set): a Namespace's phase becomes Terminating. */
  prepareForDeletion?(object: T, context: StrategyContext): void
  /** What becomes of dependents when the client does not say. Kinds of before garbage collection orphan them; all others lose them in the background. */
  readonly defaultDeletionPolicy?: 'Orphan'
  /** True while an object without metadata.finalizers must stay nevertheless (a Namespace's spec.finalizers). */
  holdsDeletion?(object: T): boolean
  /** PUT and PATCH of subresources other than status that speak the object's own kind: "approval", "resize", "finalize" ... */
  readonly subresources?: Readonly<Record<string, SubresourceStrategy<T>>>
  /** POST of subresources that speak another kind and change the object: "binding". Changes `object` by `body`, or throws a StatusError. */
  readonly actions?: Readonly<Record<string, (object: T, body: UnknownObject, context: StrategyContext) => void>>
  /** Where the objects lie below /registry/ when it is not the resource's name ("services/specs"). */
  readonly storagePrefix?: string
}

export interface SubresourceStrategy<T extends KubeObject> {
  /** Puts everything back that this subresource may not change. */
  prepareForUpdate(object: T, old: T, context: StrategyContext): void
  validate?(object: T, old: T, context: StrategyContext): Fault[]
}

export interface StrategyContext {
  readonly clock: Clock
  readonly random: Random
  readonly user: UserInfo
  readonly dryRun: boolean
  /** '' for the main resource. */
  readonly subresource: string
}
