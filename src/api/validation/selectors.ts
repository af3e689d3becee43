/** LabelSelectors, node selectors and their terms (core/v1, meta/v1). */
import type { LabelSelector } from '../types/meta-v1.js'
import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, TopologySelectorTerm } from '../types/core-v1.js'
import type { Faults } from './faults.js'
import { isLabelValue, mustBeLabels, mustBeLabelValue, mustBeQualified, mustBeSubdomain } from './names.js'

export interface SelectorOptions {
  /** An old object has values that would be refused today: they may stay. */
  readonly anyValue?: boolean
}

export function labelSelectorFaults(
  faults: Faults,
  path: string,
  selector: LabelSelector | undefined,
  options: SelectorOptions = {},
): void {
  if (!selector) return
  mustBeLabels(faults, `${path}.matchLabels`, selector.matchLabels)
  const expressions = selector.matchExpressions
  if (!expressions) return
  for (let i = 0; i < expressions.length; i++) {
    const { key = '', operator, values = [] } = expressions[i] ?? {}
    const at = `${path}.matchExpressions[${i}]`
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) faults.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0) faults.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    } else faults.invalid(`${at}.operator`, operator ?? '', 'not a valid selector operator')
    mustBeQualified(faults, `${at}.key`, key)
    if (!options.anyValue) for (let j = 0; j < values.length; j++) mustBeLabelValue(faults, `${at}.values[${j}]`, values[j] ?? '')
  }
}

export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  return !selector || (Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions?.length ?? 0) === 0)
}

/** True when a value of the selector would be refused today. */
export function hasOddValues(selector: LabelSelector | undefined): boolean {
  return selector?.matchExpressions?.some(({ values }) => values?.some((value) => !isLabelValue(value))) ?? false
}

export function nodeSelectorFaults(faults: Faults, path: string, selector: NodeSelector, options: SelectorOptions = {}): void {
  const terms = selector.nodeSelectorTerms ?? []
  if (terms.length === 0) faults.required(`${path}.nodeSelectorTerms`, 'must have at least one node selector term')
  for (let i = 0; i < terms.length; i++) nodeSelectorTermFaults(faults, `${path}.nodeSelectorTerms[${i}]`, terms[i] ?? {}, options)
}

export function nodeSelectorTermFaults(faults: Faults, path: string, term: NodeSelectorTerm, options: SelectorOptions = {}): void {
  const { matchExpressions = [], matchFields = [] } = term
  for (let i = 0; i < matchExpressions.length; i++)
    requirementFaults(faults, `${path}.matchExpressions[${i}]`, matchExpressions[i] as NodeSelectorRequirement, options)
  for (let i = 0; i < matchFields.length; i++)
    fieldRequirementFaults(faults, `${path}.matchFields[${i}]`, matchFields[i] as NodeSelectorRequirement)
}

function requirementFaults(faults: Faults, path: string, requirement: NodeSelectorRequirement, { anyValue }: SelectorOptions): void {
  const { key = '', operator, values = [] } = requirement
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) faults.required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) faults.forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
  } else if (operator === 'Gt' || operator === 'Lt') {
    if (values.length !== 1) faults.required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'")
  } else faults.invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator')
  mustBeQualified(faults, `${path}.key`, key)
  if (!anyValue) for (let j = 0; j < values.length; j++) mustBeLabelValue(faults, `${path}.values[${j}]`, values[j] ?? '')
}

/** Of a node's fields only its name can be asked for. */
function fieldRequirementFaults(faults: Faults, path: string, requirement: NodeSelectorRequirement): void {
  const { key, operator, values = [] } = requirement
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length !== 1)
      faults.required(`${path}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector")
  } else faults.invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator')
  if (key !== 'metadata.name') faults.invalid(`${path}.key`, key ?? '', 'not a valid field selector key')
  else for (let j = 0; j < values.length; j++) mustBeSubdomain(faults, `${path}.values[${j}]`, values[j] ?? '')
}

/** True when a value of the terms would be refused today. */
export function hasOddTermValues(selector: NodeSelector | undefined): boolean {
  return (
    selector?.nodeSelectorTerms?.some((term) =>
      term.matchExpressions?.some(({ values }) => values?.some((value) => !isLabelValue(value))),
    ) ?? false
  )
}

export function topologyTermsFaults(faults: Faults, path: string, terms: readonly TopologySelectorTerm[] | undefined): void {
  const seen = new Set<string>()
  for (const [i, { matchLabelExpressions = [] }] of (terms ?? []).entries()) {
    const keys = new Set<string>()
    for (const [j, { key = '', values: given }] of matchLabelExpressions.entries()) {
      const values = given ?? []
      const at = `${path}[${i}].matchLabelExpressions[${j}]`
      if (values.length === 0) faults.required(`${at}.values`)
      for (const [k, value] of values.entries()) if (values.indexOf(value) < k) faults.duplicate(`${at}.values[${k}]`, value)
      mustBeQualified(faults, `${at}.key`, key)
      if (keys.has(key)) faults.duplicate(`${at}.key`, key)
      keys.add(key)
    }
    const text = JSON.stringify(matchLabelExpressions.map(({ key, values }) => [key, [...(values ?? [])].sort()]).sort())
    if (seen.has(text)) faults.duplicate(`${path}[${i}].matchLabelExpressions`, '')
    seen.add(text)
  }
}
