import type { JsonObject, JsonValue } from '../object.js'
import type { JSONSchemaProps } from '../types/apiextensions-v1.js'
import { additionalOf, itemsOf, propertiesOf } from './members.js'

type Defaulter = (value: JsonValue) => void

/** Fills in defaults, in place; undefined when there are none below this schema. */
function compile(schema: JSONSchemaProps): Defaulter | undefined {
  const members = propertiesOf(schema).flatMap(([name, member]): [string, JsonValue | undefined, Defaulter | undefined][] => {
    const inner = compile(member)
    const standard = member.default as JsonValue | undefined
    return inner || standard !== undefined ? [[name, standard, inner]] : []
  })
  const known = new Set(propertiesOf(schema).map(([name]) => name))
  const additional = additionalOf(schema)
  const inAdditional = additional && compile(additional)
  const items = itemsOf(schema)
  const inItems = items && compile(items)
  if (members.length === 0 && !inAdditional && !inItems) return undefined
  return (value) => {
    if (Array.isArray(value)) {
      if (inItems) for (const item of value) inItems(item)
      return
    }
    if (typeof value !== 'object' || value === null) return
    const object: JsonObject = value
    for (const [name, standard, inner] of members) {
      if (object[name] === undefined && standard !== undefined) object[name] = structuredClone(standard)
      if (object[name] !== undefined) inner?.(object[name])
    }
    if (inAdditional) for (const name of Object.keys(object)) if (!known.has(name)) inAdditional(object[name] as JsonValue)
  }
}

export function compileDefaults(schema: JSONSchemaProps): Defaulter {
  return compile(schema) ?? (() => undefined)
}
