/**
 * What the expressions of MutatingAdmissionPolicies make (KEP-3962): `Object{spec: Object.spec{...}}` and `JSONPatch{...}`. Of the
 * types below Object only the names are known, which are the path of the member they stand at.
 */
import { traversalCost } from '../cost.js'
import { equals } from '../equality.js'
import { fn, global, type Library, type StructDeclaration } from '../functions.js'
import { dynType, type FieldType, type ObjectType, objectType, stringType } from '../types.js'
import { durationText, timestampText } from '../time.js'
import {
  CelDouble,
  CelDuration,
  CelError,
  CelList,
  CelMap,
  CelObject,
  CelOptional,
  CelTimestamp,
  CelUint,
  type CelValue,
} from '../values.js'
import type { JsonValue } from '../../object.js'
import { setMember } from '../../patch/json.js'
import { JsonObject } from './json-values.js'

class MadeObject extends CelObject {
  constructor(
    readonly type: ObjectType,
    readonly members: ReadonlyMap<string, CelValue>,
  ) {
    super()
  }
  get(field: string): CelValue | undefined {
    return this.members.get(field)
  }
  override fields(): readonly string[] {
    return [...this.members.keys()]
  }
  equals(other: CelValue): boolean {
    if (!(other instanceof MadeObject) || other.members.size !== this.members.size) return false
    return [...this.members].every(([name, value]) => {
      const found = other.members.get(name)
      return found !== undefined && equals(value, found)
    })
  }
}

/** Every member that is asked for is there, and can be anything. */
class AnyFields extends Map<string, FieldType> {
  override get(): FieldType {
    return { type: dynType }
  }
  override has(): boolean {
    return true
  }
}

const types = new Map<string, StructDeclaration>()

function madeType(name: string): StructDeclaration {
  let found = types.get(name)
  if (!found) {
    const type: ObjectType = { kind: 'object', name, fields: new AnyFields() }
    found = {
      type,
      create(fields) {
        for (const [field, value] of fields) {
          const wrong = misplaced(value, `${name}.${field}`)
          if (wrong !== undefined) return new CelError(`unexpected type name ${JSON.stringify(wrong)}, expected "${name}.${field}"`)
        }
        return new MadeObject(type, fields)
      },
    }
    if (types.size < typesMax) types.set(name, found)
  }
  return found
}

/** Names come out of policies, which are few; beyond this they are made anew. */
const typesMax = 10_000

/** The name of an object in a value whose name is not that of its place. */
function misplaced(value: CelValue, place: string): string | undefined {
  if (value instanceof MadeObject) return value.type.name === place || value.type === patchType ? undefined : value.type.name
  if (value instanceof CelList) return firstOf(value.values(), place)
  return value instanceof CelMap
    ? firstOf(
        value.keys().map((key) => value.get(key) as CelValue),
        place,
      )
    : undefined
}

function firstOf(values: readonly CelValue[], place: string): string | undefined {
  for (const value of values) {
    const found = misplaced(value, place)
    if (found !== undefined) return found
  }
  return undefined
}

export const objectTypeName = 'Object'
export const madeObjectType = madeType(objectTypeName).type
export const patchType = objectType('JSONPatch', { op: stringType, path: stringType, from: stringType, value: dynType })

const patchDeclaration: StructDeclaration = { type: patchType, create: (fields) => new MadeObject(patchType, fields) }

/** "Object", "Object.spec.template", "JSONPatch". */
export function mutationStruct(name: string): StructDeclaration | undefined {
  if (name === patchType.name) return patchDeclaration
  return name === objectTypeName || name.startsWith(`${objectTypeName}.`) ? madeType(name) : undefined
}

const escapeKey = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1')

export const jsonPatchLibrary: Library = {
  functions: [
    fn(
      'jsonpatch.escapeKey',
      global('string_jsonpatch_escapeKey_string', [stringType], stringType, escapeKey, traversalCost(0, { keepsSize: true })),
    ),
  ],
}

/** Throws an Error when the value is none that JSON has. */
export function jsonOf(value: CelValue): JsonValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string' || typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof CelDouble) return value.value
  if (value instanceof CelUint) return Number(value.value)
  if (value instanceof CelTimestamp) return timestampText(value)
  if (value instanceof CelDuration) return durationText(value)
  if (value instanceof Uint8Array) return btoa(String.fromCharCode(...value))
  if (value instanceof CelList) return value.values().map(jsonOf)
  if (value instanceof CelMap) return membersOf(value.keys().map((key) => [String(key), value.get(key) as CelValue]))
  if (value instanceof JsonObject) return structuredClone(value.raw) as JsonValue
  if (value instanceof MadeObject) return membersOf([...value.members])
  throw new Error(value instanceof CelError ? value.message : 'the value cannot be written as JSON')
}

function membersOf(entries: readonly (readonly [string, CelValue])[]): JsonValue {
  const made = {}
  for (const [name, value] of entries) {
    // What an optional does not have is not there.
    const plain = value instanceof CelOptional ? value.value : value
    if (plain !== undefined) setMember(made, name, jsonOf(plain))
  }
  return made
}
