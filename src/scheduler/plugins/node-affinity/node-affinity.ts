/** Node selector, required and preferred node affinity of the pod, and what the profile adds for every pod (`addedAffinity`). */
import { type NodeMatcher, termMatcher } from '../../../api/selectors/node.js'
import type { Node, NodeAffinity } from '../../../api/types/core-v1.js'
import type { PodInfo } from '../../cache/pod-info.js'
import { NodeClasses, requiredOf } from '../../framework/node-classes.js'
import { NodeMemo, Recent } from '../../framework/node-memo.js'
import { namedNodes, requiredNodes } from '../../framework/node-selector.js'
import { hints, type Hint, normalize, type Plugin, skip, type Snapshot } from '../../framework/plugin.js'
import { unresolvable } from '../../framework/status.js'

const name = 'NodeAffinity'
const podMismatch = unresolvable(name, "node(s) didn't match Pod's node affinity/selector")
const addedMismatch = unresolvable(name, "node(s) didn't match scheduler-enforced node affinity")
const conflict = unresolvable(name, 'pod affinity terms conflict')

/** Lists of preferences that are kept compiled. */
const classesMax = 256

export interface NodeAffinityArgs {
  readonly addedAffinity?: NodeAffinity
}

interface Preference {
  readonly weight: number
  readonly matches: NodeMatcher
  readonly memo: NodeMemo
}

export function nodeAffinity({ addedAffinity }: NodeAffinityArgs = {}): Plugin {
  const classes = new NodeClasses()
  const preferred = new Recent<readonly Preference[]>(classesMax)
  const added = requiredNodes(undefined, addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution)
  const addedPreferences = compilePreferences(addedAffinity)

  const fits = ({ pod }: PodInfo, node: Node) =>
    (requiredNodes(pod.spec?.nodeSelector, requiredOf(pod.spec))?.(node) ?? true) && (added?.(node) ?? true)
  const changed: Hint = (pod, event) => {
    if (event.kind === 'NodeAdd') return fits(pod, event.node)
    return event.kind === 'NodeUpdate' && event.changes.has('labels') && fits(pod, event.node)
  }
  const preferencesOf = (pod: PodInfo): readonly Preference[] => {
    const terms = pod.pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution
    if (!terms?.length) return addedPreferences
    const own = preferred.get(JSON.stringify(terms), () => compilePreferences(pod.pod.spec?.affinity?.nodeAffinity))
    return addedPreferences.length ? [...own, ...addedPreferences] : own
  }

  return {
    name,
    events: hints({ NodeAdd: changed, NodeUpdate: changed }),
    preFilter(pod, { nodes }) {
      const wanted = classes.of(pod.pod.spec, nodes)
      if (!wanted && !added) return skip
      const names = namedNodes(requiredOf(pod.pod.spec))
      if (names?.size === 0) return conflict
      const node = (slot: number) => nodes.nodes[slot] as Node
      return {
        ...(names ? { only: slotsOf(names, nodes) } : {}),
        filter: (set) => {
          if (added) set.keep((slot) => (added(node(slot)) ? undefined : addedMismatch))
          if (wanted) set.keep((slot) => (wanted(slot) ? undefined : podMismatch))
        },
      }
    },
    score(pod, slots, { nodes }, into) {
      const preferences = preferencesOf(pod)
      if (preferences.length === 0) return false
      into.fill(0, 0, slots.length)
      for (const { weight, matches, memo } of preferences) {
        const test = (slot: number) => matches(nodes.nodes[slot] as Node)
        for (let i = 0; i < slots.length; i++) {
          if (memo.get(nodes, slots[i] as number, test)) into[i] = (into[i] as number) + weight
        }
      }
      normalize(into, slots.length)
      return true
    },
  }
}

/** A preference without requirements selects nothing, like any empty term. */
function compilePreferences(affinity: NodeAffinity | undefined): Preference[] {
  const terms = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  return terms
    .filter(({ weight, preference }) => weight > 0 && (preference.matchExpressions?.length || preference.matchFields?.length))
    .map(({ weight, preference }) => ({ weight, matches: termMatcher(preference), memo: new NodeMemo(64) }))
}

function slotsOf(names: ReadonlySet<string>, nodes: Snapshot['nodes']): Set<number> {
  const slots = new Set<number>()
  for (const each of names) {
    const slot = nodes.slotOf(each)
    if (slot !== undefined) slots.add(slot)
  }
  return slots
}
