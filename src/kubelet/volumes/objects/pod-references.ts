import type { Pod, Volume } from '../../../api/types/core-v1.js'

/** Every ConfigMap and Secret that a pod names, optional or not (upstream's VisitPodConfigmapNames and VisitPodSecretNames). */
export interface ObjectReference {
  readonly kind: 'configmap' | 'secret'
  readonly name: string
}

export function referencesOf({ spec }: Pod): ObjectReference[] {
  const found: ObjectReference[] = []
  const add = (kind: ObjectReference['kind'], name: string | undefined) => {
    if (name) found.push({ kind, name })
  }
  for (const { name } of spec?.imagePullSecrets ?? []) add('secret', name)
  for (const { env = [], envFrom = [] } of [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ]) {
    for (const { configMapRef, secretRef } of envFrom) {
      add('configmap', configMapRef?.name)
      add('secret', secretRef?.name)
    }
    for (const { valueFrom } of env) {
      add('configmap', valueFrom?.configMapKeyRef?.name)
      add('secret', valueFrom?.secretKeyRef?.name)
    }
  }
  for (const volume of spec?.volumes ?? []) addVolume(volume, add)
  return found
}

function addVolume(
  { configMap, secret, projected, csi }: Volume,
  add: (kind: ObjectReference['kind'], name: string | undefined) => void,
): void {
  add('configmap', configMap?.name)
  add('secret', secret?.secretName)
  add('secret', csi?.nodePublishSecretRef?.name)
  for (const source of projected?.sources ?? []) {
    add('configmap', source.configMap?.name)
    add('secret', source.secret?.name)
  }
}
