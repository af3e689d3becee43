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
  const terms = selector.nodeSelectorTerms.map(termMatcher)
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
  const { operator = 'Equal' } = toleration
  if (operator === 'Exists') return true
  return operator === 'Equal' && (toleration.value ?? '') === (taint.value ?? '')
}

/** The first taint with one of these effects that no toleration covers. */
export function untoleratedTaint(
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[] | undefined,
  effects: readonly string[],
): Taint | undefined {
  return taints?.find((taint) => effects.includes(taint.effect) && !tolerations?.some((toleration) => tolerates(toleration, taint)))
}
