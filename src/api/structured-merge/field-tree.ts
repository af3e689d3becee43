/**
 * A set of fields in the form of FieldsV1: member names as "f:name", items as "k:{keys}" or "v:value". An empty node is in the set
 * itself; a node with members is when it has the member ".". Sets are never changed: every function shares what it can with its
 * arguments.
 */
import { elementText } from './elements.js'
import type { MergeType } from './merge-type.js'

export interface FieldTree {
  [element: string]: FieldTree
}

const self = '.'
/** The field itself and nothing below it. Shared by all. */
export const leaf: FieldTree = Object.freeze({})

export function isLeaf(tree: FieldTree): boolean {
  for (const _ in tree) return false
  return true
}

export function isMember(tree: FieldTree): boolean {
  return self in tree || isLeaf(tree)
}

/** The same with the node itself in it. */
export function withSelf(tree: FieldTree | undefined): FieldTree {
  if (!tree) return leaf
  return isMember(tree) ? tree : { [self]: leaf, ...tree }
}

/** A node that holds nothing besides itself is a plain field. */
export function trimmed(tree: FieldTree | undefined): FieldTree | undefined {
  return tree && isOnlySelf(tree) ? leaf : tree
}

function isOnlySelf(tree: FieldTree): boolean {
  for (const element in tree) if (element !== self) return false
  return self in tree
}

/** Everything in either. */
export function union(a: FieldTree, b: FieldTree): FieldTree {
  if (a === b) return a
  const [aLeaf, bLeaf] = [isLeaf(a), isLeaf(b)]
  if (aLeaf && bLeaf) return a
  if (aLeaf || bLeaf) return withSelf(aLeaf ? b : a)
  let result: FieldTree | undefined
  for (const element in b) {
    const other = a[element]
    const both = other ? union(other, b[element] as FieldTree) : (b[element] as FieldTree)
    if (both !== other) (result ??= { ...a })[element] = both
  }
  return result ?? a
}

/** What is in the first and not in the second; undefined when nothing is left. */
export function difference(a: FieldTree, b: FieldTree): FieldTree | undefined {
  const isInA = isMember(a)
  const isInB = isMember(b)
  let result: FieldTree | undefined
  let changed = isInA && isInB
  if (isInA && !isInB && !isLeaf(a)) result = { [self]: leaf }
  for (const element in a) {
    if (element === self) continue
    const mine = a[element] as FieldTree
    const theirs = b[element]
    const left = theirs ? difference(mine, theirs) : mine
    if (left !== mine) changed = true
    if (left) (result ??= {})[element] = left
  }
  if (!changed) return a
  return trimmed(result)
}

/** What is in both; undefined when nothing is. */
export function intersection(a: FieldTree, b: FieldTree): FieldTree | undefined {
  if (a === b) return a
  let result: FieldTree | undefined = isMember(a) && isMember(b) ? { [self]: leaf } : undefined
  for (const element in a) {
    const other = element === self ? undefined : b[element]
    const both = other && intersection(a[element] as FieldTree, other)
    if (both) (result ??= {})[element] = both
  }
  return trimmed(result)
}

/** True when nothing is in the first that is not in the second. */
export function isSubset(a: FieldTree, b: FieldTree): boolean {
  if (a === b) return true
  if (isMember(a) && !isMember(b)) return false
  for (const element in a) {
    if (element === self) continue
    const other = b[element]
    if (!other || !isSubset(a[element] as FieldTree, other)) return false
  }
  return true
}

export function hasPath(tree: FieldTree, path: readonly string[]): boolean {
  const end = subtree(tree, path)
  return end !== undefined && isMember(end)
}

function subtree(tree: FieldTree, path: readonly string[]): FieldTree | undefined {
  let at: FieldTree | undefined = tree
  for (const element of path) at = at?.[element]
  return at
}

/** The set of one field. */
export function setOfPath(path: readonly string[]): FieldTree {
  return path.reduceRight<FieldTree>((below, element) => ({ [element]: below }), leaf)
}

/** The paths of all members as messages have them. */
export function pathTexts(tree: FieldTree, at = '', into: string[] = []): string[] {
  if (at !== '' && isMember(tree)) into.push(at)
  for (const element in tree) if (element !== self) pathTexts(tree[element] as FieldTree, at + elementText(element), into)
  return into
}

/**
 * The set with every member on the way to one that its schema names: of a struct's member that holds something the member itself
 * is owned too, of the key of a map only when it says so.
 */
export function withNamedFields(tree: FieldTree, type: MergeType | undefined): FieldTree {
  let result: FieldTree | undefined
  for (const element in tree) {
    const inner = tree[element] as FieldTree
    if (element === self || isLeaf(inner)) continue
    const named = element.startsWith('f:') ? type?.map?.declared(element.slice(2)) : undefined
    const below = element.startsWith('f:') ? (named ?? type?.map?.others()) : type?.list?.item()
    const wider = withNamedFields(inner, below)
    const next = named ? withSelf(wider) : wider
    if (next !== inner) (result ??= { ...tree })[element] = next
  }
  return result ?? tree
}

/** Whether a value that a client sent is a set of fields: its members are named as fields, keys, values or indexes are. */
export function isFieldTree(value: unknown): value is FieldTree {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  for (const element in value)
    if (!(element === self || /^[fkvi]:/.test(element)) || !isFieldTree((value as FieldTree)[element])) return false
  return true
}

/**
 * The set as its schema has it now: what has become one piece since is owned as a whole by whoever owned a part of it. (What has
 * ceased to be one is owned as it was.)
 */
export function reconciled(tree: FieldTree, type: MergeType | undefined): FieldTree {
  let result: FieldTree | undefined
  for (const element in tree) {
    const inner = tree[element] as FieldTree
    if (element === self || isLeaf(inner)) continue
    const below = element.startsWith('f:')
      ? (type?.map?.declared(element.slice(2)) ?? type?.map?.others())
      : type?.list?.relation === 'keyed'
        ? type.list.item()
        : undefined
    // Of what is deduced from the value nothing can have changed.
    if (!below || (below.scalar && below.map)) continue
    const isAtomic = below.map ? below.map.isAtomic : below.list?.relation === 'atomic'
    const next = isAtomic ? leaf : reconciled(inner, below)
    if (next !== inner) (result ??= { ...tree })[element] = next
  }
  return result ?? tree
}
