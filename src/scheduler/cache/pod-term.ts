/** Terms of pod affinity and anti-affinity, compiled: which pods a term means, and where. */
import { labelSelectorOf, nothing, type Requirement, type Selector, selectorOf } from '../../api/selectors/label.js'
import type { Affinity, PodAffinityTerm, WeightedPodAffinityTerm } from '../../api/types/core-v1.js'

export type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>> | undefined

export interface PodTerm {
  readonly topologyKey: string
  readonly selector: Selector
  readonly namespaces: ReadonlySet<string>
  /** Selects further namespaces by their labels. */
  readonly namespaceSelector: Selector
  /** 0 for a required term. */
  readonly weight: number
  /** One text for equal terms: a key for caches. */
  readonly text: string
}

export interface PodTerms {
  readonly affinity: readonly PodTerm[]
  readonly antiAffinity: readonly PodTerm[]
  readonly preferredAffinity: readonly PodTerm[]
  readonly preferredAntiAffinity: readonly PodTerm[]
}

const none: PodTerms = { affinity: [], antiAffinity: [], preferredAffinity: [], preferredAntiAffinity: [] }

interface Owner {
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
}

export function podTerms(affinity: Affinity | undefined, owner: Owner): PodTerms {
  const near = affinity?.podAffinity
  const far = affinity?.podAntiAffinity
  if (!near && !far) return none
  const required = (terms: readonly PodAffinityTerm[] | undefined) => (terms ?? []).map((term) => compile(term, owner, 0))
  const preferred = (terms: readonly WeightedPodAffinityTerm[] | undefined) =>
    (terms ?? []).map(({ podAffinityTerm, weight }) => compile(podAffinityTerm, owner, weight))
  return {
    affinity: required(near?.requiredDuringSchedulingIgnoredDuringExecution),
    antiAffinity: required(far?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: preferred(near?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAntiAffinity: preferred(far?.preferredDuringSchedulingIgnoredDuringExecution),
  }
}

function compile(term: PodAffinityTerm, owner: Owner, weight: number): PodTerm {
  const { namespaceSelector, topologyKey } = term
  const own = !term.namespaces?.length && !namespaceSelector
  const namespaces = own ? [owner.namespace] : [...(term.namespaces ?? [])].sort()
  const selector = withLabelKeys(labelSelectorOf(term.labelSelector), term, owner.labels)
  const among = namespaceSelector ? labelSelectorOf(namespaceSelector) : nothing
  const text = [topologyKey, selector.text, namespaces.join(','), among.text, weight].join('\0')
  return { topologyKey, selector, namespaces: new Set(namespaces), namespaceSelector: among, weight, text }
}

/** Keys whose values the pod itself has, to be the same or to differ (KEP-3633). The API server has usually merged them already. */
function withLabelKeys(selector: Selector, { matchLabelKeys, mismatchLabelKeys }: PodAffinityTerm, labels: Owner['labels']): Selector {
  if (selector === nothing || (!matchLabelKeys?.length && !mismatchLabelKeys?.length)) return selector
  return selectorOf([
    ...selector.requirements,
    ...keysAsRequirements(matchLabelKeys, 'in', labels),
    ...keysAsRequirements(mismatchLabelKeys, 'notin', labels),
  ])
}

/** A key that the pod does not have says nothing. */
export function keysAsRequirements(
  keys: readonly string[] | undefined,
  operator: 'in' | 'notin',
  labels: Readonly<Record<string, string>>,
): Requirement[] {
  const found: Requirement[] = []
  for (const key of keys ?? []) {
    if (!Object.hasOwn(labels, key)) continue
    found.push({ key, operator, values: [labels[key] as string] })
  }
  return found
}

/** True when the term means this pod. `labelsOf` gives the labels of its namespace. */
export function termMatches(term: PodTerm, pod: Owner, labelsOf: NamespaceLabels): boolean {
  if (!term.namespaces.has(pod.namespace)) {
    if (term.namespaceSelector === nothing || !term.namespaceSelector.matches(labelsOf(pod.namespace) ?? {})) return false
  }
  return term.selector.matches(pod.labels)
}
