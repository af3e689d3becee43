/** The writes of a Job to its pods, with the events that tell of them. */
import { hasReason } from '../../api/status.js'
import type { Job } from '../../api/types/batch-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import { messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import type { Expectations } from '../common/expectations.js'
import { isGoingNamespace } from '../common/refusals.js'
import { isPodReady } from '../common/pods.js'
import { slowStartBatch } from '../common/slow-start.js'
import type { View } from '../controller.js'
import { isTracked, makeJobPod, trackingFinalizer } from './job-pods.js'

export interface Ended {
  readonly count: number
  readonly ready: number
  readonly error?: unknown
}

export class PodWriter {
  readonly #job: Job
  readonly #key: string
  readonly #view: View
  readonly #expectations: Expectations

  constructor(job: Job, key: string, view: View, expectations: Expectations) {
    this.#job = job
    this.#key = key
    this.#view = view
    this.#expectations = expectations
  }

  /** Makes pods, of these indexes in an Indexed Job. `replaced`: the failed pods whose place they take. */
  async create(count: number, indexes: readonly number[] | undefined, replaced: ReadonlyMap<number, Pod>): Promise<Ended> {
    this.#expectations.expect(this.#key, count)
    let tried = 0
    const { succeeded, error } = await slowStartBatch(count, async (position) => {
      tried++
      const index = indexes?.[position]
      try {
        const pod = await this.#pods().create(makeJobPod(this.#job, index, index === undefined ? undefined : replaced.get(index)))
        this.say('Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
      } catch (failure) {
        this.#expectations.created(this.#key)
        if (!isGoingNamespace(failure)) this.say('Warning', 'FailedCreate', `Error creating: ${messageOf(failure)}`)
        throw failure
      }
    })
    for (let skipped = count - tried; skipped > 0; skipped--) this.#expectations.created(this.#key)
    // In a namespace that is being deleted nothing can be made, and nothing is wrong.
    return { count: succeeded, ready: 0, ...(isGoingNamespace(error) ? {} : { error }) }
  }

  /** Ends pods that are not needed: they are not counted, so the finalizer goes first. */
  async remove(pods: readonly Pod[]): Promise<Ended> {
    this.#expectations.expect(
      this.#key,
      0,
      pods.map((pod) => pod.metadata.name ?? ''),
    )
    return this.#end(pods, async (pod) => {
      try {
        if (isTracked(pod)) await this.#untrack(pod)
        await this.#delete(pod)
      } catch (error) {
        this.#expectations.deleted(this.#key, pod.metadata.name ?? '')
        throw error
      }
    })
  }

  /** Ends pods of a Job that has ended: they keep the finalizer until they are counted. */
  end(pods: readonly Pod[]): Promise<Ended> {
    return this.#end(pods, (pod) => this.#delete(pod))
  }

  /** Takes the tracking finalizer off; gives back the uids of the pods that are without it, and the first error. */
  async release(pods: readonly Pod[]): Promise<{ released: Set<string>; error?: unknown }> {
    const results = await Promise.allSettled(pods.map((pod) => this.#untrack(pod)))
    const released = new Set<string>()
    for (const [i, result] of results.entries()) if (result.status === 'fulfilled') released.add(pods[i]?.metadata.uid ?? '')
    return { released, error: results.find((each) => each.status === 'rejected')?.reason }
  }

  say(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#view.events.event({ ...this.#job, apiVersion: 'batch/v1', kind: 'Job' }, type, reason, message)
  }

  async #end(pods: readonly Pod[], end: (pod: Pod) => Promise<void>): Promise<Ended> {
    const results = await Promise.allSettled(pods.map(end))
    const ended = pods.filter((_, i) => results[i]?.status === 'fulfilled')
    return {
      count: ended.length,
      ready: ended.filter(isPodReady).length,
      error: results.find((each) => each.status === 'rejected')?.reason,
    }
  }

  async #delete({ metadata: { namespace = '', name = '', uid } }: Pod): Promise<void> {
    try {
      await this.#pods().delete(namespace, name, { preconditions: { uid } })
    } catch (error) {
      if (hasReason(error, 'NotFound')) return
      this.say('Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`)
      throw error
    }
    this.say('Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
  }

  #untrack(pod: Pod): Promise<void> {
    return untrack(this.#view, pod)
  }

  readonly #pods = () => this.#view.client.resource<Pod>(resources.pods)
}

/** Takes the tracking finalizer off a pod; one that has gone is fine. */
export async function untrack(view: View, { metadata: { namespace = '', name = '', uid } }: Pod): Promise<void> {
  const body = { metadata: { uid, '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] } }
  try {
    await view.client.resource(resources.pods).patch(namespace, name, { type: 'strategic', body })
  } catch (error) {
    // Gone; or, with Conflict, another pod of the same name.
    if (!hasReason(error, 'NotFound') && !hasReason(error, 'Conflict')) throw error
  }
}
