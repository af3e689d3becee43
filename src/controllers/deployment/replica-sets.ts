/** What a Deployment reads off its ReplicaSets: which one is new, how many pods they have, and its notes on them. */
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.js'
import type { PodTemplateSpec } from '../../api/types/core-v1.js'
import { sameJson } from '../../api/same-json.js'

export const podTemplateHashLabel = 'pod-template-hash'
export const annotations = {
  revision: 'deployment.kubernetes.io/revision',
  revisionHistory: 'deployment.kubernetes.io/revision-history',
  desiredReplicas: 'deployment.kubernetes.io/desired-replicas',
  maxReplicas: 'deployment.kubernetes.io/max-replicas',
  rollbackTo: 'deprecated.deployment.rollback.to',
  lastApplied: 'kubectl.kubernetes.io/last-applied-configuration',
} as const

/** Oldest first; equal times by name, so that every reader sees one order. */
export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const [left, right] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '']
  return left === right ? compareText(a.metadata.name, b.metadata.name) : compareText(left, right)
}

const compareText = (a = '', b = '') => (a < b ? -1 : a > b ? 1 : 0)

/** The set whose template is the Deployment's own; the oldest where several are. */
export function findNewReplicaSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return [...sets].sort(byAge).find((set) => sameTemplate(set.spec?.template, deployment.spec?.template))
}

/** Templates are the same but for the hash label that the controller itself adds. */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return sameJson(withoutHash(a), withoutHash(b))
}

function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec | undefined {
  if (!template?.metadata?.labels?.[podTemplateHashLabel]) return template
  const { [podTemplateHashLabel]: _hash, ...labels } = template.metadata.labels
  return { ...template, metadata: { ...template.metadata, labels: Object.keys(labels).length ? labels : undefined } }
}

export const replicasOf = (set: ReplicaSet): number => set.spec?.replicas ?? 1
export const totalReplicas = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, set) => sum + replicasOf(set), 0)
export const availableOf = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0
export const totalOf = (
  sets: readonly ReplicaSet[],
  field: 'replicas' | 'readyReplicas' | 'availableReplicas' | 'terminatingReplicas',
): number => sets.reduce((sum, set) => sum + (set.status?.[field] ?? 0), 0)

export function revisionOf(object: { metadata: { annotations?: Record<string, string> } }): number {
  const revision = Number(object.metadata.annotations?.[annotations.revision] ?? 0)
  return Number.isSafeInteger(revision) ? revision : 0
}
