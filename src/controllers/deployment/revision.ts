/** A Deployment's notes: revision numbers and the annotations that its ReplicaSets carry. Pure. */
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.js'
import { controllerReference } from '../common/owner.js'
import { hashOf } from '../common/pod-template.js'
import { boundsOf } from './bounds.js'
import { annotations, podTemplateHashLabel, revisionOf } from './replica-sets.js'

/** Annotations of the Deployment that its ReplicaSets do not inherit. */
const notInherited = new Set<string>(Object.values(annotations))
export const deploymentKind = { group: 'apps', version: 'v1', kind: 'Deployment' } as const

/** The annotations that `set` should have as the set of `revision`. A set that served before keeps its old numbers as history. */
export function annotationsFor(deployment: Deployment, set: ReplicaSet | undefined, revision: number): Record<string, string> {
  const next: Record<string, string> = { ...set?.metadata.annotations }
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) if (!notInherited.has(key)) next[key] = value
  const before = set ? revisionOf(set) : 0
  if (before < revision) {
    next[annotations.revision] = String(revision)
    if (before > 0) {
      const history = next[annotations.revisionHistory]
      next[annotations.revisionHistory] = history ? `${history},${before}` : String(before)
    }
  }
  return { ...next, ...sizeAnnotations(deployment) }
}

/** What the Deployment wanted when the set was last sized; proportional scaling reads it. */
export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const { wanted, maxSurge } = boundsOf(deployment)
  return { [annotations.desiredReplicas]: String(wanted), [annotations.maxReplicas]: String(wanted + maxSurge) }
}

/** The ReplicaSet for the Deployment's present template. Its name and label carry the template's hash. */
export function makeReplicaSet(deployment: Deployment, revision: number): ReplicaSet {
  const template = structuredClone(deployment.spec?.template ?? {})
  const hash = hashOf(deployment.spec?.template ?? {}, deployment.status?.collisionCount)
  const labels = { ...template.metadata?.labels, [podTemplateHashLabel]: hash }
  const { selector, minReadySeconds } = deployment.spec ?? { selector: {} }
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace,
      labels,
      annotations: annotationsFor(deployment, undefined, revision),
      ownerReferences: [controllerReference(deployment, deploymentKind)],
    },
    spec: {
      replicas: 0,
      ...(minReadySeconds ? { minReadySeconds } : {}),
      selector: { ...selector, matchLabels: { ...selector?.matchLabels, [podTemplateHashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  }
}

export function maxRevision(sets: readonly ReplicaSet[]): number {
  return sets.reduce((most, set) => Math.max(most, revisionOf(set)), 0)
}
