/**
 * A set of fields in the form of FieldsV1: member names as "f:name", items as "k:{keys}" or "v:value". An empty node is in the set
 * itself; a node with members is when it has the member ".".
 */
export interface FieldTree {
  [element: string]: FieldTree
}

const self = '.'

function isLeaf(tree: FieldTree): boolean {
  for (const _ in tree) return false
  return true
}

/** Everything in either. Shares with both: neither may be changed afterwards. */
export function union(a: FieldTree, b: FieldTree): FieldTree {
  if (a === b) return a
  const [aLeaf, bLeaf] = [isLeaf(a), isLeaf(b)]
  if (aLeaf && bLeaf) return a
  if (aLeaf || bLeaf) {
    const full = aLeaf ? b : a
    return self in full ? full : { [self]: {}, ...full }
  }
  const result: FieldTree = { ...a }
  for (const element in b) {
    const other = result[element]
    result[element] = other ? union(other, b[element] as FieldTree) : (b[element] as FieldTree)
  }
  return result
}

/** What is in the first and not in the second; undefined when nothing is left. */
export function difference(a: FieldTree, b: FieldTree): FieldTree | undefined {
  const isInA = isLeaf(a) || self in a
  const isInB = isLeaf(b) || self in b
  let result: FieldTree | undefined
  let changed = isInA && isInB
  if (isInA && !isInB && !isLeaf(a)) result = { [self]: {} }
  for (const element in a) {
    if (element === self) continue
    const mine = a[element] as FieldTree
    const theirs = b[element]
    const left = theirs ? difference(mine, theirs) : mine
    if (left !== mine) changed = true
    if (left) (result ??= {})[element] = left
  }
  if (!changed) return a
  if (isInA && !isInB && !result) return {}
  return result && isOnlySelf(result) ? {} : result
}

function isOnlySelf(tree: FieldTree): boolean {
  for (const element in tree) if (element !== self) return false
  return self in tree
}
