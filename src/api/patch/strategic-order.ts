/** The order of a list after a strategic merge patch (design: preserve order in strategic merge patch). */
import type { JsonValue } from '../object.js'

/** What tells an item from others; undefined: nothing does. */
export type ItemKey = (item: JsonValue) => JsonValue | undefined

/**
 * The items that the patch names are in its order, the others in the order of the live list. The two are put together so that the
 * live order holds where it speaks of both; what it does not know comes before the others.
 */
export function mergeOrder(
  merged: readonly JsonValue[],
  patchOrder: readonly JsonValue[],
  liveOrder: readonly JsonValue[],
  keyOf: ItemKey,
): JsonValue[] {
  const [inPatch, inLive] = [positions(patchOrder, keyOf), positions(liveOrder, keyOf)]
  const ranked = merged.map((item) => ({ item, patch: inPatch.get(keyOf(item)) ?? -1, live: inLive.get(keyOf(item)) ?? -1 }))
  const mine = ranked.filter(({ patch }) => patch >= 0).sort((a, b) => a.patch - b.patch)
  const others = ranked.filter(({ patch }) => patch < 0).sort((a, b) => (a.live < 0 || b.live < 0 ? 0 : a.live - b.live))
  const result: JsonValue[] = []
  let [m, o] = [0, 0]
  while (m < mine.length || o < others.length) {
    const [next, other] = [mine[m], others[o]]
    const otherFirst = !next || (other !== undefined && other.live >= 0 && next.live >= 0 && other.live < next.live)
    const taken = otherFirst ? others[o++] : mine[m++]
    if (taken) result.push(taken.item)
  }
  return result
}

function positions(list: readonly JsonValue[], keyOf: ItemKey): ReadonlyMap<JsonValue | undefined, number> {
  const known = new Map<JsonValue | undefined, number>()
  for (const [index, item] of list.entries()) {
    const key = keyOf(item)
    if (key !== undefined && !known.has(key)) known.set(key, index)
  }
  return known
}
