/**
 * Values against a schema, with the causes that the API server tells of. A compound schema that fails (oneOf, anyOf, not) is a
 * fault of the object as a whole, as upstream has it: its path is "<nil>".
 */
import type { Fault } from '../status.js'
import type { JSONSchemaProps } from '../types/apiextensions-v1.js'
import { stringFormats } from './formats.js'
import { additionalOf, itemsOf, propertiesOf } from './members.js'
import { type Path, pathText } from './path.js'

/** Compiles a pattern of RE2 syntax; the result tells whether a text has a match anywhere. */
export type PatternCompiler = (pattern: string) => (text: string) => boolean

export interface Context {
  readonly path: Path
  readonly faults: Fault[]
}

type Validator = (value: unknown, context: Context) => void

const wholeObject = '<nil>'

export function validateWith(validator: Validator, object: unknown): Fault[] {
  const context: Context = { path: [], faults: [] }
  validator(object, context)
  return context.faults
}

export function compileValidator(schema: JSONSchemaProps, patterns: PatternCompiler): Validator {
  const hasType = typeValidator(schema)
  const checks = [
    ...enumChecks(schema),
    ...stringChecks(schema, patterns),
    ...numberChecks(schema),
    ...arrayChecks(schema, patterns),
    ...objectChecks(schema, patterns),
    ...compoundChecks(schema, patterns),
  ]
  const nullable = schema.nullable === true
  return (value, context) => {
    if (value === undefined || (value === null && nullable)) return
    if (hasType && !hasType(value, context)) return
    for (const check of checks) check(value, context)
  }
}

