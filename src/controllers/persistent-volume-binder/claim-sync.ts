/** Carries out what claim-step.ts decides. */
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.js'
import type { StorageClass } from '../../api/types/storage-v1.js'
import { resources } from '../../client/resources.js'
import { podsOfClaim } from '../common/claims-of-pods.js'
import { isPodFinished } from '../common/pods.js'
import { sameJson } from '../../api/same-json.js'
import {
  betaStorageProvisioner,
  boundStatus,
  claimBoundTo,
  classOf,
  migratedTo,
  storageProvisioner,
  unboundStatus,
  volumeBoundTo,
} from './binding.js'
import { type ClaimStep, claimStep, type Said } from './claim-step.js'
import { type Caches, indexes } from './caches.js'

const defaultClassAnnotation = 'storageclass.kubernetes.io/is-default-class'
const betaDefaultClassAnnotation = 'storageclass.beta.kubernetes.io/is-default-class'

export class ClaimSync {
  readonly #caches: Caches

  constructor(caches: Caches) {
    this.#caches = caches
  }

  async run(key: string): Promise<void> {
    const claim = this.#caches.claims.get(key)
    if (!claim) return
    await this.#carryOut(claim, claimStep(claim, this.#world(key, claim)))
  }

  #world(key: string, claim: PersistentVolumeClaim): Parameters<typeof claimStep>[1] {
    const { view, volumes, provisions } = this.#caches
    const lister = view.lister<PersistentVolume>(resources.persistentVolumes)
    const candidates = [...lister.by(indexes.freeByClass, classOf(claim)), ...lister.by(indexes.byClaim, key)]
    return {
      named: claim.spec?.volumeName ? volumes.get(claim.spec.volumeName) : undefined,
      candidates: candidates.map((volume) => volumes.of(volume)),
      storageClass: view.lister<StorageClass>(resources.storageClasses).get(classOf(claim)),
      defaultClass: defaultClass(view.lister<StorageClass>(resources.storageClasses).list()),
      unscheduledPods: podsOfClaim(view, key)
        .filter((pod) => !pod.spec?.nodeName && !isPodFinished(pod))
        .map(({ metadata }) => metadata.name ?? ''),
      provisions,
    }
  }

  async #carryOut(claim: PersistentVolumeClaim, step: ClaimStep): Promise<void> {
    switch (step.do) {
      case 'bind':
        return this.#bind(claim, step.volume)
      case 'wait':
        if (step.say) this.#say(claim, step.say)
        return void (await this.#setStatus(claim, unboundStatus(claim, 'Pending')))
      case 'lose':
        if (await this.#setStatus(claim, unboundStatus(claim, 'Lost'))) this.#say(claim, step.say)
        return undefined
      case 'use-class':
        return this.#update({ ...claim, spec: { ...claim.spec, storageClassName: step.name } })
      case 'provision':
        return this.#provision(claim, step.provisioner, step.migratedFrom)
      case 'fail':
        throw new Error(step.message)
    }
  }

  /** Each of the four writes may be the one after which another process goes on: the next sync finds what is missing. */
  async #bind(claim: PersistentVolumeClaim, found: PersistentVolume): Promise<void> {
    const { view, volumes } = this.#caches
    const resource = view.client.resource<PersistentVolume>(resources.persistentVolumes)
    let volume = found
    const bound = volumeBoundTo(volume, claim)
    if (bound) volume = volumes.wrote(await resource.update(bound))
    if (volume.status?.phase !== 'Bound')
      volume = volumes.wrote(await resource.updateStatus({ ...volume, status: { ...volume.status, phase: 'Bound' } }))
    const pointing = claimBoundTo(claim, volume)
    if (pointing) await this.#update(pointing)
    const latest = this.#caches.claims.get(`${claim.metadata.namespace}/${claim.metadata.name}`) ?? claim
    await this.#setStatus(latest, boundStatus(latest, volume))
  }

  async #provision(claim: PersistentVolumeClaim, provisioner: string, migratedFrom: string | undefined): Promise<void> {
    const annotations = {
      ...claim.metadata.annotations,
      [betaStorageProvisioner]: migratedFrom ?? provisioner,
      [storageProvisioner]: migratedFrom ?? provisioner,
      ...(migratedFrom ? { [migratedTo]: provisioner } : {}),
    }
    if (!sameJson(annotations, claim.metadata.annotations)) await this.#update({ ...claim, metadata: { ...claim.metadata, annotations } })
    this.#say(claim, {
      type: 'Normal',
      reason: 'ExternalProvisioning',
      message: `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
    })
  }

  async #update(claim: PersistentVolumeClaim): Promise<void> {
    const { view, claims } = this.#caches
    claims.wrote(await view.client.resource<PersistentVolumeClaim>(resources.persistentVolumeClaims).update(claim))
  }

  /** True when there was something to write. */
  async #setStatus(claim: PersistentVolumeClaim, status: NonNullable<PersistentVolumeClaim['status']>): Promise<boolean> {
    if (sameJson(status, claim.status)) return false
    const { view, claims } = this.#caches
    const resource = view.client.resource<PersistentVolumeClaim>(resources.persistentVolumeClaims)
    claims.wrote(await resource.updateStatus({ ...claim, status }))
    return true
  }

  #say(claim: PersistentVolumeClaim, { type, reason, message }: Said): void {
    this.#caches.view.events.event({ ...claim, apiVersion: 'v1', kind: 'PersistentVolumeClaim' }, type, reason, message)
  }
}

/** The newest of several default classes; of two of one age the first by name. */
function defaultClass(all: readonly StorageClass[]): StorageClass | undefined {
  let best: StorageClass | undefined
  for (const each of all) {
    const { annotations } = each.metadata
    if (annotations?.[defaultClassAnnotation] !== 'true' && annotations?.[betaDefaultClassAnnotation] !== 'true') continue
    const [age, bestAge] = [each.metadata.creationTimestamp ?? '', best?.metadata.creationTimestamp ?? '']
    if (!best || age > bestAge || (age === bestAge && (each.metadata.name ?? '') < (best.metadata.name ?? ''))) best = each
  }
  return best
}
