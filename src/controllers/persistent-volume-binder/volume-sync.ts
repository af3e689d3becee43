/** Carries out what volume-step.ts decides. */
import { hasReason } from '../../api/status.js'
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { podsOfClaim } from '../common/claims-of-pods.js'
import { unlessGone } from '../common/refusals.js'
import { isPodFinished } from '../common/pods.js'
import { volumeUnbound } from './binding.js'
import type { Said } from './claim-step.js'
import { type Caches, claimKey } from './caches.js'
import { scrubVolume } from './recycler.js'
import { reclaim, volumeStep } from './volume-step.js'

type Phase = NonNullable<NonNullable<PersistentVolume['status']>['phase']>

export class VolumeSync {
  readonly #caches: Caches

  constructor(caches: Caches) {
    this.#caches = caches
  }

  async run(name: string): Promise<void> {
    const volume = this.#caches.volumes.get(name)
    if (!volume) return this.#caches.volumes.forget(name)
    const claim = await this.#claimOf(volume)
    const step = volumeStep(volume, claim)
    switch (step.do) {
      case 'set-phase':
        return void (await this.#setPhase(volume, step.phase))
      case 'wake-claim':
        return this.#caches.view.enqueue(claimKey(claim?.metadata.namespace, claim?.metadata.name))
      case 'mismatch':
        return this.#reportMismatch(volume, claim)
      case 'unbind':
        return this.#unbind(volume)
      case 'release':
        return this.#release(volume)
    }
  }

  /**
   * The claim that the volume points at. Before a volume is released the API server is asked: under load the claim of a volume
   * that a provisioner has just made may not be in the cache yet.
   */
  async #claimOf(volume: PersistentVolume): Promise<PersistentVolumeClaim | undefined> {
    const { view, claims } = this.#caches
    const { namespace = '', name = '', uid } = volume.spec?.claimRef ?? {}
    if (!uid) return undefined
    const cached = claims.get(`${namespace}/${name}`)
    if (cached?.metadata.uid === uid) return cached
    const isReleased = volume.status?.phase === 'Released' || volume.status?.phase === 'Failed'
    if (isReleased) return undefined
    try {
      const fresh = await view.client.resource<PersistentVolumeClaim>(resources.persistentVolumeClaims).get(namespace, name)
      return fresh.metadata.uid === uid ? fresh : undefined
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    }
  }

  async #release(found: PersistentVolume): Promise<void> {
    const { phase } = found.status ?? {}
    const volume = phase === 'Released' || phase === 'Failed' ? found : await this.#setPhase(found, 'Released')
    const next = reclaim(volume)
    switch (next.do) {
      case 'keep':
        return undefined
      case 'fail':
        return this.#fail(volume, next.reason, next.message)
      case 'delete':
        if (volume.metadata.deletionTimestamp) return undefined
        return unlessGone(this.#resource().delete('', volume.metadata.name ?? '', { preconditions: { uid: volume.metadata.uid } }))
      case 'recycle':
        return this.#recycle(volume)
    }
  }

  async #recycle(volume: PersistentVolume): Promise<void> {
    const { view } = this.#caches
    const { namespace, name } = volume.spec?.claimRef ?? {}
    const users = podsOfClaim(view, `${namespace}/${name}`).filter((pod) => !isPodFinished(pod))
    if (users.length > 0) {
      const names = users.map(({ metadata }) => metadata.name).join(',')
      return this.#say(volume, { type: 'Normal', reason: 'VolumeFailedRecycle', message: `Volume is used by pods: ${names}` })
    }
    const outcome = await scrubVolume(volume, view)
    if (outcome === 'running') return
    if (outcome !== 'done') return this.#fail(volume, 'VolumeFailedRecycle', `Recycle failed: ${outcome.failed}`)
    this.#say(volume, { type: 'Normal', reason: 'VolumeRecycled', message: 'Volume recycled' })
    await this.#unbind(volume)
  }

  async #unbind(volume: PersistentVolume): Promise<void> {
    const unbound = this.#caches.volumes.wrote(await this.#resource().update(volumeUnbound(volume)))
    await this.#setPhase(unbound, 'Available')
  }

  async #fail(volume: PersistentVolume, reason: string, message: string): Promise<void> {
    if (volume.status?.phase !== 'Failed') this.#say(volume, { type: 'Warning', reason, message })
    await this.#setPhase(volume, 'Failed', message)
  }

  async #setPhase(volume: PersistentVolume, phase: Phase, message?: string): Promise<PersistentVolume> {
    if (volume.status?.phase === phase) return volume
    const { message: _, ...status } = volume.status ?? {}
    const written = await this.#resource().updateStatus({ ...volume, status: { ...status, phase, ...(message ? { message } : {}) } })
    return this.#caches.volumes.wrote(written)
  }

  #reportMismatch(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): void {
    const [volumeName, claimName] = [volume.metadata.name, claim?.metadata.name]
    const said = (message: string): Said => ({ type: 'Warning', reason: 'VolumeMismatch', message })
    this.#say(
      volume,
      said(`Cannot bind PersistentVolume to requested PersistentVolumeClaim "${claimName}" due to incompatible volumeMode.`),
    )
    if (!claim) return
    const { type, reason, message } = said(
      `Cannot bind PersistentVolume "${volumeName}" to requested PersistentVolumeClaim "${claimName}" due to incompatible volumeMode.`,
    )
    this.#caches.view.events.event({ ...claim, apiVersion: 'v1', kind: 'PersistentVolumeClaim' }, type, reason, message)
  }

  #resource() {
    return this.#caches.view.client.resource<PersistentVolume>(resources.persistentVolumes)
  }

  #say(volume: PersistentVolume, { type, reason, message }: Said): void {
    this.#caches.view.events.event({ ...volume, apiVersion: 'v1', kind: 'PersistentVolume' }, type, reason, message)
  }
}