function fault({ faults, path }: Context, reason: Fault['reason'], value: unknown, detail: string): void {
  faults.push({ path: pathText(path) || wholeObject, reason, value, detail })
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function typeValidator(schema: JSONSchemaProps): ((value: unknown, context: Context) => boolean) | undefined {
  const { type } = schema
  const intOrString = schema['x-kubernetes-int-or-string'] === true
  if (!type && !intOrString) return undefined
  return (value, context) => {
    const actual = typeOf(value)
    if (intOrString ? actual === 'integer' || actual === 'string' : actual === type || (type === 'number' && actual === 'integer'))
      return true
    const wanted = intOrString ? 'integer,string' : type
    fault(context, 'FieldValueTypeInvalid', value, `${pathText(context.path) || 'body'} in body must be of type ${wanted}: "${actual}"`)
    return false
  }
}

function enumChecks({ enum: values }: JSONSchemaProps): Validator[] {
  if (!values?.length) return []
  const known = new Set(values.map((value) => JSON.stringify(value)))
  const supported = values.map((value) => JSON.stringify(value)).join(', ')
  return [
    (value, context) => {
      if (!known.has(JSON.stringify(value))) fault(context, 'FieldValueNotSupported', value, `supported values: ${supported}`)
    },
  ]
}

function stringChecks({ maxLength, minLength, pattern, format }: JSONSchemaProps, patterns: PatternCompiler): Validator[] {
  const checks: ((text: string, context: Context) => void)[] = []
  // Characters are code points.
  const lengthOf = (text: string) => (text.length > 0 ? Array.from(text).length : 0)
  if (maxLength !== undefined)
    checks.push((text, context) => {
      if (text.length > maxLength && lengthOf(text) > maxLength)
        fault(context, 'FieldValueTooLong', text, `may not be more than ${maxLength} bytes`)
    })
  if (minLength !== undefined)
    checks.push((text, context) => {
      if (lengthOf(text) < minLength)
        fault(context, 'FieldValueInvalid', text, `${pathText(context.path)} in body should be at least ${minLength} chars long`)
    })
  if (pattern !== undefined && pattern !== '') {
    let matches: ((text: string) => boolean) | undefined
    checks.push((text, context) => {
      matches ??= patterns(pattern)
      if (!matches(text)) fault(context, 'FieldValueInvalid', text, `${pathText(context.path)} in body should match '${pattern}'`)
    })
  }
  const isOfFormat = format !== undefined && Object.hasOwn(stringFormats, format) ? stringFormats[format] : undefined
  if (isOfFormat)
    checks.push((text, context) => {
      if (!isOfFormat(text))
        fault(
          context,
          'FieldValueTypeInvalid',
          text,
          `${pathText(context.path)} in body must be of type ${format}: ${JSON.stringify(text)}`,
        )
    })
  if (checks.length === 0) return []
  return [
    (value, context) => {
      if (typeof value === 'string') for (const check of checks) check(value, context)
    },
  ]
}

const bounds: Readonly<Record<string, readonly [number, number]>> = { int32: [-(2 ** 31), 2 ** 31 - 1], int64: [-(2 ** 63), 2 ** 63] }

function numberChecks(schema: JSONSchemaProps): Validator[] {
  const { maximum, minimum, multipleOf, exclusiveMaximum, exclusiveMinimum, format, type } = schema
  const checks: ((value: number, context: Context) => void)[] = []
  const at = ({ path }: Context) => pathText(path)
  if (maximum !== undefined)
    checks.push((value, context) => {
      if (exclusiveMaximum ? value >= maximum : value > maximum)
        fault(
          context,
          'FieldValueInvalid',
          value,
          `${at(context)} in body should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`,
        )
    })
  if (minimum !== undefined)
    checks.push((value, context) => {
      if (exclusiveMinimum ? value <= minimum : value < minimum)
        fault(
          context,
          'FieldValueInvalid',
          value,
          `${at(context)} in body should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`,
        )
    })
  if (multipleOf !== undefined && multipleOf > 0)
    checks.push((value, context) => {
      const times = value / multipleOf
      if (Math.abs(times - Math.round(times)) > 1e-9 * Math.max(1, Math.abs(times)))
        fault(context, 'FieldValueInvalid', value, `${at(context)} in body should be a multiple of ${multipleOf}`)
    })
  const range = type === 'integer' && format !== undefined ? bounds[format] : undefined
  if (range)
    checks.push((value, { faults }) => {
      if (value < range[0] || value > range[1])
        faults.push({
          path: wholeObject,
          reason: 'FieldValueInvalid',
          value: '',
          detail: `Checked value must be of type ${type} with format ${format}`,
        })
    })
  if (checks.length === 0) return []
  return [
    (value, context) => {
      if (typeof value === 'number') for (const check of checks) check(value, context)
    },
  ]
}

function arrayChecks(schema: JSONSchemaProps, patterns: PatternCompiler): Validator[] {
  const { maxItems, minItems } = schema
  const items = itemsOf(schema)
  const item = items && compileLazily(items, patterns)
  const keyOf = uniqueKey(schema)
  if (!item && maxItems === undefined && minItems === undefined && !keyOf) return []
  return [
    (value, context) => {
      if (!Array.isArray(value)) return
      const { path } = context
      if (maxItems !== undefined && value.length > maxItems)
        fault(context, 'FieldValueTooMany', value.length, `must have at most ${maxItems} items`)
      if (minItems !== undefined && value.length < minItems)
        fault(context, 'FieldValueInvalid', value, `${pathText(path)} in body should have at least ${minItems} items`)
      const seen = new Set<string>()
      for (let i = 0; i < value.length; i++) {
        path.push(i)
        item?.(value[i], context)
        const key = keyOf?.(value[i])
        if (key !== undefined && seen.size === seen.add(key).size) fault(context, 'FieldValueDuplicate', value[i], '')
        path.pop()
      }
    },
  ]
}

/** What no two items of a set or map list may share (KEP-2066 list types). */
function uniqueKey(schema: JSONSchemaProps): ((item: unknown) => string | undefined) | undefined {
  const listType = schema['x-kubernetes-list-type']
  if (listType === 'set' || schema.uniqueItems === true) return (item) => JSON.stringify(item)
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  if (listType !== 'map' || keys.length === 0) return undefined
  return (item) =>
    typeof item === 'object' && item !== null
      ? JSON.stringify(keys.map((key) => (item as Record<string, unknown>)[key] ?? null))
      : undefined
}

function objectChecks(schema: JSONSchemaProps, patterns: PatternCompiler): Validator[] {
  const { required, maxProperties, minProperties } = schema
  const members = new Map(propertiesOf(schema).map(([name, member]) => [name, compileLazily(member, patterns)]))
  const additionalSchema = additionalOf(schema)
  const additional = additionalSchema && compileLazily(additionalSchema, patterns)
  const needed = [...new Set([...(required ?? []), ...(schema['x-kubernetes-embedded-resource'] ? ['apiVersion', 'kind'] : [])])]
  if (members.size === 0 && !additional && needed.length === 0 && maxProperties === undefined && minProperties === undefined) return []
  return [
    (value, context) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return
      const object = value as Record<string, unknown>
      const { path, faults } = context
      const names = Object.keys(object)
      if (maxProperties !== undefined && names.length > maxProperties)
        fault(context, 'FieldValueTooMany', names.length, `must have at most ${maxProperties} items`)
      if (minProperties !== undefined && names.length < minProperties)
        fault(context, 'FieldValueInvalid', value, `${pathText(path)} in body should have at least ${minProperties} properties`)
      for (const name of needed)
        if (!Object.hasOwn(object, name)) faults.push({ path: pathText(path, name), reason: 'FieldValueRequired', detail: '' })
      for (const name of names) {
        const check = members.get(name) ?? additional
        if (!check) continue
        path.push(name)
        check(object[name], context)
        path.pop()
      }
    },
  ]
}

