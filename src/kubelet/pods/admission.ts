import { amountOf } from '../../api/resource-usage/amount.js'
import { requiredNodeMatcher, untoleratedTaint } from '../../api/selectors/node.js'
import type { Node, Pod } from '../../api/types/core-v1.js'
import { type NodeUsage, type PodShare, unitsOf } from './node-usage.js'
import type { Verdict } from './status.js'

export interface Admission {
  readonly pod: Pod
  readonly share: PodShare
  readonly node: Node
  readonly usage: NodeUsage
  /** Static pods are not kept out by taints. */
  readonly isStatic: boolean
}

/**
 * Whether a node's kubelet lets a pod in that was assigned to it: the predicates that kube-scheduler checked too, for pods that
 * came past it or whose node has changed since. Undefined: it may run. The reasons are upstream's (lifecycle.predicateAdmitHandler).
 */
export function refusalOf(admission: Admission): Verdict | undefined {
  const { pod, node, usage, share, isStatic } = admission
  if (pod.spec?.os?.name && pod.spec.os.name !== (node.status?.nodeInfo?.operatingSystem ?? 'linux'))
    return {
      reason: 'PodOSNotSupported',
      message: `Failed to admit pod as the OS field doesn't match node OS`,
    }
  const lacking = lackingResource(admission)
  if (lacking) return lacking
  if (pod.spec && !requiredNodeMatcher(pod.spec)(node)) return predicateFailed('NodeAffinity')
  if (share.ports.some((port) => usage.isTaken(port))) return predicateFailed('NodePorts')
  const repels = untoleratedTaint(node.spec?.taints, pod.spec?.tolerations, ['NoExecute']) !== undefined
  return !isStatic && repels ? predicateFailed('TaintToleration') : undefined
}

function predicateFailed(name: string): Verdict {
  return { reason: name, message: `Pod was rejected: Predicate ${name} failed` }
}

function lackingResource({ share, node, usage }: Admission): Verdict | undefined {
  const { allocatable } = node.status ?? {}
  if (!allocatable) return undefined
  const capacityOf = (name: string) => unitsOf(name, amountOf(allocatable[name]))
  if (allocatable.pods !== undefined && usage.podCount + 1 > capacityOf('pods')) return outOf('pods', 1, usage.podCount, capacityOf('pods'))
  for (const [name, amount] of share.requests) {
    // What the kubelet does not know of (an extended resource of a device that has gone) is not its to refuse.
    if (amount === 0 || allocatable[name] === undefined) continue
    if (usage.used(name) + amount > capacityOf(name)) return outOf(name, amount, usage.used(name), capacityOf(name))
  }
  return undefined
}

function outOf(name: string, requested: number, used: number, capacity: number): Verdict {
  const message = `Pod was rejected: Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`
  return { reason: `OutOf${name}`, message }
}
