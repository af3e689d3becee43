/** JSON merge patch (RFC 7386): null removes, objects merge, everything else replaces. Neither argument is changed. */
import type { JsonValue } from '../object.js'
import { isObject, setMember } from './json.js'

export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return patch
  const result: { [key: string]: JsonValue } = {}
  if (isObject(target))
    for (const key of Object.keys(target))
      if (patch[key] !== null || !Object.hasOwn(patch, key)) setMember(result, key, target[key] as JsonValue)
  for (const key of Object.keys(patch)) {
    const value = patch[key] as JsonValue
    if (value === null) continue
    setMember(result, key, mergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value))
  }
  return result
}
