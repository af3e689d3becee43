/** Writes which volume or node was chosen for claims, and waits until they are bound. What is not yet written is assumed. */
import type { PersistentVolume, PersistentVolumeClaim } from '../../../api/types/core-v1.js'
import type { Cancel } from '../../../base/clock.js'
import { QuorateError } from '../../../base/errors.js'
import { resources } from '../../../client/resources.js'
import type { PluginDeps } from '../../config/plugin-deps.js'
import { boundByController, claimKey, isFullyBound, selectedNode, type StorageListers } from './claims.js'

interface Bound {
  readonly claim: PersistentVolumeClaim
  readonly volume: PersistentVolume
}

interface Assumed {
  readonly volumes: readonly Bound[]
  readonly provision: readonly PersistentVolumeClaim[]
  readonly node: string
}

export class VolumeBinder {
  readonly #storage: StorageListers
  readonly #deps: PluginDeps
  readonly #timeoutMs: number
  readonly #byPod = new Map<string, Assumed>()
  /** Volume → key of the claim that it was chosen for. */
  readonly #taken = new Map<string, string>()
  /** Claim → node for which it is to be provisioned. */
  readonly #selected = new Map<string, string>()
  readonly #waiting = new Set<() => void>()

  constructor(storage: StorageListers, deps: PluginDeps, timeoutMs: number) {
    this.#storage = storage
    this.#deps = deps
    this.#timeoutMs = timeoutMs
    const changed = () => {
      for (const look of this.#waiting) look()
    }
    storage.claims.addHandler({ onUpdate: changed, onDelete: changed })
  }

  /** The claim as it will be once what is assumed has been written. */
  claim(key: string): PersistentVolumeClaim | undefined {
    const claim = this.#storage.claims.lister.get(key)
    const node = this.#selected.get(key)
    if (!claim || node === undefined || claim.metadata.annotations?.[selectedNode]) return claim
    return { ...claim, metadata: { ...claim.metadata, annotations: { ...claim.metadata.annotations, [selectedNode]: node } } }
  }

  /** Chosen for another claim. */
  isTaken(volume: string, claim: string): boolean {
    const by = this.#taken.get(volume)
    return by !== undefined && by !== claim
  }

  assume(pod: string, volumes: readonly Bound[], provision: readonly PersistentVolumeClaim[], node: string): void {
    this.#byPod.set(pod, { volumes, provision, node })
    for (const { claim, volume } of volumes) this.#taken.set(volume.metadata.name ?? '', claimKey(claim))
    for (const claim of provision) this.#selected.set(claimKey(claim), node)
  }

  forget(pod: string): void {
    const assumed = this.#byPod.get(pod)
    if (!assumed) return
    this.#byPod.delete(pod)
    for (const { volume } of assumed.volumes) this.#taken.delete(volume.metadata.name ?? '')
    for (const claim of assumed.provision) this.#selected.delete(claimKey(claim))
  }

  bind(pod: string, node: string, signal: AbortSignal): Promise<void> | undefined {
    const assumed = this.#byPod.get(pod)
    return assumed && this.#bind(pod, assumed, node, signal)
  }

  async #bind(pod: string, assumed: Assumed, node: string, signal: AbortSignal): Promise<void> {
    for (const bound of assumed.volumes) await this.#reserve(bound)
    for (const claim of assumed.provision) await this.#select(claim, node)
    await this.#untilBound([...assumed.volumes.map(({ claim }) => claim), ...assumed.provision].map(claimKey), node, signal)
    this.forget(pod)
  }

  async #reserve({ claim, volume }: Bound): Promise<void> {
    const { namespace, name, uid, resourceVersion } = claim.metadata
    const current = volume.spec?.claimRef
    if (current?.uid === uid && current?.name === name) return
    const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion }
    // The resource version makes it fail when the volume was given to another claim meanwhile.
    const metadata = { resourceVersion: volume.metadata.resourceVersion, annotations: { [boundByController]: 'yes' } }
    await this.#deps.client
      .resource<PersistentVolume>(resources.persistentVolumes)
      .patch('', volume.metadata.name ?? '', { type: 'merge', body: { metadata, spec: { claimRef } } })
  }

  async #select({ metadata }: PersistentVolumeClaim, node: string): Promise<void> {
    const { namespace = '', name = '', uid } = metadata
    const body = { metadata: { uid, annotations: { [selectedNode]: node } } }
    await this.#deps.client
      .resource<PersistentVolumeClaim>(resources.persistentVolumeClaims)
      .patch(namespace, name, { type: 'merge', body })
  }

  #untilBound(keys: readonly string[], node: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    return new Promise((resolve, reject) => {
      let cancel: Cancel = () => undefined
      const finish = (error?: Error) => {
        cancel()
        this.#waiting.delete(look)
        signal.removeEventListener('abort', onAbort)
        if (error) reject(error)
        else resolve()
      }
      const onAbort = () => finish(new Error('the scheduler was stopped'))
      const look = () => {
        try {
          if (keys.every((key) => this.#isBound(key, node))) finish()
        } catch (error) {
          finish(error as Error)
        }
      }
      cancel = clock.timer(this.#timeoutMs, () =>
        finish(new QuorateError('VolumesNotBound', 'binding volumes: timed out waiting for the condition')),
      )
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(look)
      look()
    })
  }

  /** Throws when it will not be bound for this pod any more. */
  #isBound(key: string, node: string): boolean {
    const claim = this.#storage.claims.lister.get(key)
    if (!claim) throw new QuorateError('VolumesNotBound', `binding volumes: the claim ${key} was deleted`)
    if (isFullyBound(claim)) return true
    const selected = claim.metadata.annotations?.[selectedNode]
    // A provisioner that cannot make a volume on the node takes the selection back: another node must be found.
    if (selected !== undefined && selected !== node)
      throw new QuorateError('VolumesNotBound', `binding volumes: the claim ${key} was given to another node`)
    return false
  }
}
