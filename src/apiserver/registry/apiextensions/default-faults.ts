/** Defaults that would not be accepted if a client sent them (KEP-95 "Defaulting"): unknown members, what the schema or a rule refuses. */
import { patternOf } from '../../../api/cel/patterns.js'
import type { JsonValue } from '../../../api/object.js'
import { sameJson } from '../../../api/same-json.js'
import { itemsOf, propertiesOf } from '../../../api/structural/members.js'
import { compilePruner } from '../../../api/structural/prune.js'
import { compileRules } from '../../../api/structural/rules/rules.js'
import { compileValidator, type PatternCompiler, validateWith } from '../../../api/structural/validate.js'
import type { Fault } from '../../../api/status.js'
import type { JSONSchemaProps } from '../../../api/types/apiextensions-v1.js'

type Schema = JSONSchemaProps

const patterns: PatternCompiler = (source) => {
  const pattern = patternOf(source)
  return typeof pattern === 'string' ? () => true : (text) => pattern.test(text)
}

/** Defaults below additionalProperties are refused elsewhere. */
export function defaultFaults(schema: Schema, path: string, root = true): Fault[] {
  const own = schema.default
  const items = itemsOf(schema)
  return [
    ...(own === undefined || own === null ? [] : valueFaults(schema, own, `${path}.default`, root)),
    ...(items ? defaultFaults(items, `${path}.items`, false) : []),
    ...propertiesOf(schema).flatMap(([name, member]) => defaultFaults(member, `${path}.properties[${name}]`, false)),
  ]
}

function valueFaults(schema: Schema, value: unknown, path: string, root: boolean): Fault[] {
  const isResource = root || schema['x-kubernetes-embedded-resource'] === true
  const pruned = structuredClone(value) as JsonValue
  compilePruner(schema, isResource ? 'root' : 'value')(pruned, [])
  const unknown: Fault[] = sameJson(pruned, value)
    ? []
    : [{ path, reason: 'FieldValueInvalid', value, detail: 'must not have unknown fields' }]
  const nameless = isResource ? typeFaults(value, path) : []
  const { default: _, ...rest } = schema
  const shape = validateWith(compileValidator(rest, patterns), value).map((fault) => ({ ...fault, path: below(path, fault.path) }))
  const found = [...unknown, ...nameless, ...shape]
  return found.length > 0 ? found : brokenRules(schema, value, path, root)
}

function typeFaults(value: unknown, path: string): Fault[] {
  if (typeof value !== 'object' || value === null) return []
  const missing = (['apiVersion', 'kind'] as const).filter((name) => !(value as Record<string, unknown>)[name])
  return missing.map((name) => ({ path: `${path}.${name}`, reason: 'FieldValueRequired', detail: 'must not be empty' }))
}

function below(path: string, inner: string): string {
  if (inner === '' || inner === '<nil>') return path
  return inner.startsWith('[') ? `${path}${inner}` : `${path}.${inner}`
}

/** A default must be right when it has been there before, and when it is there from the start. */
function brokenRules(schema: Schema, value: unknown, path: string, root: boolean): Fault[] {
  const rules = compileRules(schema, root)
  const unchanged = rules?.validate(value, value, path) ?? []
  // What is unchanged is forgiven, so a rule is asked of a new value as well.
  return unchanged.length > 0 ? unchanged : (rules?.validate(value, undefined, path) ?? [])
}
