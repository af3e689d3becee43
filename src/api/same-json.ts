/** Deep equality of JSON values; a field that is undefined counts as absent. Order matters in arrays, not in objects. Pure. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b))
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => sameJson(item, b[index]))
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  for (const key of Object.keys(left)) if (!sameJson(left[key], right[key])) return false
  for (const key of Object.keys(right)) if (right[key] !== undefined && ownMember(left, key) === undefined) return false
  return true
}

/** A member by its name. What every object inherits is none of its members, whatever it is called; JSON has no functions. */
export function ownMember(object: Readonly<Record<string, unknown>>, name: string): unknown {
  const value = object[name]
  if (typeof value !== 'function' && name !== '__proto__') return value
  return Object.hasOwn(object, name) ? value : undefined
}
