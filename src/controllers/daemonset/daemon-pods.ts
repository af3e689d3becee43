/** A DaemonSet's pods: making one for a node, and telling which node and template one is of. Pure. */
import type { DaemonSet } from '../../api/types/apps-v1.js'
import type { Affinity, Pod } from '../../api/types/core-v1.js'
import { controllerReference } from '../common/owner.js'
import { podFromTemplate } from '../common/pod-template.js'
import { isPodFinished } from '../common/pods.js'
import { revisionLabel } from '../history/history.js'
import { daemonTolerations } from './nodes.js'

export const daemonSetKind = { group: 'apps', version: 'v1', kind: 'DaemonSet' } as const
const generationAnnotation = 'deprecated.daemonset.template.generation'
const generationLabel = 'pod-template-generation'
const nameField = 'metadata.name'

/** A pod that the scheduler may only put on that node. `hash` is the template's revision. */
export function makeDaemonPod(set: DaemonSet, nodeName: string, hash: string): Pod {
  const pod = podFromTemplate(set.spec?.template ?? {}, set, controllerReference(set, daemonSetKind))
  const spec = pod.spec ?? { containers: [] }
  const generation = set.metadata.annotations?.[generationAnnotation]
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: { ...pod.metadata.labels, ...(generation ? { [generationLabel]: generation } : {}), [revisionLabel]: hash },
    },
    spec: { ...spec, tolerations: daemonTolerations(spec), affinity: onNode(spec.affinity, nodeName) },
  }
}

/** Which nodes the set wants is decided already: the pod's own required terms give way to the node's name. */
function onNode(affinity: Affinity | undefined, nodeName: string): Affinity {
  const terms = [{ matchFields: [{ key: nameField, operator: 'In' as const, values: [nodeName] }] }]
  return {
    ...affinity,
    nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
  }
}

/** The node that a pod is on, or is meant for while it is not scheduled. */
export function targetNode(pod: Pod): string | undefined {
  if (pod.spec?.nodeName) return pod.spec.nodeName
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  for (const { matchFields = [] } of terms) {
    const field = matchFields.find((each) => each.key === nameField && each.operator === 'In' && each.values?.length === 1)
    if (field) return field.values?.[0]
  }
  return undefined
}

/** By node. A pod that has ended and is being deleted is as good as gone: it holds up no new one. */
export function podsByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const byNode = new Map<string, Pod[]>()
  for (const pod of pods) {
    if (isPodFinished(pod) && pod.metadata.deletionTimestamp) continue
    const node = targetNode(pod)
    if (node === undefined) continue
    const there = byNode.get(node)
    if (there) there.push(pod)
    else byNode.set(node, [pod])
  }
  return byNode
}

/** Scheduled pods first, then the oldest. */
export function oldestFirst(pods: readonly Pod[]): Pod[] {
  if (pods.length < 2) return [...pods]
  const rank = (pod: Pod) => `${pod.spec?.nodeName ? 0 : 1} ${pod.metadata.creationTimestamp ?? ''} ${pod.metadata.name ?? ''}`
  return [...pods].sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
}

/** Made from the present template: by hash, or by the template's generation for pods from before there were hashes. */
export function isUpdated(set: DaemonSet, pod: Pod, hash: string): boolean {
  const generation = set.metadata.annotations?.[generationAnnotation]
  const labels = pod.metadata.labels
  return labels?.[revisionLabel] === hash || (generation !== undefined && labels?.[generationLabel] === generation)
}
