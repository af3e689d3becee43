import type { JsonObject, JsonValue } from '../object.js'

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Sets an own member whatever its name: "__proto__" never reaches a prototype. */
export function setMember(object: JsonObject, key: string, value: JsonValue): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
  else object[key] = value
}

/** A patch that cannot be applied. `unprocessable`: it was well formed, and the object does not fit it (422), else 400. */
export class PatchError extends Error {
  override readonly name = 'PatchError'
  constructor(
    message: string,
    readonly unprocessable = false,
  ) {
    super(message)
  }
}
