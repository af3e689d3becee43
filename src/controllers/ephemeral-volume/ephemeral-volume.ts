/** Makes the claims of pods' generic ephemeral volumes (KEP-1698). They are the pod's and go with it (garbage collection). */
import { keyOf } from '../../api/object.js'
import type { PersistentVolumeClaim, Pod, Volume } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { ephemeralClaimName, indexPodsByClaim, podsOfClaim } from '../common/claims-of-pods.js'
import { controllerReference, isControlledBy } from '../common/owner.js'
import { isGoingNamespace } from '../common/refusals.js'
import type { Controller, View } from '../controller.js'

const podKind = { group: '', version: 'v1', kind: 'Pod' }
const ephemeralVolumes = (pod: Pod): readonly Volume[] => (pod.spec?.volumes ?? []).filter(({ ephemeral }) => ephemeral !== undefined)

export function ephemeralVolumeController(): Controller {
  return {
    name: 'ephemeral-volume-controller',
    eventSource: 'ephemeral_volume',
    watches: [
      {
        resource: resources.pods,
        toKeys: (object, _view, change) => (change !== 'delete' && ephemeralVolumes(object as Pod).length > 0 ? [keyOf(object)] : []),
        // A pod's volumes do not change: there is nothing to do that was not there at first.
        changed: () => false,
      },
      {
        resource: resources.persistentVolumeClaims,
        // One that is deleted while its pod stays is made again.
        toKeys: (object, view, change) =>
          change === 'delete'
            ? podsOfClaim(view, keyOf(object))
                .filter((pod) => ephemeralVolumes(pod).length > 0)
                .map(keyOf)
            : [],
      },
    ],
    start: indexPodsByClaim,
    async reconcile(key, view) {
      const pod = view.lister<Pod>(resources.pods).get(key)
      if (!pod || pod.metadata.deletionTimestamp) return
      for (const volume of ephemeralVolumes(pod)) await ensureClaim(pod, volume, view)
    },
  }
}

async function ensureClaim(pod: Pod, volume: Volume, view: View): Promise<void> {
  const { namespace } = pod.metadata
  const name = ephemeralClaimName(pod, volume)
  const present = view.lister<PersistentVolumeClaim>(resources.persistentVolumeClaims).get(`${namespace}/${name}`)
  if (present) {
    if (isControlledBy(present, pod)) return
    throw new Error(`PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`)
  }
  const { metadata, spec } = volume.ephemeral?.volumeClaimTemplate ?? {}
  const claim: PersistentVolumeClaim = {
    metadata: {
      ...{ name, namespace, labels: metadata?.labels, annotations: metadata?.annotations },
      ownerReferences: [controllerReference(pod, podKind)],
    },
    ...(spec ? { spec } : {}),
  }
  try {
    await view.client.resource<PersistentVolumeClaim>(resources.persistentVolumeClaims).create(claim)
  } catch (error) {
    if (!isGoingNamespace(error)) throw error
  }
}
