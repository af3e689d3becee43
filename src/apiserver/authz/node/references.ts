import type { PersistentVolume, Pod } from '../../../api/types/core-v1.js'
import { podReferences } from '../../pod-references.js'

/** Kinds that a node may read because one of its pods uses them. */
export type ReferencedResource = 'secrets' | 'configmaps' | 'persistentvolumeclaims' | 'resourceclaims' | 'serviceaccounts'

/**
 * Which nodes use which objects, kept current pod by pod (in place of upstream's general graph: every path has the form
 * object → [volume → claim →] pod → node). Lookups take constant time.
 */
export class NodeReferences {
  /** "secrets/ns/name" → node → number of its pods that use it. */
  readonly #nodes = new Map<string, Map<string, number>>()
  readonly #pods = new Map<string, { node: string; references: readonly string[] }>()
  readonly #volumes = new Map<string, { claim: string | undefined; secrets: readonly string[] }>()
  readonly #volumesOfSecret = new Map<string, Set<string>>()

  setPod(key: string, pod: Pod | undefined): void {
    const old = this.#pods.get(key)
    for (const reference of old?.references ?? []) this.#count(reference, old?.node ?? '', -1)
    this.#pods.delete(key)
    const node = pod?.spec?.nodeName
    if (!pod || !node) return
    const references = referencesOf(pod)
    this.#pods.set(key, { node, references })
    for (const reference of references) this.#count(reference, node, 1)
  }

  setVolume(name: string, volume: PersistentVolume | undefined): void {
    for (const secret of this.#volumes.get(name)?.secrets ?? []) {
      const volumes = this.#volumesOfSecret.get(secret)
      volumes?.delete(name)
      if (volumes?.size === 0) this.#volumesOfSecret.delete(secret)
    }
    this.#volumes.delete(name)
    if (!volume) return
    const claimRef = volume.spec?.claimRef
    const claim = claimRef?.name ? `${claimRef.namespace ?? ''}/${claimRef.name}` : undefined
    const secrets = volumeSecrets(volume)
    this.#volumes.set(name, { claim, secrets })
    for (const secret of secrets) {
      const volumes = this.#volumesOfSecret.get(secret) ?? new Set()
      volumes.add(name)
      this.#volumesOfSecret.set(secret, volumes)
    }
  }

  /** True when a pod of the node uses the object, or a volume that it mounts needs it (a secret). */
  uses(node: string, resource: ReferencedResource, key: string): boolean {
    if (this.#nodes.get(`${resource}/${key}`)?.has(node)) return true
    if (resource !== 'secrets') return false
    for (const volume of this.#volumesOfSecret.get(key) ?? []) if (this.usesVolume(node, volume)) return true
    return false
  }

  usesVolume(node: string, volume: string): boolean {
    const claim = this.#volumes.get(volume)?.claim
    return claim !== undefined && this.uses(node, 'persistentvolumeclaims', claim)
  }

  #count(reference: string, node: string, by: 1 | -1): void {
    const counts = this.#nodes.get(reference) ?? new Map<string, number>()
    const left = (counts.get(node) ?? 0) + by
    if (left > 0) counts.set(node, left)
    else counts.delete(node)
    if (counts.size > 0) this.#nodes.set(reference, counts)
    else this.#nodes.delete(reference)
  }
}

/** A mirror pod gives its node nothing: the node wrote it itself and could name any secret. */
function referencesOf(pod: Pod): string[] {
  if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return []
  const namespace = pod.metadata.namespace ?? ''
  const used = podReferences(pod)
  const named = (resource: ReferencedResource, names: Iterable<string>) => Array.from(names, (name) => `${resource}/${namespace}/${name}`)
  return [
    ...named('secrets', used.secrets),
    ...named('configmaps', used.configMaps),
    ...named('persistentvolumeclaims', used.persistentVolumeClaims),
    ...named('resourceclaims', used.resourceClaims),
    ...named('serviceaccounts', used.serviceAccount ? [used.serviceAccount] : []),
  ]
}

/** Secrets ("namespace/name") that the kubelet needs to mount a volume; the controllers' own secrets are not among them. */
function volumeSecrets(volume: PersistentVolume): string[] {
  const { spec } = volume
  const claimNamespace = spec?.claimRef?.namespace ?? ''
  const references = [
    spec?.cephfs?.secretRef,
    spec?.cinder?.secretRef,
    spec?.flexVolume?.secretRef,
    spec?.rbd?.secretRef,
    spec?.scaleIO?.secretRef,
    spec?.iscsi?.secretRef,
    spec?.storageos?.secretRef,
    spec?.csi?.nodePublishSecretRef,
    spec?.csi?.nodeStageSecretRef,
    spec?.csi?.nodeExpandSecretRef,
  ]
  const found = references.flatMap((ref) => (ref?.name ? [`${ref.namespace || claimNamespace}/${ref.name}`] : []))
  const azure = spec?.azureFile
  if (azure?.secretName) found.push(`${azure.secretNamespace || claimNamespace}/${azure.secretName}`)
  return found
}
