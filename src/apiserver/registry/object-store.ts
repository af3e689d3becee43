/**
 * Writes of objects: the same steps for every kind, its own rules from its strategy. What is read back is always the stored
 * version; views convert before and after.
 *
 * Guaranteed: a write is judged against the state it replaces (compare and commit; on a conflict the judgement is made anew),
 * so no rule is ever applied to a stale object.
 */
import { invalid, conflict, alreadyExists, notFound, type Fault } from '../../api/status.js'
import { cloneJson } from '../../api/clone-json.js'
import type { GroupVersionKind, UnknownObject } from '../../api/object.js'
import { timestamp, type Clock } from '../../base/clock.js'
import type { Random } from '../../base/random.js'
import type { LeaseId, Store } from '../../storage/store.js'
import type { UserInfo } from '../authn/authenticator.js'
import type { AdmissionRequest } from '../admission/admission.js'
import { decodeStored, encodeForStore, objectOf } from '../cacher/cell.js'
import type { AdmissionChain } from './admission-chain.js'
import { assertVersion, generatedName, keepSystemMetadata, nextGeneration, prepareNewMetadata } from './metadata.js'
import { objectKey, type ServedResource } from './resource.js'
import { sameJson } from '../../api/same-json.js'
import { kindCodec } from '../../api/scheme.js'
import { Faults } from '../../api/validation/faults.js'
import { metadataFaults } from '../../api/validation/metadata.js'
import type { Strategy, StrategyContext } from './strategy.js'

/** Tries at a free name, and at a write that somebody else keeps overtaking. */
const nameTriesMax = 8
const conflictTriesMax = 50

export interface ObjectStoreDeps {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly admission: AdmissionChain
  readonly leaseFor: (ttlSeconds: number) => Promise<LeaseId>
}

/** One write request. */
export interface WriteRequest {
  readonly served: ServedResource
  readonly namespace: string
  readonly name: string
  readonly subresource: string
  /** The request named a collection, and this object is one of it. */
  readonly ofCollection?: true
  readonly user: UserInfo
  readonly dryRun: boolean
  readonly options: Readonly<Record<string, unknown>>
  warn(message: string): void
}

/** An object in its stored version with the revision it was stored at. */
export interface Stored {
  readonly object: UnknownObject
  readonly revision: number
  /** False when nothing was written because nothing changed. */
  readonly written: boolean
  /** True when the write created the object. */
  readonly created?: boolean
  /** What was written, as the store has it. */
  readonly value?: Uint8Array
}

export class ObjectStore {
  readonly #deps: ObjectStoreDeps

  constructor(deps: ObjectStoreDeps) {
    this.#deps = deps
  }

  /** The object as it is now: from the copy when it is there (a conflict shows a stale one), else from the store. */
  async read(
    { served, namespace, name }: Pick<WriteRequest, 'served' | 'namespace' | 'name'>,
    live = false,
  ): Promise<UnknownObject | undefined> {
    const key = objectKey(served.info, namespace, name)
    if (!live) {
      const cell = served.stored.cacher.get(key)
      if (cell) return objectOf<UnknownObject>(cell)
    }
    const entry = await this.#deps.store.get(served.stored.prefix + key)
    if (!entry) return undefined
    const object = decodeStored(entry.value, entry.revision)
    return served.stored.normalize?.(object) ?? object
  }

  /** `object` is decoded, defaulted, in its stored version and the caller's own. */
  async create(request: WriteRequest, object: UnknownObject): Promise<Stored> {
    const { random, clock } = this.#deps
    const { metadata } = object
    const { strategy } = request.served.stored
    const generateName = metadata.name ? undefined : metadata.generateName
    if (request.name && !metadata.name) metadata.name = request.name
    prepareNewMetadata(object, random, clock.now())
    if (generateName) metadata.name = generatedName(generateName, random)
    const context = this.#context(request)
    if (request.served.info.subresources.has('status') && !strategy.keepsStatusOnCreate) {
      if (request.served.info.typeId === 'custom') {
        delete object.status
        // The schema may have a default for the status as a whole.
        request.served.codec.applyDefaults(object)
      } else object.status = blankStatus(request.served)
    }
    // Before the strategy: what it works out (a pod's QoS class) follows from what the plugins fill in.
    const admission = this.#admissionRequest(request, 'CREATE', object, undefined)
    await this.#deps.admission.mutate(admission)
    strategy.prepareForCreate?.(object, context)
    if ((strategy.generation ?? 'content') !== 'none') metadata.generation = 1
    this.#refuse(request, object, this.#faultsOf(request, object, undefined))
    for (const warning of strategy.warnings?.(object, undefined) ?? []) request.warn(warning)
    await this.#deps.admission.validate(admission)
    const around = await strategy.beforeWrite?.(object, undefined, context)
    if (request.dryRun) return { object, revision: 0, written: false, created: true }
    try {
      return await this.#commitNew(request, object, generateName)
    } catch (error) {
      await around?.undo()
      throw error
    }
  }

