/** Which nodes a pod asks for by `nodeSelector`, required affinity and name; undefined where it asks for none in particular. */
import { selectorOfLabels } from '../../api/selectors/label.js'
import { type NodeMatcher, nodeSelectorMatcher } from '../../api/selectors/node.js'
import type { NodeSelector } from '../../api/types/core-v1.js'

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
