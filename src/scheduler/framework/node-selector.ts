/** Node selectors (terms of labels and of the node's name), compiled: of node affinity, of volumes, of topologies. */
import { type Requirement, type Selector, selectorOf, selectorOfLabels } from '../../api/selectors/label.js'
import type { Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm } from '../../api/types/core-v1.js'

export type NodeMatcher = (node: Node) => boolean

const operators: Readonly<Record<string, Requirement['operator']>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
  Gt: 'gt',
  Lt: 'lt',
}

/** One term must hold; no terms: no node. */
export function nodeSelectorMatcher(selector: NodeSelector): NodeMatcher {
  const terms = (selector.nodeSelectorTerms ?? []).map(nodeTermMatcher)
  return (node) => terms.some((term) => term(node))
}

/** Every requirement of the term must hold; a term without any selects nothing (API documentation of NodeSelectorTerm). */
export function nodeTermMatcher({ matchExpressions, matchFields }: NodeSelectorTerm): NodeMatcher {
  if (!matchExpressions?.length && !matchFields?.length) return () => false
  const labels = compile(matchExpressions)
  const fields = compile(matchFields)
  if (!labels || !fields) return () => false
  return (node) => labels.matches(node.metadata.labels) && fields.matches({ 'metadata.name': node.metadata.name ?? '' })
}

/** undefined: an operator that nobody knows. */
function compile(requirements: readonly NodeSelectorRequirement[] | undefined): Selector | undefined {
  const compiled: Requirement[] = []
  for (const { key, operator, values } of requirements ?? []) {
    const known = operators[operator]
    if (!known) return undefined
    compiled.push({ key, operator: known, values: values ?? [] })
  }
  return selectorOf(compiled)
}

/** `nodeSelector` and required node affinity of a pod. undefined: every node will do. */
export function requiredNodes(
  labels: Readonly<Record<string, string>> | undefined,
  affinity: NodeSelector | undefined,
): NodeMatcher | undefined {
  const hasLabels = labels && Object.keys(labels).length > 0
  if (!hasLabels && !affinity) return undefined
  const byLabels = selectorOfLabels(labels ?? {})
  const byTerms = affinity ? nodeSelectorMatcher(affinity) : () => true
  return (node) => byLabels.matches(node.metadata.labels) && byTerms(node)
}

/** The names that the terms allow by `metadata.name`; undefined when some term allows names without naming them. */
export function namedNodes(selector: NodeSelector | undefined): ReadonlySet<string> | undefined {
  if (!selector?.nodeSelectorTerms?.length) return undefined
  const all = new Set<string>()
  for (const { matchFields } of selector.nodeSelectorTerms) {
    let names: Set<string> | undefined
    for (const { key, operator, values } of matchFields ?? []) {
      if (key !== 'metadata.name' || operator !== 'In') continue
      const given = new Set(values ?? [])
      names = names ? new Set([...names].filter((name) => given.has(name))) : given
    }
    if (!names) return undefined
    for (const name of names) all.add(name)
  }
  return all
}