  /** Lets the plugins fill and judge the body of an action ("pods/binding"): to them it is what is created. */
  async admitAction(request: WriteRequest, body: UnknownObject, kind?: GroupVersionKind): Promise<void> {
    const made = this.#admissionRequest(request, 'CREATE', body, undefined)
    const admission = kind ? { ...made, kind } : made
    await this.#deps.admission.mutate(admission)
    await this.#deps.admission.validate(admission)
  }

  async #commitNew(request: WriteRequest, object: UnknownObject, generateName: string | undefined): Promise<Stored> {
    const { info, stored } = request.served
    const ttlSeconds = stored.strategy.ttlSeconds?.(object)
    const lease = ttlSeconds === undefined ? undefined : await this.#deps.leaseFor(ttlSeconds)
    for (let tries = 1; ; tries++) {
      const name = object.metadata.name ?? ''
      const key = stored.prefix + objectKey(info, object.metadata.namespace ?? '', name)
      const value = encodeForStore(object)
      const result = await this.#deps.store.commit({ key, expect: 'absent', value, ...(lease ? { lease } : {}) })
      if (result.ok) return { ...written(request, object, result.revision, value), created: true }
      if (!generateName || tries >= nameTriesMax) throw alreadyExists(info, name)
      object.metadata.name = generatedName(generateName, this.#deps.random)
    }
  }

  /**
   * Replaces an object by what `change` makes of it. `change` gets the present object (shared: it must copy) and may be called
   * several times; it returns the new one, its own copy, in the stored version.
   */
  async update(request: WriteRequest, change: (old: UnknownObject) => UnknownObject | Promise<UnknownObject>): Promise<Stored> {
    let old = await this.read(request)
    for (let tries = 1; old && tries <= conflictTriesMax; tries++) {
      const isLive = tries > 1
      let outcome: Stored | 'overtaken'
      try {
        outcome = await this.#tryUpdate(request, await change(old), old)
      } catch (error) {
        // The copy may be behind: a refusal counts only when it holds for the store's own state.
        const fresh = await this.read(request, true)
        if (fresh?.metadata.resourceVersion === old.metadata.resourceVersion) throw error
        old = fresh
        continue
      }
      if (outcome !== 'overtaken' && (outcome.written || isLive)) return outcome
      const fresh = await this.read(request, true)
      // So does the finding that there is nothing to write.
      if (outcome !== 'overtaken' && fresh?.metadata.resourceVersion === old.metadata.resourceVersion) return outcome
      old = fresh
    }
    if (!old) throw notFound(request.served.info, request.name)
    throw conflict(request.served.info, request.name, 'too many writers at once; try again')
  }

