/** The writes of a StatefulSet: its pods and their claims, with the events that tell of them. */
import { hasReason } from '../../api/status.js'
import type { StatefulSet } from '../../api/types/apps-v1.js'
import type { PersistentVolumeClaim, Pod } from '../../api/types/core-v1.js'
import { messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import { isControlledBy } from '../common/owner.js'
import { isGoingNamespace } from '../common/refusals.js'
import type { View } from '../controller.js'
import { claimOwners, isStaleClaim } from './claims.js'
import { claimsOf, hasIdentity, identityLabels, makePod, ordinalOf, podName, type PodOrigin } from './identity.js'

export class PodWriter {
  readonly #set: StatefulSet
  readonly #view: View
  readonly #namespace: string

  constructor(set: StatefulSet, view: View) {
    this.#set = set
    this.#view = view
    this.#namespace = set.metadata.namespace ?? ''
  }

  /** Claims first, so that the pod can be scheduled by where they are. */
  async create(ordinal: number, origin: PodOrigin): Promise<void> {
    const name = podName(this.#set, ordinal)
    if (this.#claims(ordinal).some(({ there }) => there && isStaleClaim(this.#set, name, undefined, there))) {
      // Its deletion does not wake this set: look again.
      throw new Error(`claims of the former pod ${name} are still there`)
    }
    let pod: Pod
    try {
      await this.#makeClaims(ordinal)
      pod = await this.#pods().create(makePod(this.#set, ordinal, origin))
    } catch (error) {
      // Our own, which the cache has not shown yet, is no failure: its event will come.
      if (hasReason(error, 'AlreadyExists') && isControlledBy(await this.#pods().get(this.#namespace, name), this.#set)) return
      if (!isGoingNamespace(error)) this.#sayPod('create', name, error)
      throw error
    }
    await this.keepClaims(pod)
    this.#sayPod('create', name)
  }

  async delete(pod: Pod): Promise<void> {
    const { name = '', uid } = pod.metadata
    try {
      await this.#pods().delete(this.#namespace, name, { preconditions: { uid } })
    } catch (error) {
      if (hasReason(error, 'NotFound')) return
      this.#sayPod('delete', name, error)
      throw error
    }
    this.#sayPod('delete', name)
  }

  /** Puts right what makes the pod that one pod: its labels, its claims (made anew for one that waits for them) and their owners. */
  async keep(pod: Pod): Promise<void> {
    const ordinal = ordinalOf(this.#set, pod)
    if (ordinal === undefined) return
    if (pod.status?.phase === 'Pending' && !pod.metadata.deletionTimestamp) await this.#makeClaims(ordinal)
    await this.keepClaims(pod)
    if (hasIdentity(pod)) return
    const { name = '', uid } = pod.metadata
    try {
      const body = { metadata: { uid, labels: identityLabels(name, ordinal) } }
      await this.#pods().patch(this.#namespace, name, { type: 'merge', body })
    } catch (error) {
      this.#sayPod('update', name, error)
      throw error
    }
    this.#sayPod('update', name)
  }

  /** Gives the pod's claims the owners that the retention policy asks for. */
  async keepClaims(pod: Pod): Promise<void> {
    const ordinal = ordinalOf(this.#set, pod)
    if (ordinal === undefined) return
    for (const { there } of this.#claims(ordinal)) {
      const ownerReferences = there && claimOwners(this.#set, pod, there)
      if (!ownerReferences) continue
      await this.#claimClient().update({ ...there, metadata: { ...there.metadata, ownerReferences } })
    }
  }

  async #makeClaims(ordinal: number): Promise<void> {
    for (const { wanted, there } of this.#claims(ordinal)) {
      const { name } = wanted.metadata
      if (there?.metadata.deletionTimestamp) throw new Error(`pvc ${name} is being deleted`)
      if (there) continue
      const about = `Claim ${name} Pod ${podName(this.#set, ordinal)} in StatefulSet ${this.#set.metadata.name}`
      try {
        await this.#claimClient().create(wanted)
      } catch (error) {
        if (hasReason(error, 'AlreadyExists')) continue
        if (!isGoingNamespace(error)) this.#say('Warning', 'FailedCreate', `create ${about} failed error: ${messageOf(error)}`)
        throw error
      }
      this.#say('Normal', 'SuccessfulCreate', `create ${about} success`)
    }
  }

  #claims(ordinal: number): { readonly wanted: PersistentVolumeClaim; readonly there: PersistentVolumeClaim | undefined }[] {
    const lister = this.#view.lister<PersistentVolumeClaim>(resources.persistentVolumeClaims)
    return claimsOf(this.#set, ordinal).map((wanted) => ({ wanted, there: lister.get(`${this.#namespace}/${wanted.metadata.name}`) }))
  }

  #sayPod(verb: 'create' | 'update' | 'delete', name: string, error?: unknown): void {
    const noun = { create: 'Create', update: 'Update', delete: 'Delete' }[verb]
    const what = `${verb} Pod ${name} in StatefulSet ${this.#set.metadata.name}`
    if (error === undefined) this.#say('Normal', `Successful${noun}`, `${what} successful`)
    else this.#say('Warning', `Failed${noun}`, `${what} failed error: ${messageOf(error)}`)
  }

  #say(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#view.events.event({ ...this.#set, apiVersion: 'apps/v1', kind: 'StatefulSet' }, type, reason, message)
  }

  readonly #pods = () => this.#view.client.resource<Pod>(resources.pods)
  readonly #claimClient = () => this.#view.client.resource<PersistentVolumeClaim>(resources.persistentVolumeClaims)
}
