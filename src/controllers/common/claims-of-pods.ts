/** Which pods use a PersistentVolumeClaim. */
import type { Pod, PersistentVolumeClaim, Volume } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import type { View } from '../controller.js'
import { isControlledBy } from './owner.js'

const claimIndex = 'volumeClaim'

/** The name of the claim that a generic ephemeral volume gets (KEP-1698). */
export const ephemeralClaimName = (pod: Pod, volume: Volume): string => `${pod.metadata.name}-${volume.name}`

/** Names of the claims that a pod's volumes are, its ephemeral ones included. */
export function claimNamesOf(pod: Pod): readonly string[] {
  const names: string[] = []
  for (const volume of pod.spec?.volumes ?? []) {
    if (volume.persistentVolumeClaim) names.push(volume.persistentVolumeClaim.claimName)
    else if (volume.ephemeral) names.push(ephemeralClaimName(pod, volume))
  }
  return names
}

/** Call it in `start` of a controller that watches pods. */
export function indexPodsByClaim(view: View): void {
  view.informer<Pod>(resources.pods).addIndex(claimIndex, (pod) => claimNamesOf(pod).map((name) => `${pod.metadata.namespace}/${name}`))
}

export function podsOfClaim(view: View, claimKey: string): readonly Pod[] {
  return view.lister<Pod>(resources.pods).by(claimIndex, claimKey)
}

/** True when the pod uses this very claim: a claim with the name of an ephemeral volume must also belong to the pod. */
export function usesClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  return (pod.spec?.volumes ?? []).some((volume) => {
    if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName === claim.metadata.name
    return volume.ephemeral !== undefined && ephemeralClaimName(pod, volume) === claim.metadata.name && isControlledBy(claim, pod)
  })
}
