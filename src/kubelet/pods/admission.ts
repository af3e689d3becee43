import { amountOf } from '../../api/resource-usage/amount.js'
import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod, Taint, Toleration } from '../../api/types/core-v1.js'
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
  if (!matchesNode(pod, node)) return predicateFailed('NodeAffinity')
  if (share.ports.some((port) => usage.isTaken(port))) return predicateFailed('NodePorts')
  const repels = (node.spec?.taints ?? []).some((taint) => taint.effect === 'NoExecute' && !isTolerated(taint, pod.spec?.tolerations ?? []))
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

/** spec.nodeSelector and the required node affinity. */
function matchesNode(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {}
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {})) if (labels[key] !== value) return false
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return !required || required.nodeSelectorTerms.some((term) => matchesTerm(term, node))
}

/** A term without requirements matches nothing. */
function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false
  const labels = node.metadata.labels ?? {}
  return (
    matchExpressions.every((requirement) => meets(requirement, labels[requirement.key])) &&
    matchFields.every((requirement) => meets(requirement, requirement.key === 'metadata.name' ? node.metadata.name : undefined))
  )
}

function meets({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return integer(value) > integer(values[0])
    case 'Lt':
      return integer(value) < integer(values[0])
    default:
      return false
  }
}

/** NaN compares false with everything. */
function integer(text: string | undefined): number {
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : Number.NaN
}

function isTolerated(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return tolerations.some(
    ({ key, operator = 'Equal', value = '', effect }) =>
      (!effect || effect === taint.effect) &&
      (key ? key === taint.key : operator === 'Exists') &&
      (operator === 'Exists' || value === (taint.value ?? '')),
  )
}
