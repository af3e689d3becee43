/**
 * x-kubernetes-validations of a schema, evaluated on objects. Only what leads to a rule is walked; rules are compiled when the first
 * value that they are about comes. What was wrong before and has not changed stays unreported (KEP-4008), unless the rule is about
 * the change itself. All rules of an object share one budget.
 */
import type { Program } from '../../cel/environment.js'
import { perCallCostLimit, runtimeCostBudget } from '../../cel/kubernetes/environment.js'
import { type SchemaType, schemaType } from '../../cel/kubernetes/schema-type.js'
import { CelError, CelOptional, type CelValue, noOptional } from '../../cel/values.js'
import { sameJson } from '../../same-json.js'
import type { Fault } from '../../status.js'
import type { JSONSchemaProps } from '../../types/apiextensions-v1.js'
import { additionalOf, itemsOf, propertiesOf } from '../members.js'
import { type CompiledRule, compileRule, ruleEnvironments } from './compile-rule.js'
import { ruleFieldPath } from './field-path.js'

export interface SchemaRules {
  /** `path`: where the value lies. */
  validate(value: unknown, old: unknown, path?: string): Fault[]
}

/** undefined: the schema has no rules. */
export function compileRules(schema: JSONSchemaProps, root: boolean): SchemaRules | undefined {
  if (!hasRules(schema)) return undefined
  const type = schemaType(schema, 'selfType', root)
  const node = compileNode(schema, type)
  return {
    validate(value, old, path = '') {
      const run: Run = { faults: [], steps: path === '' ? [] : [path], budget: runtimeCostBudget }
      if (node) visit(node, value, { old, isUnchanged: old === undefined ? undefined : () => sameJson(value, old) }, run)
      return run.faults
    },
  }
}

/** Whether there is a rule anywhere in the schema. */
export function hasRules(schema: JSONSchemaProps): boolean {
  if (schema['x-kubernetes-validations']?.length) return true
  const items = itemsOf(schema)
  const additional = additionalOf(schema)
  return (
    (items !== undefined && hasRules(items)) ||
    (additional !== undefined && hasRules(additional)) ||
    propertiesOf(schema).some(([, member]) => hasRules(member))
  )
}

interface Node {
  readonly schema: JSONSchemaProps
  readonly type: SchemaType | undefined
  readonly rules: () => readonly CompiledRule[]
  readonly members: readonly (readonly [name: string, node: Node])[]
  readonly items?: Node
  readonly additional?: Node
  /** How an element finds what it was before; undefined: it does not. */
  readonly keyOf?: (item: unknown) => string
}

interface Run {
  readonly faults: Fault[]
  /** ".name", "[0]", "[key]" */
  readonly steps: string[]
  /** Below zero: no further rule is looked at. */
  budget: number
}

interface Before {
  /** undefined: there was none, or it cannot be told which it was. */
  readonly old: unknown
  /** Whether this value, or the nearest around it of which that is known, is as it was. undefined: nothing was. */
  readonly isUnchanged: (() => boolean) | undefined
}

function compileNode(schema: JSONSchemaProps, type: SchemaType | undefined): Node | undefined {
  const below = (inner: JSONSchemaProps | undefined) => (inner && hasRules(inner) ? compileNode(inner, type?.element) : undefined)
  const members = propertiesOf(schema).flatMap(([name, member]): [string, Node][] => {
    const node = hasRules(member) ? compileNode(member, type?.members?.get(name) ?? schemaType(member, name)) : undefined
    return node ? [[name, node]] : []
  })
  const items = below(itemsOf(schema))
  const additional = below(additionalOf(schema))
  const own = schema['x-kubernetes-validations'] ?? []
  if (own.length === 0 && members.length === 0 && !items && !additional) return undefined
  let compiled: readonly CompiledRule[] | undefined
  const rules = () => {
    if (compiled) return compiled
    if (own.length === 0 || !type) return (compiled = [])
    const environments = ruleEnvironments(type)
    return (compiled = own.map((rule) => compileRule(rule, environments)))
  }
  const keyOf = mapListKey(schema)
  return { schema, type, rules, members, ...(items ? { items } : {}), ...(additional ? { additional } : {}), ...(keyOf ? { keyOf } : {}) }
}

function mapListKey(schema: JSONSchemaProps): ((item: unknown) => string) | undefined {
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  if (schema['x-kubernetes-list-type'] !== 'map' || keys.length === 0) return undefined
  return (item) => JSON.stringify(keys.map((key) => (item as Record<string, unknown> | null)?.[key] ?? null))
}

function visit(node: Node, value: unknown, before: Before, run: Run): void {
  if (value === null || value === undefined || run.budget < 0) return
  evaluateRules(node, value, before, run)
  if (run.budget < 0 || typeof value !== 'object') return
  if (Array.isArray(value)) visitItems(node, value, before, run)
  else visitMembers(node, value as Record<string, unknown>, before, run)
}

