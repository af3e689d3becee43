import type { Container, EnvFromSource, EnvVar, Pod, Volume } from '../api/types/core-v1.js'

/** The names of objects of its own namespace that a pod uses. Pure. */
export interface PodReferences {
  readonly secrets: ReadonlySet<string>
  readonly configMaps: ReadonlySet<string>
  readonly persistentVolumeClaims: ReadonlySet<string>
  readonly resourceClaims: ReadonlySet<string>
  readonly serviceAccount: string | undefined
}

type Mutable = { [K in keyof PodReferences]: PodReferences[K] extends ReadonlySet<string> ? Set<string> : PodReferences[K] }

export function podReferences(pod: Pod): PodReferences {
  const found: Mutable = {
    secrets: new Set(),
    configMaps: new Set(),
    persistentVolumeClaims: new Set(),
    resourceClaims: new Set(),
    serviceAccount: pod.spec?.serviceAccountName || undefined,
  }
  const { spec, status } = pod
  for (const secret of spec?.imagePullSecrets ?? []) add(found.secrets, secret.name)
  for (const container of containersOf(pod)) {
    for (const variable of container.env ?? []) addVariable(found, variable)
    for (const source of container.envFrom ?? []) addEnvFrom(found, source)
  }
  for (const volume of spec?.volumes ?? []) addVolume(found, volume, pod.metadata.name ?? '')
  for (const claim of spec?.resourceClaims ?? []) add(found.resourceClaims, claim.resourceClaimName)
  for (const claim of status?.resourceClaimStatuses ?? []) add(found.resourceClaims, claim.resourceClaimName)
  add(found.resourceClaims, status?.extendedResourceClaimStatus?.resourceClaimName)
  return found
}

/** Init, main and ephemeral containers, as far as they have fields in common. */
export function containersOf(pod: Pod): Container[] {
  const { spec } = pod
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...((spec?.ephemeralContainers ?? []) as Container[])]
}

function add(set: Set<string>, name: string | undefined): void {
  if (name) set.add(name)
}

function addVariable(found: Mutable, { valueFrom }: EnvVar): void {
  add(found.secrets, valueFrom?.secretKeyRef?.name)
  add(found.configMaps, valueFrom?.configMapKeyRef?.name)
}

function addEnvFrom(found: Mutable, source: EnvFromSource): void {
  add(found.secrets, source.secretRef?.name)
  add(found.configMaps, source.configMapRef?.name)
}

function addVolume(found: Mutable, volume: Volume, podName: string): void {
  add(found.secrets, volume.secret?.secretName)
  for (const of of [volume.cephfs, volume.cinder, volume.flexVolume, volume.iscsi, volume.rbd, volume.scaleIO, volume.storageos])
    add(found.secrets, of?.secretRef?.name)
  add(found.secrets, volume.azureFile?.secretName)
  add(found.secrets, volume.csi?.nodePublishSecretRef?.name)
  add(found.configMaps, volume.configMap?.name)
  add(found.persistentVolumeClaims, volume.persistentVolumeClaim?.claimName)
  // A generic ephemeral volume's claim is named after pod and volume (KEP-1698).
  if (volume.ephemeral) add(found.persistentVolumeClaims, `${podName}-${volume.name}`)
  for (const source of volume.projected?.sources ?? []) {
    add(found.secrets, source.secret?.name)
    add(found.configMaps, source.configMap?.name)
  }
}
