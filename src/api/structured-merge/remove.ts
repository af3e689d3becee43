/** An object without the fields of a set (structured merge's RemoveItems). Shares with it: it may not be changed after. */
import { setMember } from '../patch/json.js'
import type { JsonObject, JsonValue } from '../object.js'
import { isEmptyMap, isFaulty, itemElement, type Members } from './elements.js'
import { type FieldTree, isLeaf, isMember } from './field-tree.js'
import type { ListType, MapType, MergeType } from './merge-type.js'

export function removeFields(type: MergeType, object: Members, gone: FieldTree): Members {
  return (removeFrom(type, object, gone) ?? {}) as Members
}

/** A container that loses everything becomes null. */
function removeFrom(type: MergeType, value: unknown, gone: FieldTree): unknown {
  if (Array.isArray(value)) {
    if (!type.list || value.length === 0 || type.list.relation === 'atomic') return null
    return removeItems(type.list, value, gone)
  }
  if (typeof value === 'object' && value !== null) {
    if (!type.map || isEmptyMap(value as Members) || type.map.isAtomic) return null
    return removeMembers(type.map, value as Members, gone)
  }
  return value
}

function removeItems(type: ListType, items: readonly unknown[], gone: FieldTree): unknown {
  const result: unknown[] = []
  let changed = false
  for (const item of items) {
    const element = itemElement(type, item)
    const inner = isFaulty(element) ? undefined : gone[element]
    if (inner && isMember(inner)) {
      changed = true
      continue
    }
    const left = inner && !isLeaf(inner) ? removeFrom(type.item(), item, inner) : item
    if (left !== item) changed = true
    result.push(left)
  }
  if (!changed) return items
  return result.length > 0 ? result : null
}

function removeMembers(type: MapType, members: Members, gone: FieldTree): unknown {
  const result: JsonObject = {}
  let [changed, empty] = [false, true]
  for (const name of Object.keys(members)) {
    const inner = gone[`f:${name}`]
    if (inner && isMember(inner)) {
      changed = true
      continue
    }
    const value = members[name]
    const left = inner && !isLeaf(inner) ? removeFrom(type.declared(name) ?? type.others() ?? {}, value, inner) : value
    if (left !== value) changed = true
    empty = false
    setMember(result, name, left as JsonValue)
  }
  if (!changed) return members
  return empty ? null : result
}
