/**
 * Strategic merge patch: a merge patch that knows from the schema which lists are maps by a key and which are sets
 * (API conventions: strategic merge patch, with its directives $patch, $retainKeys, $setElementOrder and
 * $deleteFromPrimitiveList). Neither argument is changed.
 */
import type { JsonObject, JsonValue } from '../object.js'
import type { Field, Schema, StructSchema } from '../schema/schema.js'
import { isObject, PatchError, setMember } from './json.js'
import { type ItemKey, mergeOrder } from './strategic-order.js'

const orderPrefix = '$setElementOrder/'
const deletePrefix = '$deleteFromPrimitiveList/'
const retainKeys = '$retainKeys'
const directive = '$patch'

/** Throws PatchError when the patch does not fit the schema. */
export function strategicMergePatch(schema: StructSchema, target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) throw new PatchError('a strategic merge patch must be an object')
  return mergeObject(schema, isObject(target) ? target : {}, patch)
}

/** What is known of a value: its schema, and how its field says that it is patched. */
interface Shape {
  readonly schema: Schema | undefined
  readonly strategies: readonly string[]
  /** What tells the items of the list apart; undefined: the list is one of values. */
  readonly mergeKey: string | undefined
}

const plain: Shape = { schema: undefined, strategies: [], mergeKey: undefined }
const shapes = new WeakMap<Field, Shape>()

function shapeOf(schema: Schema | undefined, key: string): Shape {
  if (schema?.kind === 'map') return { ...plain, schema: schema.element }
  const field = schema?.kind === 'struct' ? schema.byName.get(key) : undefined
  if (!field) return plain
  let shape = shapes.get(field)
  if (!shape) {
    const strategies = field.patchStrategy?.split(',') ?? []
    shapes.set(field, (shape = { schema: field.schema, strategies, mergeKey: field.mergeKey }))
  }
  return shape
}

function mergeObject(schema: Schema | undefined, target: JsonObject, patch: JsonObject): JsonObject {
  if (patch[directive] !== undefined) return byDirective(patch)
  const retained = retainedKeys(patch)
  const result: JsonObject = {}
  for (const key of Object.keys(target)) if (!retained || retained.has(key)) setMember(result, key, target[key] as JsonValue)
  const ordered = new Set<string>()
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(orderPrefix)) continue
    const name = key.slice(orderPrefix.length)
    mergeOrdered(shapeOf(schema, name), result, name, patch, asList(key, patch[key]))
    ordered.add(name)
  }
  for (const key of Object.keys(patch)) {
    if (key === retainKeys || key.startsWith(orderPrefix) || ordered.has(key)) continue
    if (key.startsWith(deletePrefix)) deleteValues(result, key.slice(deletePrefix.length), patch[key])
    else mergeMember(shapeOf(schema, key), result, key, patch[key] as JsonValue)
  }
  return result
}

/** A patch that replaces or deletes what it is about. */
function byDirective(patch: JsonObject): JsonObject {
  const { [directive]: what, ...rest } = patch
  if (what === 'replace') return rest
  if (what === 'delete') return {}
  throw badType(what)
}

function badType(what: JsonValue | undefined): PatchError {
  return new PatchError(`unknown patch type found: ${JSON.stringify(what)}`)
}

/** The members that may stay; undefined: all. */
function retainedKeys(patch: JsonObject): ReadonlySet<JsonValue> | undefined {
  const list = patch[retainKeys]
  if (list === undefined) return undefined
  const refusal = () => new PatchError('invalid patch format of $retainKeys')
  if (!Array.isArray(list)) throw refusal()
  const retained = new Set(list)
  for (const key of Object.keys(patch)) {
    const isDirective = key === retainKeys || key.startsWith(orderPrefix) || key.startsWith(deletePrefix)
    if (!isDirective && patch[key] !== null && !retained.has(key)) throw refusal()
  }
  return retained
}

function asList(key: string, value: JsonValue | undefined): readonly JsonValue[] {
  if (!Array.isArray(value)) throw new PatchError(`expected ${key} to be a list`)
  return value
}

function mergeMember(shape: Shape, result: JsonObject, key: string, value: JsonValue): void {
  if (value === null) {
    delete result[key]
    return
  }
  const old = Object.hasOwn(result, key) ? result[key] : undefined
  if (isObject(value) && isObject(old)) {
    const replaces = shape.strategies.includes('replace')
    setMember(result, key, replaces ? value : mergeObject(shape.schema, old, value))
  } else if (Array.isArray(value) && Array.isArray(old)) setMember(result, key, mergeList(shape, old, value))
  else {
    const clean = withoutDirectives(value)
    if (clean === undefined) delete result[key]
    else setMember(result, key, clean)
  }
}