  async #tryUpdate(request: WriteRequest, object: UnknownObject, old: UnknownObject): Promise<Stored | 'overtaken'> {
    const { served, subresource } = request
    const { strategy } = served.stored
    const context = this.#context(request)
    assertVersion(served.info, object, old)
    if (!object.metadata.resourceVersion && strategy.allowUnconditionalUpdate === false && subresource === '') {
      // Upstream names the resource where every other refusal names the kind.
      throw invalid({ group: served.info.group, kind: served.info.resource }, object.metadata.name ?? '', [
        { path: 'metadata.resourceVersion', reason: 'FieldValueInvalid', value: '', detail: 'must be specified for an update' },
      ])
    }
    keepSystemMetadata(object, old)
    this.#prepareForUpdate(request, object, old, context)
    // Of an action the plugins have judged its own body (admitAction).
    const admission = strategy.actions?.[subresource] ? undefined : this.#admissionRequest(request, 'UPDATE', object, old)
    if (admission) await this.#deps.admission.mutate(admission)
    // What is written beside a status counts for nothing: a controller that notes something there must not wake itself.
    const generation = subresource === 'status' ? old.metadata.generation : nextGeneration(object, old, strategy)
    if (generation !== undefined) object.metadata.generation = generation
    this.#refuse(request, object, this.#faultsOf(request, object, old))
    for (const warning of strategy.warnings?.(object, old) ?? []) request.warn(warning)
    if (admission) await this.#deps.admission.validate(admission)
    const around = subresource === '' ? await strategy.beforeWrite?.(object, old, context) : undefined
    object.metadata.resourceVersion = old.metadata.resourceVersion
    if (isSame(object, old)) return { object: old, revision: Number(old.metadata.resourceVersion), written: false }
    if (request.dryRun) return { object, revision: Number(old.metadata.resourceVersion), written: false }
    try {
      const gone = this.#isGone(request, object)
      const key = served.stored.prefix + objectKey(served.info, old.metadata.namespace ?? '', old.metadata.name ?? '')
      const expect = Number(old.metadata.resourceVersion)
      const value = gone ? undefined : encodeForStore(object)
      const result = await this.#deps.store.commit(value ? { key, expect, value } : { key, expect })
      if (!result.ok) {
        await around?.undo()
        return 'overtaken'
      }
      await around?.done?.()
      if (gone) await strategy.afterDelete?.(object, context)
      return written(request, object, result.revision, value)
    } catch (error) {
      await around?.undo()
      throw error
    }
  }

  #prepareForUpdate(request: WriteRequest, object: UnknownObject, old: UnknownObject, context: StrategyContext): void {
    const { info, stored } = request.served
    const { strategy } = stored
    if (request.subresource === '') {
      if (info.subresources.has('status')) copyMember(object, old, 'status')
      strategy.prepareForUpdate?.(object, old, context)
    } else if (request.subresource === 'status') {
      for (const member of new Set([...Object.keys(object), ...Object.keys(old)]))
        if (member !== 'status' && member !== 'metadata') copyMember(object, old, member)
      strategy.prepareForStatusUpdate?.(object, old, context)
    } else if (request.subresource === 'scale') {
      strategy.prepareForUpdate?.(object, old, context)
    } else {
      strategy.subresources?.[request.subresource]?.prepareForUpdate(object, old, context)
    }
  }

  #faultsOf(request: WriteRequest, object: UnknownObject, old: UnknownObject | undefined): readonly Fault[] {
    const { served, subresource } = request
    const { strategy } = served.stored
    const faults = new Faults()
    metadataFaults(faults, served.info, object, old)
    this.#kindFaults(faults, request, object, old)
    if (!strategy.rules) faults.add(...(served.codec.validateShape?.(object, old) ?? []))
    if (subresource === 'status') {
      if (old) faults.add(...(strategy.validateStatus?.(object, old) ?? []))
    } else if (!strategy.actions?.[subresource] && subresource !== 'scale') {
      // An action changes what an update may not (binding sets spec.nodeName) and has judged it itself.
      const special = old && strategy.subresources?.[subresource]?.validate
      const context = this.#context(request)
      faults.add(...((special ? special(object, old, context) : strategy.validate?.(object, old, context)) ?? []))
    }
    return faults.list
  }

  #kindFaults(faults: Faults, request: WriteRequest, object: UnknownObject, old: UnknownObject | undefined): void {
    const { subresource } = request
    const { rules, actions } = request.served.stored.strategy
    if (!rules || actions?.[subresource]) return
    if (!old) return rules.create(faults, object)
    if (subresource === '' || subresource === 'scale') return rules.update(faults, object, old)
    if (subresource === 'status') return rules.status?.(faults, object, old)
    return (rules.subresources?.[subresource] ?? rules.update)(faults, object, old)
  }

  #refuse(request: WriteRequest, object: UnknownObject, faults: readonly Fault[]): void {
    const { info } = request.served
    if (faults.length > 0) throw invalid({ group: info.group, kind: info.kind }, object.metadata.name ?? '', faults)
  }

  /** An object that is being deleted goes with its last finalizer. */
  #isGone(request: WriteRequest, { metadata, ...rest }: UnknownObject): boolean {
    const { strategy } = request.served.stored
    if (!metadata.deletionTimestamp || metadata.finalizers?.length || strategy.holdsDeletion?.({ metadata, ...rest })) return false
    return (metadata.deletionGracePeriodSeconds ?? 0) === 0
  }

  /** Deletes, or marks as being deleted when it has time left or finalizers. */
  async delete(request: WriteRequest, options: DeletionOptions): Promise<{ object: UnknownObject; gone: boolean }> {
    let old = await this.read(request)
    for (let tries = 1; old && tries <= conflictTriesMax; tries++) {
      let outcome: { object: UnknownObject; gone: boolean } | 'overtaken'
      try {
        outcome = await this.#tryDelete(request, old, options)
      } catch (error) {
        const fresh = await this.read(request, true)
        if (fresh?.metadata.resourceVersion === old.metadata.resourceVersion) throw error
        old = fresh
        continue
      }
      if (outcome !== 'overtaken') return outcome
      old = await this.read(request, true)
    }
    if (!old) throw notFound(request.served.info, request.name)
    throw conflict(request.served.info, request.name, 'too many writers at once; try again')
  }

  async #tryDelete(
    request: WriteRequest,
    old: UnknownObject,
    options: DeletionOptions,
  ): Promise<{ object: UnknownObject; gone: boolean } | 'overtaken'> {
    const { served, dryRun } = request
    const { strategy } = served.stored
    assertPreconditions(request, old, options)
    const admission = this.#admissionRequest(request, 'DELETE', undefined, old)
    await this.#deps.admission.mutate(admission)
    await this.#deps.admission.validate(admission)
    const object = copyForDeletion(old)
    this.#markDeletion(request, object, options)
    const key = served.stored.prefix + objectKey(served.info, old.metadata.namespace ?? '', old.metadata.name ?? '')
    const expect = Number(old.metadata.resourceVersion)
    if (this.#isGone(request, object)) {
      // What was never graceful is shown as it was.
      const last = strategy.gracePeriod ? object : old
      if (dryRun) return { object: last, gone: true }
      const result = await this.#deps.store.commit({ key, expect })
      if (!result.ok) return 'overtaken'
      await strategy.afterDelete?.(object, this.#context(request))
      return { object: strategy.gracePeriod ? object : withDeletionRevision(old, result.revision), gone: true }
    }
    if (dryRun || sameJson(object, old)) return { object, gone: false }
    const result = await this.#deps.store.commit({ key, expect, value: encodeForStore(object) })
    if (!result.ok) return 'overtaken'
    return { object: written(request, object, result.revision, undefined).object, gone: false }
  }

  #markDeletion(request: WriteRequest, object: UnknownObject, options: DeletionOptions): void {
    const { metadata } = object
    const { strategy } = request.served.stored
    const period = strategy.gracePeriod?.(object, options.gracePeriodSeconds) ?? 0
    setDeletionFinalizers(object, options.propagationPolicy ?? defaultPolicy(object, strategy))
    const before = metadata.deletionGracePeriodSeconds ?? 0
    // A deletion that is under way can be hastened, never put off.
    if (metadata.deletionTimestamp && period >= before) return
    const from = metadata.deletionTimestamp ? Date.parse(metadata.deletionTimestamp) - before * 1000 : this.#deps.clock.now()
    const isNew = !metadata.deletionTimestamp
    metadata.deletionTimestamp = timestamp(from + period * 1000)
    metadata.deletionGracePeriodSeconds = period
    if (!isNew) return
    if ((metadata.generation ?? 0) > 0 && strategy.countsDeletion !== false) metadata.generation = (metadata.generation ?? 0) + 1
    strategy.prepareForDeletion?.(object, this.#context(request))
  }

  #context({ user, dryRun, subresource }: WriteRequest): StrategyContext {
    const { clock, random } = this.#deps
    return { clock, random, user, dryRun, subresource }
  }

  #admissionRequest(
    request: WriteRequest,
    operation: AdmissionRequest['operation'],
    object: UnknownObject | undefined,
    oldObject: UnknownObject | undefined,
  ): AdmissionRequest {
    const { served, namespace, name, user, dryRun, options, subresource } = request
    const { group, version, resource, kind } = served.info
    return {
      operation,
      resource: { group, version, resource },
      kind: { group, version, kind },
      subresource,
      // A namespace is in itself, for whoever looks at namespaces.
      namespace: group === '' && resource === 'namespaces' ? name || (object?.metadata.name ?? '') : namespace,
      name: name || (object?.metadata.name ?? ''),
      ...(request.ofCollection ? { ofCollection: true } : {}),
      user,
      dryRun,
      object,
      oldObject,
      options,
      warn: (message) => request.warn(message),
    }
  }
}

