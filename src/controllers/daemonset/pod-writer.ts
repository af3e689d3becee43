/** The writes of a DaemonSet: its pods, with the events that tell of them. */
import { hasReason } from '../../api/status.js'
import type { DaemonSet } from '../../api/types/apps-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import { messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import type { Expectations } from '../common/expectations.js'
import { isGoingNamespace } from '../common/refusals.js'
import { slowStartBatch } from '../common/slow-start.js'
import type { View } from '../controller.js'
import { makeDaemonPod } from './daemon-pods.js'
import type { Steps } from './plan.js'

/** What one reconcile creates or deletes at most (upstream's BurstReplicas). */
const burst = 250

export interface Writing {
  readonly view: View
  readonly set: DaemonSet
  readonly key: string
  readonly hash: string
  readonly expectations: Expectations
}

/** Makes and ends pods; throws the first error after everything else was tried. */
export async function applySteps(writing: Writing, steps: Steps): Promise<void> {
  const create = steps.create.slice(0, burst)
  const gone = steps.delete.slice(0, burst)
  if (create.length === 0 && gone.length === 0) return
  writing.expectations.expect(
    writing.key,
    create.length,
    gone.map((pod) => pod.metadata.name ?? ''),
  )
  const [made, ...ended] = await Promise.allSettled([createPods(writing, create), ...gone.map((pod) => deletePod(writing, pod))])
  const failed = [made, ...ended].find((each) => each.status === 'rejected')
  if (failed) throw failed.reason
}

async function createPods({ view, set, key, hash, expectations }: Writing, nodes: readonly string[]): Promise<void> {
  const say = sayOf(view, set)
  const pods = view.client.resource<Pod>(resources.pods)
  let tried = 0
  const { error } = await slowStartBatch(nodes.length, async (index) => {
    tried++
    try {
      const pod = await pods.create(makeDaemonPod(set, nodes[index] ?? '', hash))
      say('Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
    } catch (failure) {
      expectations.created(key)
      if (!isGoingNamespace(failure)) say('Warning', 'FailedCreate', `Error creating: ${messageOf(failure)}`)
      throw failure
    }
  })
  for (let skipped = nodes.length - tried; skipped > 0; skipped--) expectations.created(key)
  // In a namespace that is being deleted nothing can be made, and nothing is wrong.
  if (error !== undefined && !isGoingNamespace(error)) throw error
}

async function deletePod({ view, set, key, expectations }: Writing, pod: Pod): Promise<void> {
  const { namespace = '', name = '', uid } = pod.metadata
  const say = sayOf(view, set)
  try {
    await view.client.resource(resources.pods).delete(namespace, name, { preconditions: { uid } })
    say('Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
  } catch (error) {
    expectations.deleted(key, name)
    if (hasReason(error, 'NotFound')) return
    say('Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`)
    throw error
  }
}

export function sayOf(view: View, set: DaemonSet): (type: 'Normal' | 'Warning', reason: string, message: string) => void {
  return (type, reason, message) => view.events.event({ ...set, apiVersion: 'apps/v1', kind: 'DaemonSet' }, type, reason, message)
}