/** A value that has nothing to be merged with: its directives are carried out by leaving them out. undefined: it is one itself. */
function withoutDirectives(value: JsonValue): JsonValue | undefined {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined)
  if (!isObject(value)) return value
  if (directive in value) return value[directive] === 'replace' ? byDirective(value) : undefined
  const result: JsonObject = {}
  for (const key of Object.keys(value)) {
    const isDirective = key === retainKeys || key.startsWith(orderPrefix) || key.startsWith(deletePrefix)
    const member = isDirective || value[key] === null ? undefined : withoutDirectives(value[key] as JsonValue)
    if (member !== undefined) setMember(result, key, member)
  }
  return result
}

/** A list whose elements are in the order that the patch wants; without elements of its own the patch only orders. */
function mergeOrdered(shape: Shape, result: JsonObject, key: string, patch: JsonObject, order: readonly JsonValue[]): void {
  const old = Object.hasOwn(result, key) ? asList(key, result[key]) : undefined
  const wanted = patch[key] === undefined ? undefined : asList(key, patch[key])
  if (wanted && order.length > 0) assertOrder(shape, key, wanted, order)
  const merged = !wanted ? old : old ? mergeList(shape, old, wanted) : (withoutDirectives([...wanted]) as JsonValue[])
  if (merged) setMember(result, key, mergeOrder(merged, order, old ?? [], itemKey(shape.mergeKey)))
}

/** What the patch gives must come as it says itself. */
function assertOrder({ mergeKey }: Shape, key: string, wanted: readonly JsonValue[], order: readonly JsonValue[]): void {
  const keyOf = itemKey(mergeKey)
  let at = 0
  for (const item of wanted) {
    if (isObject(item) && item[directive] === 'delete') continue
    while (at < order.length && keyOf(item) !== keyOf(order[at] as JsonValue)) at++
    if (at === order.length) throw new PatchError(`the order in the patch list ${key} does not match its ${orderPrefix} list`)
    at++
  }
}

function itemKey(mergeKey: string | undefined): ItemKey {
  if (mergeKey === undefined) return (item) => item
  return (item) => (isObject(item) ? item[mergeKey] : undefined)
}

function deleteValues(result: JsonObject, key: string, gone: JsonValue | undefined): void {
  const list = Object.hasOwn(result, key) ? result[key] : undefined
  if (!Array.isArray(list) || !Array.isArray(gone)) return
  const values = new Set(gone)
  const left = list.filter((item) => !values.has(item))
  setMember(result, key, left)
}

function mergeList(shape: Shape, old: readonly JsonValue[], patch: readonly JsonValue[]): JsonValue[] {
  if (!shape.strategies.includes('merge')) return [...patch]
  if (old.length === 0 && patch.length === 0) return []
  const all = [...old, ...patch]
  if (all.some(Array.isArray)) throw new PatchError('lists of lists are not supported', 'unprocessable')
  if (all.every(isObject)) return mergeByKey(shape, old as readonly JsonObject[], patch as readonly JsonObject[])
  if (all.some(isObject)) throw new PatchError('the elements of a list must be of one type')
  const merged = [...new Set(all)]
  return mergeOrder(merged, patch, old, itemKey(undefined))
}

function mergeByKey({ schema, mergeKey }: Shape, old: readonly JsonObject[], patch: readonly JsonObject[]): JsonValue[] {
  if (mergeKey === undefined) throw new PatchError('cannot merge lists without merge key')
  const element = schema?.kind === 'list' ? schema.element : undefined
  const { kept, given } = carryOut(mergeKey, old, patch)
  const merged: JsonObject[] = [...kept]
  const places = new Map<JsonValue | undefined, number>()
  for (const [index, item] of kept.entries()) if (!places.has(item[mergeKey])) places.set(item[mergeKey], index)
  for (const item of given) {
    const key = keyOf(mergeKey, item)
    const at = places.get(key)
    if (at === undefined) places.set(key, merged.push((withoutDirectives(item) ?? {}) as JsonObject) - 1)
    else merged[at] = mergeObject(element, merged[at] as JsonObject, item)
  }
  return mergeOrder(merged, given, kept, itemKey(mergeKey))
}

function keyOf(mergeKey: string, item: JsonObject): JsonValue {
  const key = item[mergeKey]
  if (key === undefined) throw new PatchError(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`)
  return key
}

/** The elements that are directives: what they leave of the list, and what the patch has besides. */
function carryOut(
  mergeKey: string,
  old: readonly JsonObject[],
  patch: readonly JsonObject[],
): { readonly kept: readonly JsonObject[]; readonly given: readonly JsonObject[] } {
  const gone = new Set<JsonValue>()
  let replaced = false
  const given: JsonObject[] = []
  for (const item of patch) {
    const what = item[directive]
    if (what === undefined) given.push(item)
    else if (what === 'replace') replaced = true
    else if (what === 'merge') throw new PatchError('merging lists cannot yet be specified in the patch')
    else if (what !== 'delete') throw badType(what)
    else gone.add(keyOf(mergeKey, item))
  }
  if (replaced) return { kept: given, given: [] }
  return { kept: gone.size === 0 ? old : old.filter((each) => !gone.has(each[mergeKey] ?? null)), given }
}
