import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../api/types/core-v1.js'
import { messageOf } from '../../base/errors.js'
import type { Client } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import { claimOf, unprocessed } from './pod-volumes.js'

/** The PersistentVolume that a pod's volume means by its claim; throws the event's text while there is none to use. */
export interface Claimed {
  readonly claim: PersistentVolumeClaim
  readonly persistent: PersistentVolume
  readonly readOnly: boolean
}

export async function claimedVolume(client: Client, pod: Pod, volume: Volume): Promise<Claimed | undefined> {
  const wanted = claimOf(pod, volume)
  if (!wanted) return undefined
  const { namespace = '', uid } = pod.metadata
  const fail = (why: string) => unprocessed([volume.name], `error processing PVC ${namespace}/${wanted.name}: ${why}`)
  const claims = client.resource<PersistentVolumeClaim>(resources.persistentVolumeClaims)
  const claim = await claims.get(namespace, wanted.name).catch((error: unknown) => {
    throw fail(`failed to fetch PVC from API server: ${messageOf(error)}`)
  })
  if (wanted.ownedByPod && !claim.metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === uid))
    throw fail(`PVC ${namespace}/${wanted.name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`)
  if (claim.metadata.deletionTimestamp && !claim.metadata.finalizers?.includes('kubernetes.io/pvc-protection'))
    throw fail("can't start pod because PVC is being deleted")
  if (claim.status?.phase !== 'Bound') throw fail('PVC is not bound')
  const name = claim.spec?.volumeName
  if (!name) throw fail('PVC has empty pvc.Spec.VolumeName')
  const persistent = await client
    .resource<PersistentVolume>(resources.persistentVolumes)
    .get('', name)
    .catch((error: unknown) => {
      throw fail(`failed to fetch PV ${name} from API server: ${messageOf(error)}`)
    })
  const bound = persistent.spec?.claimRef
  if (!bound) throw fail(`found PV object ${name} with nil pvc.Spec.ClaimRef indicating it is not yet bound to the claim`)
  if (bound.uid !== claim.metadata.uid)
    throw fail(`found PV object ${name} with incorrect claimRef uid ${bound.uid}, expected ${claim.metadata.uid}`)
  return { claim, persistent, readOnly: wanted.readOnly }
}
