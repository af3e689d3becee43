/**
 * What is wrong with the x-kubernetes-validations of a definition (KEP-2876): rules that do not compile, that look at an old value
 * which cannot be found, or that could cost more than a request may.
 */
import { estimatedCostLimit, estimatedTotalCostLimit, compatibleMinor } from '../../../api/cel/kubernetes/environment.js'
import { requestBytesMax, type SchemaType, schemaType, sizeHint } from '../../../api/cel/kubernetes/schema-type.js'
import { type CompiledRule, compileRule, ruleEnvironments } from '../../../api/structural/rules/compile-rule.js'
import { ruleFieldPath } from '../../../api/structural/rules/field-path.js'
import { hasRules } from '../../../api/structural/rules/rules.js'
import { additionalOf, itemsOf, propertiesOf } from '../../../api/structural/members.js'
import type { Fault } from '../../../api/status.js'
import type { JSONSchemaProps, ValidationRule } from '../../../api/types/apiextensions-v1.js'

type Schema = JSONSchemaProps

const invalid = (path: string, value: unknown, detail: string): Fault => ({ path, reason: 'FieldValueInvalid', value, detail })
const required = (path: string, detail: string): Fault => ({ path, reason: 'FieldValueRequired', detail })
const forbidden = (path: string, detail: string): Fault => ({ path, reason: 'FieldValueForbidden', detail })

/** `isSound`: the schema has no other faults, so that its rules can be understood. */
export function ruleFaults(schema: Schema, path: string, isSound: boolean): Fault[] {
  if (!hasRules(schema)) return []
  const total: Total = { cost: 0, expensive: [] }
  const place: Place = { path, type: undefined, cardinality: 1, uncorrelated: undefined, root: true, total }
  const { shape, rules } = check(schema, place, isSound)
  return [...shape, ...rules, ...totalFaults(total, path)]
}

interface Total {
  cost: number
  readonly expensive: { readonly path: string; readonly cost: number }[]
}

interface Place {
  readonly path: string
  /** What expressions see of the value, when an ancestor with rules has told. */
  readonly type: SchemaType | undefined
  /** How often the value can be there in one object; undefined: nobody says. */
  readonly cardinality: number | undefined
  /** The ancestor whose parts do not find what they were before. */
  readonly uncorrelated: string | undefined
  readonly root: boolean
  readonly total: Total
}

interface Found {
  readonly shape: Fault[]
  readonly rules: Fault[]
}

/** The faults of a schema and all below it: those of the rules' own form, and those of what they say. */
function check(schema: Schema, place: Place, isSound: boolean): Found {
  const own = schema['x-kubernetes-validations'] ?? []
  const type = place.type ?? (own.length > 0 ? schemaType(schema, 'selfType', place.root) : undefined)
  const inner = childrenOf(schema, { ...place, type }).map(([child, at]) => check(child, at, isSound))
  const shape = [
    ...inner.flatMap((each) => each.shape),
    ...own.flatMap((rule, i) => shapeFaults(rule, schema, `${place.path}.x-kubernetes-validations[${i}]`)),
  ]
  const rules = inner.flatMap((each) => each.rules)
  // Where something in the form of a rule is wrong, nobody reads what it says.
  if (isSound && own.length > 0 && shape.length === 0) rules.push(...expressionFaults(own, type, place))
  return { shape, rules }
}

function childrenOf(schema: Schema, place: Place): [Schema, Place][] {
  const { path, type, cardinality } = place
  const most = elementsMax(schema)
  const times = cardinality === undefined || most === undefined ? undefined : cardinality * most
  const below = (at: string, inner: SchemaType | undefined, uncorrelated: boolean): Place => ({
    ...place,
    ...{ path: at, type: inner, cardinality: times, root: false },
    uncorrelated: place.uncorrelated ?? (uncorrelated ? path : undefined),
  })
  const isAtomicMap = schema['x-kubernetes-map-type'] === 'atomic'
  const children: [Schema, Place][] = []
  const additional = additionalOf(schema)
  if (additional) children.push([additional, below(`${path}.additionalProperties`, type?.element, false)])
  for (const [name, member] of propertiesOf(schema))
    children.push([member, below(`${path}.properties[${name}]`, type?.members?.get(name), isAtomicMap)])
  const items = itemsOf(schema)
  if (items) children.push([items, below(`${path}.items`, type?.element, schema['x-kubernetes-list-type'] !== 'map')])
  return children
}

/** How often what lies in a value can be in it; undefined: as often as a request has room. */
function elementsMax({ type, additionalProperties, maxProperties, maxItems }: Schema): number | undefined {
  if (type === 'array') return maxItems === undefined ? undefined : Math.max(0, maxItems)
  if (type !== 'object' || additionalProperties === undefined) return 1
  return maxProperties === undefined ? undefined : Math.max(0, maxProperties)
}

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired']

