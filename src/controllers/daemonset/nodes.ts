/** On which nodes a DaemonSet wants its pod, and where one that is there may stay. Pure. */
import { requiredNodeMatcher, untoleratedTaint } from '../../api/selectors/node.js'
import type { DaemonSet } from '../../api/types/apps-v1.js'
import type { Node, PodSpec, Toleration } from '../../api/types/core-v1.js'

export interface Placement {
  readonly run: boolean
  /** A pod that runs there may go on: a NoSchedule taint that came later does not end it. */
  readonly stay: boolean
}

const nowhere: Placement = { run: false, stay: false }

/** Daemon pods stay on nodes that are in trouble or cordoned (DaemonSet documentation, taints and tolerations). */
const ownTolerations: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
]
const hostNetworkToleration: Toleration = { key: 'node.kubernetes.io/network-unavailable', operator: 'Exists', effect: 'NoSchedule' }

/** The template's tolerations and those that every daemon pod has. */
export function daemonTolerations(spec: PodSpec): Toleration[] {
  const own = spec.hostNetwork ? [...ownTolerations, hostNetworkToleration] : ownTolerations
  const given = spec.tolerations ?? []
  const isGiven = (one: Toleration) =>
    given.some((each) => each.key === one.key && each.effect === one.effect && each.operator === one.operator && !each.value)
  return [...given.map((each) => own.find((one) => sameToleration(one, each)) ?? each), ...own.filter((one) => !isGiven(one))]
}

/** Equal but for tolerationSeconds, which daemon pods do not keep to. */
function sameToleration(a: Toleration, b: Toleration): boolean {
  return a.key === b.key && a.effect === b.effect && a.operator === b.operator && !b.value
}

/** The set's rule, compiled; each node object is looked at once, since it does not change while it is the same object. */
export function placementOf(set: DaemonSet): (node: Node) => Placement {
  const spec = set.spec?.template.spec ?? { containers: [] }
  const tolerations = daemonTolerations(spec)
  const fits = requiredNodeMatcher(spec)
  const known = new WeakMap<Node, Placement>()
  const decide = (node: Node): Placement => {
    if ((spec.nodeName && spec.nodeName !== node.metadata.name) || !fits(node)) return nowhere
    const { taints } = node.spec ?? {}
    if (!untoleratedTaint(taints, tolerations, ['NoExecute', 'NoSchedule'])) return { run: true, stay: true }
    return { run: false, stay: !untoleratedTaint(taints, tolerations, ['NoExecute']) }
  }
  return (node) => {
    let placement = known.get(node)
    if (!placement) known.set(node, (placement = decide(node)))
    return placement
  }
}
