/** What makes a pod of a StatefulSet that one pod: its ordinal, name, host name, claims and revision. Pure. */
import type { StatefulSet } from '../../api/types/apps-v1.js'
import type { PersistentVolumeClaim, Pod, PodTemplateSpec } from '../../api/types/core-v1.js'
import { controllerReference } from '../common/owner.js'
import { podFromTemplate } from '../common/pod-template.js'
import { revisionLabel } from '../history/history.js'

export const statefulSetKind = { group: 'apps', version: 'v1', kind: 'StatefulSet' } as const
const podNameLabel = 'statefulset.kubernetes.io/pod-name'
const podIndexLabel = 'apps.kubernetes.io/pod-index'

export const startOrdinal = (set: StatefulSet): number => set.spec?.ordinals?.start ?? 0
export const replicasOf = (set: StatefulSet): number => set.spec?.replicas ?? 1

/** The ordinal in a pod's name, when the rest of it is the set's. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const match = /^(.*)-(\d+)$/.exec(pod.metadata.name ?? '')
  return match && match[1] === set.metadata.name ? Number(match[2]) : undefined
}

export function isInRange(set: StatefulSet, ordinal: number): boolean {
  return ordinal >= startOrdinal(set) && ordinal < startOrdinal(set) + replicasOf(set)
}

export const podName = (set: StatefulSet, ordinal: number): string => `${set.metadata.name}-${ordinal}`
export const revisionOfPod = (pod: Pod): string | undefined => pod.metadata.labels?.[revisionLabel]

export interface PodOrigin {
  readonly template: PodTemplateSpec
  /** The name of the ControllerRevision of that template. */
  readonly revision: string
}

export function makePod(set: StatefulSet, ordinal: number, { template, revision }: PodOrigin): Pod {
  const name = podName(set, ordinal)
  const pod = podFromTemplate(template, set, controllerReference(set, statefulSetKind), name)
  const volumes = claimVolumes(set, ordinal)
  const claimed = new Set(volumes.map((volume) => volume.name))
  const others = (pod.spec?.volumes ?? []).filter((volume) => !claimed.has(volume.name))
  return {
    ...pod,
    metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, ...identityLabels(name, ordinal), [revisionLabel]: revision } },
    spec: {
      ...(pod.spec ?? { containers: [] }),
      hostname: name,
      ...(set.spec?.serviceName ? { subdomain: set.spec.serviceName } : {}),
      ...(volumes.length + others.length > 0 ? { volumes: [...volumes, ...others] } : {}),
    },
  }
}

export function identityLabels(name: string, ordinal: number): Record<string, string> {
  return { [podNameLabel]: name, [podIndexLabel]: String(ordinal) }
}

export function hasIdentity(pod: Pod): boolean {
  return pod.metadata.labels?.[podNameLabel] === pod.metadata.name
}

const claimName = (set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string =>
  `${template.metadata.name}-${set.metadata.name}-${ordinal}`

function claimVolumes(set: StatefulSet, ordinal: number) {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    name: template.metadata.name ?? '',
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal) },
  }))
}

/** The claims that the pod of an ordinal mounts, one a template, with the set's own labels. */
export function claimsOf(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => {
    const { labels, annotations } = template.metadata
    return {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name: claimName(set, template, ordinal),
        namespace: set.metadata.namespace,
        labels: { ...labels, ...set.spec?.selector.matchLabels },
        ...(annotations ? { annotations: { ...annotations } } : {}),
      },
      ...(template.spec ? { spec: structuredClone(template.spec) } : {}),
    }
  })
}