export interface DeletionOptions {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground'
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
}

function assertPreconditions({ served, name }: WriteRequest, old: UnknownObject, { preconditions }: DeletionOptions): void {
  const { uid, resourceVersion } = old.metadata
  if (preconditions?.uid && preconditions.uid !== uid) {
    throw conflict(served.info, name, `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`)
  }
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion) {
    throw conflict(
      served.info,
      name,
      `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`,
    )
  }
}

/** What is to become of dependents is left to the garbage collector, by finalizers (API concepts: cascading deletion). */
function setDeletionFinalizers({ metadata }: UnknownObject, policy: DeletionOptions['propagationPolicy']): void {
  if (policy === undefined) return
  const others = (metadata.finalizers ?? []).filter((finalizer) => finalizer !== 'orphan' && finalizer !== 'foregroundDeletion')
  const wanted = policy === 'Orphan' ? ['orphan'] : policy === 'Foreground' ? ['foregroundDeletion'] : []
  const finalizers = [...others, ...wanted]
  if (finalizers.length > 0) metadata.finalizers = finalizers
  else delete metadata.finalizers
}

/** Without a word from the client, finalizers that say what is to happen stay; a few old kinds orphan by default. */
function defaultPolicy({ metadata }: UnknownObject, strategy: Strategy): DeletionOptions['propagationPolicy'] {
  const isDecided = metadata.finalizers?.some((finalizer) => finalizer === 'orphan' || finalizer === 'foregroundDeletion')
  return isDecided ? undefined : strategy.defaultDeletionPolicy
}

