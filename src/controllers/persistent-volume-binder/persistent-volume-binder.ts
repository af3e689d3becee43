/**
 * Binds claims to volumes, one to one and in both directions, and decides what becomes of a volume whose claim is gone. The
 * volume is written first: who has it is settled there, by its resource version. One key at a time, so that no two claims are
 * promised one volume.
 */
import { keyOf, splitKey } from '../../api/object.js'
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import type { Controller, View } from '../controller.js'
import { classOf } from './binding.js'
import { type Caches, claimKey, indexes, makeCaches, volumeKey } from './caches.js'
import { ClaimSync } from './claim-sync.js'
import { scrubbedBy } from './recycler.js'
import { VolumeSync } from './volume-sync.js'

export interface BinderOptions {
  /** --pvclaimbinder-sync-period: how often what waits is looked at again. */
  readonly syncPeriodMs?: number
  /** --enable-dynamic-provisioning */
  readonly provisions?: boolean
}

/** Keys: "claim/NAMESPACE/NAME", "volume/NAME", "class/NAME" for the claims of a class that wait, and this one. */
const resyncKey = 'resync'
const classKey = (name: string): string => `class/${name}`

export function persistentVolumeBinder({ syncPeriodMs = 15_000, provisions = true }: BinderOptions = {}): Controller {
  let caches: Caches | undefined
  return {
    name: 'persistentvolume-binder-controller',
    eventSource: 'persistentvolume-controller',
    workers: 1,
    watches: [
      {
        resource: resources.persistentVolumeClaims,
        toKeys(object, _view, change) {
          const { namespace, name } = object.metadata
          const { volumeName } = (object as PersistentVolumeClaim).spec ?? {}
          const volume = volumeName && change !== 'add' ? [volumeKey(volumeName)] : []
          return [claimKey(namespace, name), ...volume]
        },
      },
      // A volume that comes free is for any claim of its class.
      { resource: resources.persistentVolumes, toKeys: (object, view) => keysOfVolume(object as PersistentVolume, view) },
      {
        resource: resources.storageClasses,
        toKeys: (object) => [classKey(keyOf(object)), classKey('')],
        changed: () => false,
      },
      {
        resource: resources.pods,
        toKeys(object) {
          const volume = scrubbedBy(object as Pod)
          return volume === undefined ? [] : [volumeKey(volume)]
        },
        changed: (object, old) => (object as Pod).status?.phase !== (old as Pod).status?.phase,
      },
    ],
    start(view) {
      caches = makeCaches(view, provisions)
      view.enqueue(resyncKey, syncPeriodMs)
    },
    async reconcile(key, view) {
      if (!caches) throw new Error('assertion failed: reconcile before start')
      if (key === resyncKey) {
        resync(view)
        return { requeueAfterMs: syncPeriodMs }
      }
      const { namespace: kind, name } = splitKey(key)
      if (kind === 'class') wakeWaiting(name, view)
      else if (kind === 'claim') await new ClaimSync(caches).run(name)
      else await new VolumeSync(caches).run(name)
      return undefined
    },
  }
}

function wakeWaiting(storageClass: string, view: View): void {
  const claims = view.lister<PersistentVolumeClaim>(resources.persistentVolumeClaims)
  for (const { metadata } of claims.by(indexes.waitingByClass, storageClass)) view.enqueue(claimKey(metadata.namespace, metadata.name))
}

/** The volume, the claim it points at, claims that name it, and when it is free those that might take it. */
function keysOfVolume(volume: PersistentVolume, view: View): readonly string[] {
  const { name = '' } = volume.metadata
  const { claimRef } = volume.spec ?? {}
  const naming = view.lister<PersistentVolumeClaim>(resources.persistentVolumeClaims).by(indexes.claimsByVolume, name)
  return [
    volumeKey(name),
    ...(claimRef ? [claimKey(claimRef.namespace, claimRef.name)] : []),
    ...naming.map(({ metadata }) => claimKey(metadata.namespace, metadata.name)),
    ...(!claimRef && volume.status?.phase === 'Available' ? [classKey(classOf(volume))] : []),
  ]
}

/** What waits is looked at again: its events go on, and nothing hangs on an event that was missed. */
function resync(view: View): void {
  const volumes = view.lister<PersistentVolume>(resources.persistentVolumes).list()
  const claims = view.lister<PersistentVolumeClaim>(resources.persistentVolumeClaims).list()
  for (const claim of claims) if (claim.status?.phase !== 'Bound') view.enqueue(claimKey(claim.metadata.namespace, claim.metadata.name))
  for (const { metadata, status } of volumes)
    if (status?.phase !== 'Bound' && status?.phase !== 'Available') view.enqueue(volumeKey(metadata.name))
}
