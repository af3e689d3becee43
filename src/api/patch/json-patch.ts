/**
 * JSON patch (RFC 6902), all operations or none. The target is not changed. Where the RFC is silent or strict it does as
 * upstream's library: a missing value is null, a negative index counts from the end, a copied member that is not there is null.
 */
import { cloneJson } from '../clone-json.js'
import type { JsonObject, JsonValue } from '../object.js'
import { isObject, PatchError, setMember } from './json.js'

/** Upstream's bounds: on the number of operations, and on what they copy in all. */
const operationsMax = 10_000
const copiedBytesMax = 3 * 2 ** 20

interface Operation {
  op: string
  path: string
  from?: string
  value?: JsonValue
}

/** Throws PatchError: of a malformed patch, or (`unprocessable`) of one whose test or path fails on this object. */
export function jsonPatch(target: JsonValue, patch: JsonValue): JsonValue {
  if (!Array.isArray(patch) || !patch.every(isObject))
    throw new PatchError('error decoding patch: json: cannot unmarshal a patch that is no list of operations')
  if (patch.length > operationsMax)
    throw new PatchError(`The allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`, 'too large')
  const budget = { bytes: copiedBytesMax }
  let document = cloneJson(target)
  for (const operation of patch) document = apply(document, checked(operation), budget)
  return document
}

function checked(operation: JsonObject): Operation {
  if (typeof operation.op !== 'string' || typeof operation.path !== 'string')
    throw new PatchError('a JSON patch operation needs op and path', 'unprocessable')
  return operation as unknown as Operation
}

function apply(document: JsonValue, { op, path, from, value }: Operation, budget: { bytes: number }): JsonValue {
  const to = pointer(path)
  switch (op) {
    case 'add':
      return add(document, to, cloneJson(value ?? null))
    case 'remove':
      return remove(document, to)
    case 'replace':
      if (to.length === 0) return cloneJson(value ?? null)
      read(document, to)
      return set(document, to, cloneJson(value ?? null))
    case 'move': {
      if (from === undefined) throw new PatchError('move needs from', 'unprocessable')
      const source = pointer(from)
      const moved = read(document, source)
      return add(remove(document, source), to, moved)
    }
    case 'copy':
      if (from === undefined) throw new PatchError('copy needs from', 'unprocessable')
      return add(document, to, charged(copied(document, pointer(from)), budget))
    case 'test':
      if (!same(readOrAbsent(document, to) ?? null, value ?? null)) throw new PatchError(`testing value ${path} failed`, 'unprocessable')
      return document
    default:
      throw new PatchError(`Unexpected kind: ${op}`, 'unprocessable')
  }
}

/** A copy of a value. A document that is copied into itself again and again doubles each time. */
function charged(value: JsonValue, budget: { bytes: number }): JsonValue {
  const text = JSON.stringify(value)
  budget.bytes -= text.length
  if (budget.bytes < 0)
    throw new PatchError(
      `Unable to complete the copy, the accumulated size increase of copy is more than ${copiedBytesMax}`,
      'unprocessable',
    )
  return JSON.parse(text) as JsonValue
}

/** RFC 6901. What stands before the first slash does not count. */
function pointer(path: string): string[] {
  if (path === '') return []
  const parts = path.split('/')
  return (parts.length === 1 ? parts : parts.slice(1)).map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'))
}

function readOrAbsent(document: JsonValue, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = document
  for (const part of path) {
    if (Array.isArray(value)) value = /^-?\d+$/.test(part) ? value.at(Number(part)) : undefined
    else if (isObject(value)) value = Object.hasOwn(value, part) ? value[part] : undefined
    else return undefined
  }
  return value
}

function read(document: JsonValue, path: readonly string[]): JsonValue {
  const value = readOrAbsent(document, path)
  if (value === undefined) throw missing(path)
  return value
}

/** A member that is not there is copied as null; an item must be there. */
function copied(document: JsonValue, path: readonly string[]): JsonValue {
  const value = readOrAbsent(document, path)
  if (value !== undefined) return value
  if (!isObject(parentOf(document, path))) throw missing(path)
  return null
}

function parentOf(document: JsonValue, path: readonly string[]): JsonObject | JsonValue[] {
  const parent = readOrAbsent(document, path.slice(0, -1))
  if (!isObject(parent) && !Array.isArray(parent)) throw missing(path)
  return parent
}

function add(document: JsonValue, path: readonly string[], value: JsonValue): JsonValue {
  const last = path[path.length - 1]
  if (last === undefined) return value
  const parent = parentOf(document, path)
  if (Array.isArray(parent)) parent.splice(last === '-' ? parent.length : indexIn(parent, last, path, 1), 0, value)
  else setMember(parent, last, value)
  return document
}

function set(document: JsonValue, path: readonly string[], value: JsonValue): JsonValue {
  const parent = parentOf(document, path)
  const last = path[path.length - 1] as string
  if (Array.isArray(parent)) parent[indexIn(parent, last, path, 0)] = value
  else setMember(parent, last, value)
  return document
}

function remove(document: JsonValue, path: readonly string[]): JsonValue {
  const last = path[path.length - 1]
  if (last === undefined) throw new PatchError('the whole object cannot be removed', 'unprocessable')
  read(document, path)
  const parent = parentOf(document, path)
  if (Array.isArray(parent)) parent.splice(indexIn(parent, last, path, 0), 1)
  else delete parent[last]
  return document
}

function indexIn(list: readonly JsonValue[], part: string, path: readonly string[], beyond: 0 | 1): number {
  const index = /^(?:0|-?[1-9]\d*)$/.test(part) ? Number(part) : Number.NaN
  const size = list.length + beyond
  if (!(index < size && index >= -size)) throw missing(path)
  return index < 0 ? index + size : index
}

function missing(path: readonly string[]): PatchError {
  return new PatchError(`jsonpatch: doc is missing path: "/${path.join('/')}": missing value`, 'unprocessable')
}

function same(a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i] as JsonValue))
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key] as JsonValue, b[key] as JsonValue))
  )
}