function compoundChecks(schema: JSONSchemaProps, patterns: PatternCompiler): Validator[] {
  const compile = (schemas: readonly JSONSchemaProps[] = []) => schemas.map((each) => compileLazily(each, patterns))
  const [all, any, one] = [compile(schema.allOf), compile(schema.anyOf), compile(schema.oneOf)]
  const not = schema.not && compileLazily(schema.not, patterns)
  const compound = ({ faults }: Context, detail: string) =>
    faults.push({ path: wholeObject, reason: 'FieldValueInvalid', value: '', detail })
  const outcomes = (checks: readonly Validator[], value: unknown, { path }: Context) =>
    checks.map((check) => {
      const faults: Fault[] = []
      check(value, { path, faults })
      return faults
    })
  const checks: Validator[] = [...all]
  if (any.length > 0)
    checks.push((value, context) => {
      const found = outcomes(any, value, context)
      if (found.some((faults) => faults.length === 0)) return
      compound(context, `${pathText(context.path)} in body must validate at least one schema (anyOf)`)
      context.faults.push(...(closest(found) ?? []))
    })
  if (one.length > 0)
    checks.push((value, context) => {
      const found = outcomes(one, value, context)
      const matching = found.filter((faults) => faults.length === 0).length
      if (matching === 1) return
      compound(context, `${pathText(context.path)} in body must validate one and only one schema (oneOf)`)
      if (matching === 0) context.faults.push(...(closest(found) ?? []))
    })
  if (not)
    checks.push((value, context) => {
      if (outcomes([not], value, context)[0]?.length === 0)
        compound(context, `${pathText(context.path)} in body must not validate the schema (not)`)
    })
  return checks
}

/** The faults of the alternative that was missed by least: what the author most likely meant. */
function closest(found: readonly Fault[][]): Fault[] | undefined {
  return found.reduce<Fault[] | undefined>((best, faults) => (!best || faults.length < best.length ? faults : best), undefined)
}

function compileLazily(schema: JSONSchemaProps, patterns: PatternCompiler): Validator {
  let validator: Validator | undefined
  return (value, context) => {
    validator ??= compileValidator(schema, patterns)
    validator(value, context)
  }
}
