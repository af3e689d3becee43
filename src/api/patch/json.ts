import type { JsonObject, JsonValue } from '../object.js'

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Sets an own member whatever its name: "__proto__" never reaches a prototype. */
export function setMember(object: JsonObject, key: string, value: JsonValue): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
  else object[key] = value
}

/** 'malformed': it is no patch (400); 'unprocessable': it is one, and the object does not fit it (422); 'too large' (413). */
export type PatchFault = 'malformed' | 'unprocessable' | 'too large'

/** A patch that cannot be applied. */
export class PatchError extends Error {
  override readonly name = 'PatchError'
  constructor(
    message: string,
    readonly fault: PatchFault = 'malformed',
  ) {
    super(message)
  }
}
