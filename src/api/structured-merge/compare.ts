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
    if (old !== after[name]) compareInto(`f:${name}`, memberType(name), old, after[name], into)
  }
  for (const name in before) {
    if (skip?.has(name) || (after && after[name] !== undefined)) continue
    compareInto(`f:${name}`, memberType(name), before[name], undefined, into)
  }
}

function compareInto(element: string, type: MergeType, before: unknown, after: unknown, into: Pair): void {
  const inner = compareValues(type, before, after)
  if (inner.changed) (into.changed ??= {})[element] = inner.changed
  if (inner.removed) (into.removed ??= {})[element] = inner.removed
}

const nothing: Pair = { changed: undefined, removed: undefined }

/** `undefined` is an absent value, null one that is there and empty. */
function compareValues(type: MergeType, before: unknown, after: unknown): Pair {
  if (before === undefined && after === undefined) return nothing
  const parts = partsOf(type, before, after)
  if (!parts) return sameValue(before, after) ? nothing : leaf(after)
  const result: Pair = { changed: undefined, removed: undefined }
  parts(result)
  // A container that is new, or gone, is a field besides what it holds.
  if (before === undefined) result.changed = withSelf(result.changed)
  if (after === undefined) result.removed = withSelf(result.removed)
  return result
}

function leaf(after: unknown): Pair {
  if (after === undefined) return { changed: undefined, removed: {} }
  return { changed: {}, removed: undefined }
}

function withSelf(tree: FieldTree | undefined): FieldTree {
  return tree ? { '.': {}, ...tree } : {}
}

/** How the two fall into parts; undefined when they are of one piece, or both are empty. */
function partsOf(type: MergeType, before: unknown, after: unknown): ((into: Pair) => void) | undefined {
  switch (type.kind) {
    case 'atomic':
      return undefined
    case 'deduced':
    case 'map': {
      const [old, next] = [isMap(before) ? before : undefined, isMap(after) ? after : undefined]
      if ((before !== undefined && before !== null && !old) || (after !== undefined && after !== null && !next)) return undefined
      if (isEmptyMap(old) && isEmptyMap(next)) return undefined
      const member = type.kind === 'map' ? type.member : () => type
      return (into) => compareMembers(member, old, next, into)
    }
    case 'set':
    case 'keyed': {
      const [old, next] = [asList(before), asList(after)]
      if (!old?.length && !next?.length) return undefined
      return (into) => compareItems(type, old ?? [], next ?? [], into)
    }
  }
}

function isEmptyMap(map: Members | undefined): boolean {
  for (const _ in map) return false
  return true
}

function asList(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? (value as unknown[]) : undefined
}

function compareItems(
  type: Extract<MergeType, { kind: 'set' | 'keyed' }>,
  before: readonly unknown[],
  after: readonly unknown[],
  into: Pair,
): void {
  const elementOf = type.kind === 'set' ? (item: unknown) => `v:${JSON.stringify(item)}` : (item: unknown) => keyElement(type.keys, item)
  const itemType: MergeType = type.kind === 'set' ? { kind: 'atomic' } : type.item
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
