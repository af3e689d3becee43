/** An object with what a configuration says put over it (structured merge's Merge). Shares with both: neither may be changed after. */
import { setMember } from '../patch/json.js'
import type { JsonObject, JsonValue } from '../object.js'
import { isEmptyMap, isFaulty, isMap, isSameItem, itemElement, type Members } from './elements.js'
import type { ListType, MapType, MergeType } from './merge-type.js'

export function mergeObjects(type: MergeType, live: Members, configuration: Members): Members {
  return mergeValues(type, live, configuration) as Members
}

function mergeValues(type: MergeType, live: unknown, wanted: unknown): unknown {
  if (wanted === undefined || wanted === live) return live
  if (live === undefined) return wanted
  if (type.map && !type.map.isAtomic) {
    // A null takes nothing away from a map that holds something.
    if (wanted === null && isMap(live) && !isEmptyMap(live)) return live
    if (isMap(live) && isMap(wanted) && !isEmptyMap(live)) return isEmptyMap(wanted) ? live : mergeMaps(type.map, live, wanted)
  }
  if (type.list && type.list.relation !== 'atomic' && Array.isArray(live)) {
    if (wanted === null && live.length > 0 && !type.map) return live
    if (Array.isArray(wanted)) return wanted.length === 0 && live.length > 0 ? live : mergeLists(type.list, live, wanted)
  }
  return wanted
}

function mergeMaps(type: MapType, live: Members, wanted: Members): Members {
  let result: JsonObject | undefined
  for (const name of Object.keys(wanted)) {
    const inner = type.declared(name) ?? type.others() ?? {}
    const old = Object.hasOwn(live, name) ? live[name] : undefined
    const merged = mergeValues(inner, old, wanted[name])
    if (merged === old) continue
    result ??= { ...live } as JsonObject
    setMember(result, name, merged as JsonValue)
  }
  return result ?? live
}

/**
 * Items of both lists, each once. Those that both have come in the configuration's order; the others keep their place after what
 * they followed, the live ones first.
 */
function mergeLists(type: ListType, live: readonly unknown[], wanted: readonly unknown[]): readonly unknown[] {
  if (live.length === wanted.length && live.every((item, index) => isSameItem(type, item, wanted[index]))) {
    const itemType = type.item()
    const merged = live.map((item, index) => mergeValues(itemType, item, wanted[index]))
    return merged.every((item, index) => item === live[index]) ? live : merged
  }
  const old = indexed(type, live)
  const next = indexed(type, wanted)
  const itemType = type.item()
  const shared = next.elements.filter((element) => old.items.has(element))
  const merged = new Set<string>()
  const result: unknown[] = []
  const take = (element: string) => {
    merged.add(element)
    result.push(mergeValues(itemType, old.items.get(element), next.items.get(element)))
    if (shared[0] === element) shared.shift()
  }
  let [l, r] = [0, 0]
  while (l < old.elements.length || r < next.elements.length) {
    const mine = old.elements[l]
    const theirs = next.elements[r]
    if (mine !== undefined && theirs !== undefined) {
      if (mine === theirs) {
        take(mine)
        l++
        r++
        continue
      }
      // In both, but not the one whose turn it is.
      if (next.items.has(mine) && shared[0] !== undefined && shared[0] !== mine) {
        l++
        continue
      }
    }
    if (mine !== undefined) {
      if (!next.items.has(mine)) {
        result.push(old.values[l])
        l++
        continue
      }
      if (merged.has(mine)) {
        l++
        if (theirs === undefined) continue
      }
    }
    if (theirs !== undefined) {
      take(theirs)
      r++
    }
  }
  return result
}

interface Indexed {
  readonly elements: readonly string[]
  /** In the order of the elements. */
  readonly values: readonly unknown[]
  /** undefined: the item is there more than once. */
  readonly items: ReadonlyMap<string, unknown>
}

function indexed(type: ListType, list: readonly unknown[]): Indexed {
  const elements: string[] = []
  const values: unknown[] = []
  const items = new Map<string, unknown>()
  for (const item of list) {
    const element = itemElement(type, item)
    if (isFaulty(element)) continue
    items.set(element, items.has(element) ? undefined : item)
    elements.push(element)
    values.push(item)
  }
  return { elements, values, items }
}
