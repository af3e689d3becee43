/**
 * Which nodes a pod's spec allows: node selector, required node affinity, taints and tolerations. Compiled once, then matched.
 * Source of the rules: the Kubernetes documentation of assigning pods to nodes, and of taints and tolerations.
 */
import type { Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint, Toleration } from '../types/core-v1.js'
import { labelSelectorOf, selectorOfLabels } from './label.js'

export type NodeMatcher = (node: Node) => boolean

const noNode: NodeMatcher = () => false

/** Of nodeSelector and affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution: both must match. */
export function requiredNodeMatcher(spec: PodSpec): NodeMatcher {
  const labels = selectorOfLabels(spec.nodeSelector ?? {})
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  const affinity = required ? nodeSelectorMatcher(required) : undefined
  return (node) => labels.matches(node.metadata.labels) && (affinity === undefined || affinity(node))
}

/** Terms are alternatives; a selector without terms matches nothing. */
export function nodeSelectorMatcher(selector: NodeSelector): NodeMatcher {
  const terms = (selector.nodeSelectorTerms ?? []).map(termMatcher)
  return (node) => terms.some((matches) => matches(node))
}

/** Expressions and fields must all match; a term without any matches nothing. */
export function termMatcher({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): NodeMatcher {
  if (matchExpressions.length === 0 && matchFields.length === 0) return noNode
  const labels = labelSelectorOf({ matchExpressions })
  const fields = matchFields.map(fieldMatcher)
  return (node) => labels.matches(node.metadata.labels) && fields.every((matches) => matches(node))
}

/** The only field is metadata.name. */
function fieldMatcher({ key, operator, values = [] }: NodeSelectorRequirement): NodeMatcher {
  if (key !== 'metadata.name') return noNode
  const names = new Set(values)
  if (operator === 'In') return (node) => names.has(node.metadata.name ?? '')
  return operator === 'NotIn' ? (node) => !names.has(node.metadata.name ?? '') : noNode
}

/** An empty key tolerates every key, an empty effect every effect. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  const { operator, value = '' } = toleration
  return operator === 'Exists' || valueFits(operator, value, taint.value ?? '')
}

/** Gt and Lt compare whole numbers (KEP-5471); anything else compares as nothing. */
function valueFits(operator: string | undefined, value: string, taintValue: string): boolean {
  switch (operator) {
    case undefined:
    case '':
    case 'Equal':
      return value === taintValue
    case 'Gt':
      return areIntegers(value, taintValue) && BigInt(taintValue) > BigInt(value)
    case 'Lt':
      return areIntegers(value, taintValue) && BigInt(taintValue) < BigInt(value)
    default:
      return false
  }
}

function areIntegers(...texts: readonly string[]): boolean {
  return texts.every((text) => /^-?\d{1,19}$/.test(text))
}

/** Whether one of the tolerations takes this taint. */
export function isTolerated(tolerations: readonly Toleration[] | undefined, taint: Taint): boolean {
  return tolerations?.some((toleration) => tolerates(toleration, taint)) ?? false
}

/** The first taint with one of these effects that no toleration covers. */
export function untoleratedTaint(
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[] | undefined,
  effects: readonly string[],
): Taint | undefined {
  return taints?.find((taint) => effects.includes(taint.effect) && !isTolerated(tolerations, taint))
}
