/**
 * Keeps a claim that pods use from vanishing: the finalizer kubernetes.io/pvc-protection is taken off one that is being deleted
 * only when no pod with a node has it as a volume. Whether a pod has ended does not matter: it may still be mounted.
 */
import { keyOf } from '../../api/object.js'
import type { PersistentVolumeClaim, Pod } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { claimNamesOf, indexPodsByClaim, podsOfClaim, usesClaim } from '../common/claims-of-pods.js'
import { finalizerStep, writeFinalizers } from '../common/finalizers.js'
import { isPodFinished } from '../common/pods.js'
import type { Controller, View } from '../controller.js'

const finalizer = 'kubernetes.io/pvc-protection'

export function persistentVolumeClaimProtectionController(): Controller {
  return {
    name: 'persistentvolumeclaim-protection-controller',
    watches: [
      { resource: resources.persistentVolumeClaims, toKeys: (object, _view, change) => (change === 'delete' ? [] : [keyOf(object)]) },
      {
        resource: resources.pods,
        // Only a pod that goes, or ends, can set a claim free.
        toKeys(object, _view, change) {
          const pod = object as Pod
          if (change !== 'delete' && !isPodFinished(pod) && pod.spec?.nodeName) return []
          return claimNamesOf(pod).map((name) => `${pod.metadata.namespace}/${name}`)
        },
      },
    ],
    start: indexPodsByClaim,
    async reconcile(key, view) {
      const claim = view.lister<PersistentVolumeClaim>(resources.persistentVolumeClaims).get(key)
      if (!claim) return
      const next = finalizerStep(claim, finalizer, () => podsOfClaim(view, key).some((pod) => isUser(pod, claim)))
      if (!next) return
      if (claim.metadata.deletionTimestamp && (await isUsedByUnseenPod(claim, view))) return
      await writeFinalizers(view.client, resources.persistentVolumeClaims, claim, next)
    },
  }
}

/** A pod without a node counts not: no kubelet starts one whose claim is being deleted. */
function isUser(pod: Pod, claim: PersistentVolumeClaim): boolean {
  return Boolean(pod.spec?.nodeName) && usesClaim(pod, claim)
}

/** Asks the API server itself before the claim is let go: a pod might have been bound just now. */
async function isUsedByUnseenPod(claim: PersistentVolumeClaim, view: View): Promise<boolean> {
  const { namespace = '' } = claim.metadata
  const { items } = await view.client.resource<Pod>(resources.pods).list({ namespace })
  return items.some((pod) => isUser(pod, claim))
}
