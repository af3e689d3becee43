import { decode } from '../codec/decode.js'
import type { JsonObject, JsonValue } from '../object.js'
import { typeSchema } from '../schema/schema.js'
import type { JSONSchemaProps } from '../types/apiextensions-v1.js'
import { additionalOf, itemsOf, propertiesOf } from './members.js'
import { type Path, pathText } from './path.js'

/** Drops in place what the schema does not know, and nulls where it does not allow them; tells of each unknown path. */
export type Pruner = (value: JsonValue, path: Path, unknown?: (path: string) => void) => void

const objectMeta = () => typeSchema('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta')
const typeMembers = new Set(['apiVersion', 'kind', 'metadata'])

/** `place`: an embedded resource and the root know apiVersion, kind and metadata without being told. */
export function compilePruner(schema: JSONSchemaProps, place: 'root' | 'value' = 'value'): Pruner {
  const embedded = schema['x-kubernetes-embedded-resource'] === true
  const hasType = embedded || place === 'root'
  const keepsUnknown = schema['x-kubernetes-preserve-unknown-fields'] === true
  const members = new Map(propertiesOf(schema).map(([name, member]) => [name, lazily(member)]))
  const additional = additionalOf(schema)
  const pruneAdditional = additional && lazily(additional)
  const items = itemsOf(schema)
  const pruneItem = items && lazily(items)
  const pruneMember = (object: JsonObject, name: string, path: Path, unknown?: (path: string) => void) => {
    const member = members.get(name) ?? pruneAdditional
    const value = object[name] as JsonValue
    if (hasType && typeMembers.has(name)) return
    if (!member) {
      if (keepsUnknown) return
      unknown?.(pathText(path, name))
      delete object[name]
    } else if (value === null) {
      if (!member.nullable) delete object[name]
    } else if (typeof value === 'object') {
      path.push(name)
      member.prune(value, path, unknown)
      path.pop()
    }
  }
  return (value, path, unknown) => {
    if (Array.isArray(value)) {
      if (!pruneItem) return
      for (const [index, item] of value.entries()) {
        path.push(index)
        pruneItem.prune(item, path, unknown)
        path.pop()
      }
    } else if (typeof value === 'object' && value !== null) {
      if (embedded && value.metadata !== undefined) coerceMetadata(value, path, unknown)
      for (const name of Object.keys(value)) pruneMember(value, name, path, unknown)
    }
  }
}

interface Member {
  readonly nullable: boolean
  readonly prune: Pruner
}

/** Compiled on first use: most schemas are far larger than what objects have of them. */
function lazily(schema: JSONSchemaProps): Member {
  let prune: Pruner | undefined
  return {
    nullable: schema.nullable === true || schema['x-kubernetes-preserve-unknown-fields'] === true,
    prune(value, path, unknown) {
      prune ??= compilePruner(schema)
      prune(value, path, unknown)
    },
  }
}

function coerceMetadata(object: JsonObject, path: Path, unknown?: (path: string) => void): void {
  const at = pathText(path, 'metadata')
  object.metadata = decode(objectMeta(), object.metadata as JsonValue, unknown && ((inner) => unknown(`${at}.${inner}`))) as JsonObject
}
