/**
 * Strategic merge patch: a merge patch that knows from the schema which lists are maps by a key and which are sets
 * (API conventions: strategic merge patch, with its directives $patch, $retainKeys, $setElementOrder and
 * $deleteFromPrimitiveList). Neither argument is changed.
 */
import type { JsonObject, JsonValue } from '../object.js'
import type { Field, Schema, StructSchema } from '../schema/schema.js'
import { isObject, PatchError, setMember } from './json.js'

const orderPrefix = '$setElementOrder/'
const deletePrefix = '$deleteFromPrimitiveList/'

/** Throws PatchError when the patch does not fit the schema. */
export function strategicMergePatch(schema: StructSchema, target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) throw new PatchError('a strategic merge patch must be an object')
  return mergeObject(schema, isObject(target) ? target : {}, patch)
}

/** What is known of a value: its schema, and how its field says that it is patched. */
interface Shape {
  readonly schema: Schema | undefined
  readonly field: Field | undefined
}

function mergeObject(schema: Schema | undefined, target: JsonObject, patch: JsonObject): JsonObject {
  if (patch.$patch === 'replace') return withoutDirectives(patch)
  if (patch.$patch === 'delete') return {}
  if (patch.$patch !== undefined && patch.$patch !== 'merge')
    throw new PatchError(`unknown patch type found: ${JSON.stringify(patch.$patch)}`)
  const result: JsonObject = {}
  const retained = Array.isArray(patch.$retainKeys) ? new Set(patch.$retainKeys) : undefined
  for (const key of Object.keys(target)) if (!retained || retained.has(key)) setMember(result, key, target[key] as JsonValue)
  for (const key of Object.keys(patch)) {
    if (key.startsWith('$')) continue
    mergeMember(shapeOf(schema, key), result, key, patch)
  }
  applyListDirectives(schema, result, patch)
  return result
}

function mergeMember(shape: Shape, result: JsonObject, key: string, patch: JsonObject): void {
  const value = patch[key] as JsonValue
  if (value === null) {
    delete result[key]
    return
  }
  const old = Object.hasOwn(result, key) ? result[key] : undefined
  if (isObject(value)) {
    if (value.$patch === 'delete') delete result[key]
    else setMember(result, key, replaces(shape) ? withoutDirectives(value) : mergeObject(shape.schema, isObject(old) ? old : {}, value))
    return
  }
  if (!Array.isArray(value)) return setMember(result, key, value)
  const order = patch[orderPrefix + key]
  setMember(result, key, mergeList(shape, Array.isArray(old) ? old : [], value, Array.isArray(order) ? order : undefined))
}

/** Directives about lists that the patch names without giving elements. */
function applyListDirectives(schema: Schema | undefined, result: JsonObject, patch: JsonObject): void {
  for (const key of Object.keys(patch)) {
    if (key.startsWith(deletePrefix)) {
      const name = key.slice(deletePrefix.length)
      const gone = new Set(patch[key] as JsonValue[])
      const list = result[name]
      if (Array.isArray(list))
        setMember(
          result,
          name,
          list.filter((item) => !gone.has(item)),
        )
    } else if (key.startsWith(orderPrefix)) {
      const name = key.slice(orderPrefix.length)
      const list = result[name]
      const shape = shapeOf(schema, name)
      if (!Object.hasOwn(patch, name) && Array.isArray(list))
        setMember(result, name, ordered(list, patch[key] as JsonValue[], shape.field?.mergeKey))
    }
  }
}

function shapeOf(schema: Schema | undefined, key: string): Shape {
  if (schema?.kind === 'struct') {
    const field = schema.byName.get(key)
    return { schema: field?.schema, field }
  }
  return { schema: schema?.kind === 'map' ? schema.element : undefined, field: undefined }
}

/** Fields that are patched as a whole: atomic maps and those with the replace strategy. */
function replaces({ field }: Shape): boolean {
  return field?.patchStrategy?.split(',').includes('replace') === true
}

function mergeList(
  { schema, field }: Shape,
  old: readonly JsonValue[],
  patch: readonly JsonValue[],
  order: readonly JsonValue[] | undefined,
): JsonValue[] {
  const merges = field?.patchStrategy?.split(',').includes('merge') === true
  const replaceAll = patch.some((item) => isObject(item) && item.$patch === 'replace' && Object.keys(item).length === 1)
  if (!merges || replaceAll)
    return patch
      .filter((item) => !(isObject(item) && item.$patch === 'replace' && Object.keys(item).length === 1))
      .map((item) => (isObject(item) ? withoutDirectives(item) : item))
  const { mergeKey } = field
  const merged = mergeKey === undefined ? mergeSet(old, patch) : mergeByKey(schema, mergeKey, old, patch)
  return order ? ordered(merged, order, mergeKey) : merged
}

function mergeSet(old: readonly JsonValue[], patch: readonly JsonValue[]): JsonValue[] {
  return [...new Set([...old, ...patch])]
}

function mergeByKey(schema: Schema | undefined, mergeKey: string, old: readonly JsonValue[], patch: readonly JsonValue[]): JsonValue[] {
  const element = schema?.kind === 'list' ? schema.element : undefined
  const result = [...old]
  for (const item of patch) {
    if (!isObject(item)) throw new PatchError(`expected elements of a list with the merge key ${mergeKey} to be objects`)
    const key = item[mergeKey]
    if (key === undefined) throw new PatchError(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`)
    const at = result.findIndex((each) => isObject(each) && each[mergeKey] === key)
    if (item.$patch === 'delete') {
      if (at >= 0) result.splice(at, 1)
    } else if (at >= 0) result[at] = mergeObject(element, result[at] as JsonObject, item)
    else result.push(mergeObject(element, {}, item))
  }
  return result
}

/**
 * The list in the order that the patch wants: elements it names in its order; the others keep their place after the element
 * they followed.
 */
function ordered(list: readonly JsonValue[], order: readonly JsonValue[], mergeKey: string | undefined): JsonValue[] {
  const keyOf = (item: JsonValue) => JSON.stringify(mergeKey !== undefined && isObject(item) ? item[mergeKey] : item)
  const rank = new Map(order.map((item, i) => [keyOf(item), i]))
  const named = list.filter((item) => rank.has(keyOf(item))).sort((a, b) => (rank.get(keyOf(a)) ?? 0) - (rank.get(keyOf(b)) ?? 0))
  const result = [...named]
  let previous: JsonValue | undefined
  for (const item of list) {
    if (!rank.has(keyOf(item))) result.splice(previous === undefined ? 0 : result.indexOf(previous) + 1, 0, item)
    previous = item
  }
  return result
}

function withoutDirectives(value: JsonObject): JsonObject {
  const result: JsonObject = {}
  for (const key of Object.keys(value)) {
    if (key.startsWith('$')) continue
    const member = value[key] as JsonValue
    if (member === null) continue
    setMember(result, key, isObject(member) ? withoutDirectives(member) : member)
  }
  return result
}