function shapeFaults(rule: ValidationRule, schema: Schema, path: string): Fault[] {
  const faults: Fault[] = []
  const text = (rule.rule ?? '').trim()
  const message = (rule.message ?? '').trim()
  const hasBreaks = (value: string) => /[\n\r]/.test(value)
  if (text === '') faults.push(required(`${path}.rule`, 'rule is not specified'))
  else if (rule.message && message === '') faults.push(invalid(`${path}.message`, rule.message, 'must be non-empty if specified'))
  else if (hasBreaks(message)) faults.push(invalid(`${path}.message`, rule.message, 'must not contain line breaks'))
  else if (hasBreaks(text) && message === '')
    faults.push(required(`${path}.message`, 'message must be specified if rule contains line breaks'))
  if (rule.messageExpression && rule.messageExpression.trim() === '')
    faults.push(required(`${path}.messageExpression`, 'messageExpression must be non-empty if specified'))
  if (rule.reason !== undefined && !reasons.includes(rule.reason))
    faults.push({
      path: `${path}.reason`,
      reason: 'FieldValueNotSupported',
      value: rule.reason,
      detail: `supported values: ${reasons.map((each) => JSON.stringify(each)).join(', ')}`,
    })
  if (!rule.fieldPath) return faults
  if (rule.fieldPath.trim() === '') faults.push(invalid(`${path}.fieldPath`, rule.fieldPath, 'must be non-empty if specified'))
  if (hasBreaks(rule.fieldPath)) faults.push(invalid(`${path}.fieldPath`, rule.fieldPath, 'must not contain line breaks'))
  if (ruleFieldPath(rule.fieldPath, schema) === undefined) faults.push(invalid(`${path}.fieldPath`, rule.fieldPath, 'must be a valid path'))
  return faults
}

function expressionFaults(rules: readonly ValidationRule[], type: SchemaType | undefined, place: Place): Fault[] {
  const base = `${place.path}.x-kubernetes-validations`
  if (!type)
    return [{ path: base, reason: 'InternalError', detail: 'failed to construct type information for x-kubernetes-validations rules' }]
  const environments = ruleEnvironments(type, compatibleMinor)
  return rules.flatMap((rule, i) => oneFaults(compileRule(rule, environments), type, place, `${base}[${i}]`))
}

function oneFaults(compiled: CompiledRule, type: SchemaType, place: Place, path: string): Fault[] {
  const { rule, program, fault, message, messageFault, usesOldSelf } = compiled
  const faults: Fault[] = []
  const hint = sizeHint(type)
  if (program) {
    const often = place.cardinality ?? Math.floor(requestBytesMax / (type.minBytes + 1))
    const { max } = program.estimate(hint)
    const cost = max === 0 || often === 0 ? 0 : max * often
    if (cost > estimatedCostLimit) faults.push(forbidden(`${path}.rule`, costText('estimated rule cost', cost, estimatedCostLimit)))
    observe(place.total, `${path}.rule`, cost)
  }
  if (fault !== undefined) faults.push(invalid(`${path}.rule`, rule.rule, fault))
  if (messageFault !== undefined) faults.push(invalid(`${path}.messageExpression`, rule.messageExpression, messageFault))
  if (message) {
    const { max } = message.estimate(hint)
    if (max > estimatedCostLimit)
      faults.push(forbidden(`${path}.messageExpression`, costText('estimated messageExpression cost', max, estimatedCostLimit)))
    observe(place.total, `${path}.messageExpression`, max)
  }
  if (usesOldSelf && place.uncorrelated !== undefined)
    faults.push(
      invalid(`${path}.rule`, rule.rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelated}`),
    )
  if (!usesOldSelf && rule.optionalOldSelf !== undefined)
    faults.push(invalid(`${path}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'))
  return faults
}

/** Rules below a hundredth of what all may cost are not what is dear; of the others the four dearest are named. */
const namedMax = 4

function observe(total: Total, path: string, cost: number): void {
  total.cost += cost
  if (cost >= estimatedTotalCostLimit / 100) total.expensive.push({ path, cost })
}

function totalFaults({ cost, expensive }: Total, path: string): Fault[] {
  if (cost <= estimatedTotalCostLimit) return []
  const named = [...expensive].sort((a, b) => b.cost - a.cost).slice(0, namedMax)
  return [
    ...named.map((each) =>
      forbidden(each.path, 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema'),
    ),
    forbidden(
      path,
      costText('x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema', cost, estimatedTotalCostLimit),
    ),
  ]
}

function costText(what: string, cost: number, limit: number): string {
  const factor = cost / limit
  const shown = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`
}