function copyMember(object: UnknownObject, old: UnknownObject, member: string): void {
  if (member in old) object[member] = cloneJson(old[member])
  else delete object[member]
}

/** The object goes into the cache as it is: nobody changes it from now on. */
function written({ served }: WriteRequest, object: UnknownObject, revision: number, value: Uint8Array | undefined): Stored {
  object.metadata.resourceVersion = String(revision)
  if (!value) return { object, revision, written: true }
  const { namespace = '', name = '' } = object.metadata
  served.stored.cacher.adopt(objectKey(served.info, namespace, name), revision, object)
  return { object, revision, written: true, value }
}

/** Deep enough for what a deletion sets: its marks, finalizers, and members of the status. */
function copyForDeletion(old: UnknownObject): UnknownObject {
  const { metadata, status } = old
  return { ...old, metadata: { ...metadata }, ...(typeof status === 'object' ? { status: { ...status } } : {}) }
}

function withDeletionRevision(old: UnknownObject, revision: number): UnknownObject {
  return { ...old, metadata: { ...old.metadata, resourceVersion: String(revision) } }
}

/** The status of a new object: in Go it is there, with the zero of every member that is always written. */
function blankStatus({ stored }: ServedResource): unknown {
  let status = blankStatuses.get(stored)
  if (status === undefined) {
    const blank = kindCodec(stored.info)?.decode({ metadata: {} })
    blankStatuses.set(stored, (status = JSON.stringify(blank?.status ?? {})))
  }
  return JSON.parse(status)
}

const blankStatuses = new WeakMap<ServedResource['stored'], string>()

/** A write that would change nothing but the times of its own tracking is none. */
function isSame(object: UnknownObject, old: UnknownObject): boolean {
  if (sameJson(object, old)) return true
  const { metadata, ...rest } = object
  const { metadata: oldMetadata, ...oldRest } = old
  return sameJson(rest, oldRest) && sameJson(withoutTimes(metadata), withoutTimes(oldMetadata))
}

function withoutTimes(metadata: UnknownObject['metadata']): unknown {
  return { ...metadata, managedFields: metadata.managedFields?.map(({ time: _, ...entry }) => entry) }
}
