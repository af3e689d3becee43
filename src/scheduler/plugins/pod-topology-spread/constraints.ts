/** Spread constraints of a pod, compiled; and those that hold for pods that have none (KEP-1258). */
import { labelSelectorOf, nothing, type Selector, selectorOf } from '../../../api/selectors/label.js'
import type { StatefulSet, ReplicaSet } from '../../../api/types/apps-v1.js'
import type { ReplicationController, Service, TopologySpreadConstraint } from '../../../api/types/core-v1.js'
import type { Lister } from '../../../client/informer.js'
import type { PodInfo } from '../../cache/pod-info.js'
import { keysAsRequirements } from '../../cache/pod-term.js'

export interface Constraint {
  readonly topologyKey: string
  readonly maxSkew: number
  readonly minDomains: number
  readonly selector: Selector
  readonly honorsAffinity: boolean
  readonly honorsTaints: boolean
}

export interface PodTopologySpreadArgs {
  readonly defaultingType?: 'System' | 'List'
  readonly defaultConstraints?: readonly TopologySpreadConstraint[]
}

/** What spreading looks up about the owners of a pod. */
export interface OwnerListers {
  readonly services: Lister<Service>
  readonly replicationControllers: Lister<ReplicationController>
  readonly replicaSets: Lister<ReplicaSet>
  readonly statefulSets: Lister<StatefulSet>
}

type Action = TopologySpreadConstraint['whenUnsatisfiable']

const systemDefaults: readonly TopologySpreadConstraint[] = [
  { topologyKey: 'kubernetes.io/hostname', maxSkew: 3, whenUnsatisfiable: 'ScheduleAnyway' },
  { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5, whenUnsatisfiable: 'ScheduleAnyway' },
]

export class Constraints {
  readonly #defaults: readonly TopologySpreadConstraint[]
  readonly #listers: OwnerListers
  /** The defaults are upstream's own: a node without a zone is still spread by host. */
  readonly areSystemDefaults: boolean

  constructor({ defaultingType = 'System', defaultConstraints = [] }: PodTopologySpreadArgs, listers: OwnerListers) {
    this.areSystemDefaults = defaultingType === 'System'
    this.#defaults = this.areSystemDefaults ? systemDefaults : defaultConstraints
    this.#listers = listers
  }

  of(pod: PodInfo, action: Action): readonly Constraint[] {
    const own = pod.pod.spec?.topologySpreadConstraints
    if (own?.length) return own.filter((each) => each.whenUnsatisfiable === action).map((each) => compile(each, selectorFor(each, pod)))
    const defaults = this.#defaults.filter((each) => each.whenUnsatisfiable === action)
    if (defaults.length === 0) return none
    const selector = ownersSelector(pod, this.#listers)
    return selector.empty ? none : defaults.map((each) => compile(each, selector))
  }
}

const none: readonly Constraint[] = []

function compile(constraint: TopologySpreadConstraint, selector: Selector): Constraint {
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    selector,
    honorsAffinity: constraint.nodeAffinityPolicy !== 'Ignore',
    honorsTaints: constraint.nodeTaintsPolicy === 'Honor',
  }
}

function selectorFor({ labelSelector, matchLabelKeys }: TopologySpreadConstraint, { labels }: PodInfo): Selector {
  const selector = labelSelectorOf(labelSelector)
  const byKeys = keysAsRequirements(matchLabelKeys, 'in', labels)
  if (byKeys.length === 0) return selector
  return selectorOf([...(selector === nothing ? [] : selector.requirements), ...byKeys])
}

/** The labels by which services and the managing owner find the pod. */
function ownersSelector(pod: PodInfo, listers: OwnerListers): Selector {
  const labels: Record<string, string> = {}
  for (const { spec } of listers.services.list(pod.namespace)) {
    if (spec?.selector && Object.keys(spec.selector).length > 0 && hasLabels(pod, spec.selector)) Object.assign(labels, spec.selector)
  }
  const owner = pod.pod.metadata.ownerReferences?.find(({ controller }) => controller)
  const key = `${pod.namespace}/${owner?.name}`
  if (owner?.kind === 'ReplicationController') Object.assign(labels, listers.replicationControllers.get(key)?.spec?.selector)
  const selector =
    owner?.kind === 'ReplicaSet'
      ? listers.replicaSets.get(key)?.spec?.selector
      : owner?.kind === 'StatefulSet'
        ? listers.statefulSets.get(key)?.spec?.selector
        : undefined
  const fromOwner = selector ? labelSelectorOf(selector).requirements : []
  const fromLabels = Object.entries(labels).map(([name, value]) => ({ key: name, operator: 'in' as const, values: [value] }))
  return selectorOf([...fromLabels, ...fromOwner])
}

function hasLabels({ labels }: PodInfo, wanted: Readonly<Record<string, string>>): boolean {
  for (const key in wanted) if (labels[key] !== wanted[key]) return false
  return true
}
