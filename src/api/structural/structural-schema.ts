/**
 * The schema of a custom resource (structural schemas, KEP-95) as what is done with it: dropping what it does not know,
 * filling in defaults, judging values. Compiled once to closures; a value is walked, never the schema.
 */
import { decode, DecodeError } from '../codec/decode.js'
import type { JsonObject, JsonValue, UnknownObject } from '../object.js'
import { typeSchema } from '../schema/schema.js'
import type { Fault } from '../status.js'
import type { JSONSchemaProps } from '../types/apiextensions-v1.js'
import { compileDefaults } from './defaults.js'
import { compilePruner } from './prune.js'
import { compileRules, type SchemaRules } from './rules/rules.js'
import { compileValidator, type PatternCompiler, validateWith } from './validate.js'

export interface StructuralSchema {
  /** The value, pruned in place, its metadata coerced. Throws DecodeError; calls `unknown` with the path of what was dropped. */
  decode(value: JsonValue, unknown?: (path: string) => void): UnknownObject
  /** Fills in what is missing, in place. */
  applyDefaults(object: UnknownObject): void
  validate(object: UnknownObject): Fault[]
  /** Its x-kubernetes-validations, evaluated on an object that is otherwise right; undefined: it has none. */
  readonly rules: SchemaRules | undefined
}

const objectMeta = () => typeSchema('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta')

export function compileStructural(schema: JSONSchemaProps, patterns: PatternCompiler): StructuralSchema {
  const prune = compilePruner(schema, 'root')
  const applyDefaults = compileDefaults(schema)
  const validator = compileValidator(schema, patterns)
  return {
    decode(value, unknown) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new DecodeError('', 'it is not a JSON object')
      const { metadata = {}, ...rest } = value
      const coerced = decode(objectMeta(), metadata, unknown && ((path) => unknown(`metadata.${path}`)))
      const object: JsonObject = { ...rest, metadata: coerced as JsonObject }
      prune(object, [], unknown)
      return object as unknown as UnknownObject
    },
    applyDefaults: (object) => applyDefaults(object as unknown as JsonValue),
    validate: (object) => validateWith(validator, object),
    rules: compileRules(schema, true),
  }
}
