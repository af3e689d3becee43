/**
 * Whether two JSON values say the same. What is undefined, null or an empty object or list counts as absent: Go's encoder writes
 * some of those out (`lastState: {}`) and the API does not tell them apart.
 */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (isAbsent(a) || isAbsent(b)) return isAbsent(a) && isAbsent(b)
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    return a.every((item, at) => jsonEqual(item, b[at]))
  }
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  for (const key of Object.keys(left)) if (!jsonEqual(left[key], right[key])) return false
  for (const key of Object.keys(right)) if (left[key] === undefined && !isAbsent(right[key])) return false
  return true
}

function isAbsent(value: unknown): boolean {
  if (value === undefined || value === null) return true
  if (typeof value !== 'object') return false
  if (Array.isArray(value)) return value.length === 0
  for (const _ in value) return false
  return true
}
