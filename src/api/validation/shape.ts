/**
 * Whether an object of a built-in kind has the shape that its type asks for: what is required is there, and what is one of a few
 * words is one of them. Types have been checked by decoding. Every fault is reported, under the path that upstream's validation
 * names. Status is what components report, and is not judged; metadata has rules of its own.
 *
 * As in Go, a struct that is no pointer is always there: an absent one is judged as an empty one, so that a Deployment without a
 * template is told that its containers are missing.
 */
import type { Fault } from '../status.js'
import type { Field, Schema, StructSchema } from '../schema/schema.js'

/** `old`: the object before an update; members that are its very own are not judged again. */
export type ShapeValidator = (object: object, old?: object) => Fault[]

type Check = (value: unknown, path: string, faults: Fault[]) => void

/** Marked as required in the published schema only because Go prints them when empty; upstream accepts none. */
const mayBeEmpty = new Set(['LimitRangeSpec.limits', 'CSINodeSpec.drivers'])

const checks = new Map<StructSchema, Check>()

/** Compiled once a kind. */
export function shapeValidatorOf(schema: StructSchema): ShapeValidator {
  const judged = schema.fields.filter(({ name }) => name !== 'status' && name !== 'metadata')
  const members = judged.flatMap((field) => checkOfField(schema, field) ?? [])
  return (object, old) => {
    const faults: Fault[] = []
    for (const { name, check } of members) {
      const value = (object as Record<string, unknown>)[name]
      if (!old || value !== (old as Record<string, unknown>)[name]) check(value, name, faults)
    }
    return faults
  }
}

interface Member {
  readonly name: string
  readonly check: Check
}

function checkOfStruct(schema: StructSchema): Check | undefined {
  let compiled: readonly Member[] | undefined
  let check = checks.get(schema)
  if (!check) {
    // Types may refer to themselves, so the members are compiled when a value is first seen.
    check = (value, path, faults) => {
      compiled ??= schema.fields.flatMap((field) => checkOfField(schema, field) ?? [])
      const object = (value ?? {}) as Record<string, unknown>
      for (const { name, check: member } of compiled) member(object[name], `${path}.${name}`, faults)
    }
    checks.set(schema, check)
  }
  return check
}

function checkOfField(owner: StructSchema, field: Field): Member | undefined {
  const { name, schema, pointer } = field
  const parts: Check[] = []
  if (isRequired(owner, field)) parts.push(required(schema, pointer))
  if (field.enum && field.enum.length > 0) parts.push(oneOf(new Set(field.enum)))
  const inner = checkOfSchema(schema, pointer)
  if (inner) parts.push(inner)
  const [only, ...more] = parts
  if (!only) return undefined
  if (more.length === 0) return { name, check: only }
  return {
    name,
    check: (value, path, faults) => {
      for (const part of parts) part(value, path, faults)
    },
  }
}

function checkOfSchema(schema: Schema, pointer: boolean): Check | undefined {
  if (schema.kind === 'struct') {
    // Of another package's own rules (metadata of a template, a JSON schema) nothing is known here.
    if (/\.(ObjectMeta|JSONSchemaProps)$/.test(schema.id)) return undefined
    const check = checkOfStruct(schema)
    return pointer && check ? (value, path, faults) => isThere(value) && check(value, path, faults) : check
  }
  if (schema.kind === 'scalar') return undefined
  const element = checkOfSchema(schema.element, true)
  if (!element) return undefined
  if (schema.kind === 'list')
    return (value, path, faults) => {
      if (Array.isArray(value)) for (let i = 0; i < value.length; i++) element(value[i], `${path}[${i}]`, faults)
    }
  return (value, path, faults) => {
    if (isThere(value)) for (const [key, item] of Object.entries(value as object)) element(item, `${path}[${key}]`, faults)
  }
}

/** Numbers and booleans have a zero that means something; an absent struct is judged by its members. */
function isRequired(owner: StructSchema, { name, required: asked, schema, pointer }: Field): boolean {
  if (!asked || mayBeEmpty.has(`${owner.id.slice(owner.id.lastIndexOf('.') + 1)}.${name}`)) return false
  return pointer || schema.kind === 'list' || schema.kind === 'map' || (schema.kind === 'scalar' && schema.scalar === 'string')
}

function required(schema: Schema, pointer: boolean): Check {
  const isEmpty =
    schema.kind === 'list' || schema.kind === 'map'
      ? (value: unknown) => !isThere(value) || Object.keys(value as object).length === 0
      : (value: unknown) => !isThere(value) || (!pointer && value === '')
  return (value, path, faults) => {
    if (isEmpty(value)) faults.push({ path, reason: 'FieldValueRequired', detail: '' })
  }
}

/** An empty word is an absent one: whether it may be is another rule. */
function oneOf(words: ReadonlySet<string>): Check {
  const detail = `supported values: ${[...words].map((word) => `"${word}"`).join(', ')}`
  const judge = (value: unknown, path: string, faults: Fault[]) => {
    if (typeof value === 'string' && value !== '' && !words.has(value))
      faults.push({ path, reason: 'FieldValueNotSupported', value, detail })
  }
  return (value, path, faults) => {
    if (Array.isArray(value)) for (let i = 0; i < value.length; i++) judge(value[i], `${path}[${i}]`, faults)
    else judge(value, path, faults)
  }
}

/** Go prints a list that is nil as null where it may not leave it out. */
function isThere(value: unknown): boolean {
  return value !== undefined && value !== null
}
