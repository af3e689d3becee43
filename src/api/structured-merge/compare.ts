/** What differs between two objects of a kind, as sets of fields (structured merge's Compare). */
import type { FieldTree } from './field-tree.js'
import type { MergeKey, MergeType } from './merge-type.js'

export interface Comparison {
  /** Fields that are new or have another value. */
  readonly changed: FieldTree | undefined
  /** Fields that are no longer there. */
  readonly removed: FieldTree | undefined
}

interface Pair {
  changed: FieldTree | undefined
  removed: FieldTree | undefined
}

/** Members of the top that nobody owns. */
const unowned = new Set(['apiVersion', 'kind'])

export function compareObjects(
  type: MergeType,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Comparison {
  const result: Pair = { changed: undefined, removed: undefined }
  if (type.kind === 'map') compareMembers(type.member, before, after, result, unowned)
  return result
}

type Members = Readonly<Record<string, unknown>>

function isMap(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function compareMembers(
  memberType: (name: string) => MergeType,
  before: Members | undefined,
  after: Members | undefined,
  into: Pair,
  skip?: ReadonlySet<string>,
): void {
  for (const name in after) {
    if (skip?.has(name)) continue
    const old = before?.[name]
    if (old !== after[name]) compareInto(fieldElement(name), memberType(name), old, after[name], into)
  }
  for (const name in before) {
    if (skip?.has(name) || (after && after[name] !== undefined)) continue
    compareInto(fieldElement(name), memberType(name), before[name], undefined, into)
  }
}

const fieldElements = new Map<string, string>()
/** Names of fields are few; keys of labels and data are not, and are not remembered beyond this. */
const fieldElementsMax = 4096

function fieldElement(name: string): string {
  let element = fieldElements.get(name)
  if (element === undefined) {
    element = `f:${name}`
    if (fieldElements.size < fieldElementsMax) fieldElements.set(name, element)
  }
  return element
}

function compareInto(element: string, type: MergeType, before: unknown, after: unknown, into: Pair): void {
  const inner = compareValues(type, before, after)
  if (inner.changed) (into.changed ??= {})[element] = inner.changed
  if (inner.removed) (into.removed ??= {})[element] = inner.removed
}

/** Shared by all: sets of fields are never changed. */
const leaf: FieldTree = Object.freeze({})
const nothing: Pair = { changed: undefined, removed: undefined }
const changedLeaf: Pair = { changed: leaf, removed: undefined }
const removedLeaf: Pair = { changed: undefined, removed: leaf }

function ofOnePiece(before: unknown, after: unknown): Pair {
  if (sameValue(before, after)) return nothing
  return after === undefined ? removedLeaf : changedLeaf
}

/** `undefined` is an absent value, null one that is there and empty. */
function compareValues(type: MergeType, before: unknown, after: unknown): Pair {
  switch (type.kind) {
    case 'atomic':
      return ofOnePiece(before, after)
    case 'deduced':
    case 'map': {
      const [old, next] = [isMap(before) ? before : undefined, isMap(after) ? after : undefined]
      const isOther = (before !== undefined && before !== null && !old) || (after !== undefined && after !== null && !next)
      if (isOther || (isEmptyMap(old) && isEmptyMap(next))) return ofOnePiece(before, after)
      const result = withSelf(before, after)
      compareMembers(type.kind === 'map' ? type.member : () => type, old, next, result)
      return trimmed(result)
    }
    case 'set':
    case 'keyed': {
      const [old, next] = [asList(before), asList(after)]
      if (!old?.length && !next?.length) return ofOnePiece(before, after)
      const result = withSelf(before, after)
      compareItems(type, old ?? [], next ?? [], result)
      return trimmed(result)
    }
  }
}

/** A container that is new, or gone, is a field besides what it holds. */
function withSelf(before: unknown, after: unknown): Pair {
  return { changed: before === undefined ? { '.': leaf } : undefined, removed: after === undefined ? { '.': leaf } : undefined }
}

/** A container that holds nothing is a plain field. */
function trimmed(pair: Pair): Pair {
  if (pair.changed && isOnlySelf(pair.changed)) pair.changed = leaf
  if (pair.removed && isOnlySelf(pair.removed)) pair.removed = leaf
  return pair
}

function isOnlySelf(tree: FieldTree): boolean {
  for (const element in tree) if (element !== '.') return false
  return true
}

function isEmptyMap(map: Members | undefined): boolean {
  for (const _ in map) return false
  return true
}

function asList(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? (value as unknown[]) : undefined
}

const setItem: MergeType = { kind: 'atomic' }

function compareItems(
  type: Extract<MergeType, { kind: 'set' | 'keyed' }>,
  before: readonly unknown[],
  after: readonly unknown[],
  into: Pair,
): void {
  const elementOf = type.kind === 'set' ? (item: unknown) => `v:${JSON.stringify(item)}` : (item: unknown) => keyElement(type.keys, item)
  const itemType: MergeType = type.kind === 'set' ? setItem : type.item
  const known = new Map<string, unknown>()
  for (const item of before) known.set(elementOf(item), item)
  for (const item of after) {
    const element = elementOf(item)
    compareInto(element, itemType, known.get(element), item, into)
    known.delete(element)
  }
  for (const [element, item] of known) compareInto(element, itemType, item, undefined, into)
}

function keyElement(keys: readonly MergeKey[], item: unknown): string {
  if (!isMap(item)) return `v:${JSON.stringify(item)}`
  const [only, second] = keys
  if (only && !second) {
    const value = item[only.name] ?? only.default
    return value === undefined ? 'k:{}' : `k:{${JSON.stringify(only.name)}:${JSON.stringify(value)}}`
  }
  const found: Record<string, unknown> = {}
  for (const { name, default: standard } of [...keys].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const value = item[name] ?? standard
    if (value !== undefined) found[name] = value
  }
  return `k:${JSON.stringify(found)}`
}

function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    return a.every((item, index) => sameValue(item, b[index]))
  }
  const [left, right] = [a as Members, b as Members]
  let count = 0
  for (const name in left) {
    if (!sameValue(left[name], right[name])) return false
    count++
  }
  for (const _ in right) count--
  return count === 0
}