/** What is known of a part of a value. */
function beforeOf(value: unknown, old: unknown, { isUnchanged }: Before): Before {
  return { old, isUnchanged: old === undefined ? isUnchanged : () => sameJson(value, old) }
}

function visitItems({ items, keyOf }: Node, list: readonly unknown[], before: Before, run: Run): void {
  if (!items) return
  const olds = keyOf && Array.isArray(before.old) ? new Map(before.old.map((each: unknown) => [keyOf(each), each])) : undefined
  for (let i = 0; i < list.length && run.budget >= 0; i++) {
    run.steps.push(`[${i}]`)
    visit(items, list[i], beforeOf(list[i], keyOf && olds?.get(keyOf(list[i])), before), run)
    run.steps.pop()
  }
}

function visitMembers(node: Node, object: Readonly<Record<string, unknown>>, before: Before, run: Run): void {
  const isCorrelated = node.schema['x-kubernetes-map-type'] !== 'atomic'
  const { old } = before
  const olds = isCorrelated && typeof old === 'object' && old !== null ? (old as Record<string, unknown>) : {}
  const at = (name: string) => (Object.hasOwn(olds, name) ? olds[name] : undefined)
  const enter = (inner: Node, name: string, step: string) => {
    if (run.budget < 0) return
    run.steps.push(step)
    visit(inner, object[name], beforeOf(object[name], at(name), before), run)
    run.steps.pop()
  }
  for (const [name, inner] of node.members) if (Object.hasOwn(object, name)) enter(inner, name, `.${name}`)
  if (node.additional) for (const name of Object.keys(object)) enter(node.additional, name, `[${name}]`)
}

function evaluateRules(node: Node, value: unknown, before: Before, run: Run): void {
  const rules = node.rules()
  if (rules.length === 0 || !node.type) return
  const { old } = before
  const self = node.type.adapt(value)
  const oldSelf = old === undefined || old === null ? undefined : node.type.adapt(old)
  for (const compiled of rules) {
    if (run.budget < 0) return
    const { program, rule, usesOldSelf, fault } = compiled
    if (fault !== undefined) report(run, node, undefined, `rule compile error: ${fault}`)
    if (!program) continue
    // About a change there is nothing to say where nothing was.
    if (usesOldSelf && oldSelf === undefined && !rule.optionalOldSelf) continue
    const variables = rule.optionalOldSelf
      ? { self, oldSelf: oldSelf === undefined ? noOptional : new CelOptional(oldSelf) }
      : { self, ...(oldSelf === undefined ? {} : { oldSelf }) }
    const outcome = spend(run, program, variables)
    if (outcome === true) continue
    if (outcome === undefined) {
      report(run, node, undefined, 'validation failed due to running out of cost budget, no further validation rules will be run')
      return
    }
    if (outcome instanceof CelError) {
      report(run, node, undefined, `${outcome.message} evaluating rule: ${ruleText(rule)}`)
      continue
    }
    if (!usesOldSelf && before.isUnchanged?.()) continue
    report(run, node, { compiled, value }, messageOf(run, compiled, variables))
  }
}

/** undefined: the budget is spent. */
function spend(run: Run, program: Program, variables: Readonly<Record<string, CelValue>>): CelValue | undefined {
  const { value, cost } = program.evaluate(variables, perCallCostLimit)
  run.budget = cost > perCallCostLimit ? -1 : run.budget - cost
  return run.budget < 0 ? undefined : value
}

const ruleText = ({ message, rule }: CompiledRule['rule']) => (message || rule || '').trim()

/** Longer messages, and those of several lines, are not shown. */
const messageBytesMax = 5 * 1024

function messageOf(run: Run, { rule, message }: CompiledRule, variables: Readonly<Record<string, CelValue>>): string {
  const shown = message && spend(run, message, variables)
  const text = typeof shown === 'string' ? shown.trim() : ''
  if (text !== '' && text.length <= messageBytesMax && !text.includes('\n')) return text
  return rule.message ? rule.message.trim() : `failed rule: ${ruleText(rule)}`
}

const reasons = new Set(['FieldValueForbidden', 'FieldValueRequired', 'FieldValueDuplicate'])

interface Broken {
  readonly compiled: CompiledRule
  readonly value: unknown
}

function report(run: Run, { schema }: Node, broken: Broken | undefined, detail: string): void {
  const at = run.steps.join('').replace(/^\./, '')
  const { fieldPath, reason } = broken?.compiled.rule ?? {}
  const below = fieldPath ? ruleFieldPath(fieldPath, schema) : undefined
  const path = below === undefined ? at : at === '' ? below : `${at}${below.startsWith('[') ? '' : '.'}${below}`
  const isCompound = schema.type === 'object' || schema.type === 'array'
  run.faults.push({
    path: path === '' ? '<nil>' : path,
    reason: reason !== undefined && reasons.has(reason) ? (reason as Fault['reason']) : 'FieldValueInvalid',
    value: broken && !isCompound ? broken.value : schema.type,
    detail,
  })
}
