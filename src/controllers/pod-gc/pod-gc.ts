/**
 * Removes pods that nobody else removes: those whose node is gone, those ending on a node out of service or on none, and the
 * oldest of very many that have ended. A look at all pods every 20 seconds.
 */
import { hasReason } from '../../api/status.js'
import type { Node, Pod } from '../../api/types/core-v1.js'
import { messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import { concurrently } from '../common/concurrently.js'
import { disruptionTarget, patchPodStatus } from '../common/pod-conditions.js'
import { isPodFinished } from '../common/pods.js'
import type { Controller, Outcome, View } from '../controller.js'
import { endingOnDeadNodes, endingUnscheduled, surplusEnded } from './garbage.js'

const periodMs = 20_000
/** So long a node must be missing from the cache before the API server is asked whether it is gone. */
const quarantineMs = 40_000
const deletersMax = 20

export function podGarbageCollectorController(terminatedPodThreshold = 12_500): Controller {
  /** Since when pods of a node have been seen without it, on the monotonic clock. */
  const missing = new Map<string, number>()
  return {
    name: 'pod-garbage-collector-controller',
    workers: 1,
    watches: [
      { resource: resources.pods, toKeys: () => [], changed: () => false },
      { resource: resources.nodes, toKeys: () => [], changed: () => false },
    ],
    start: (view) => view.enqueue('look'),
    async reconcile(_key, view): Promise<Outcome> {
      const pods = view.lister<Pod>(resources.pods).list()
      const nodes = view.lister<Node>(resources.nodes)
      await removeAll(surplusEnded(pods, terminatedPodThreshold), view)
      await removeAll(
        endingOnDeadNodes(pods, (name) => nodes.get(name)),
        view,
      )
      const gone = await goneNodes(pods, missing, view)
      await removeAll(
        pods.filter(({ spec }) => gone.has(spec?.nodeName ?? '')),
        view,
        true,
      )
      await removeAll(endingUnscheduled(pods), view)
      return { requeueAfterMs: periodMs }
    },
  }
}

/** Nodes that pods name and that were missing for the whole quarantine, as the API server confirms. */
async function goneNodes(pods: readonly Pod[], missing: Map<string, number>, view: View): Promise<ReadonlySet<string>> {
  const nodes = view.lister<Node>(resources.nodes)
  const nowMs = view.clock.monotonic()
  const named = new Set<string>()
  for (const { spec } of pods) if (spec?.nodeName && !nodes.get(spec.nodeName)) named.add(spec.nodeName)
  for (const name of missing.keys()) if (!named.has(name)) missing.delete(name)
  const gone = new Set<string>()
  for (const name of named) {
    const since = missing.get(name)
    if (since === undefined) missing.set(name, nowMs)
    else if (nowMs - since >= quarantineMs) {
      missing.delete(name)
      if (await isGone(name, view)) gone.add(name)
    }
  }
  return gone
}

async function isGone(name: string, view: View): Promise<boolean> {
  try {
    await view.client.resource<Node>(resources.nodes).get('', name)
    return false
  } catch (error) {
    if (hasReason(error, 'NotFound')) return true
    view.logger.warn('Whether a node is gone could not be learned', { node: name, error: messageOf(error) })
    return false
  }
}

async function removeAll(pods: readonly Pod[], view: View, isOrphan = false): Promise<void> {
  await concurrently(pods, deletersMax, async (pod) => {
    try {
      await remove(pod, view, isOrphan)
    } catch (error) {
      if (hasReason(error, 'NotFound') || hasReason(error, 'Conflict')) return
      view.logger.warn('A pod could not be removed', { pod: pod.metadata.name, namespace: pod.metadata.namespace, error: messageOf(error) })
    }
  })
}

/** Deletes at once. Without a kubelet nobody else would say that the pod has failed. */
async function remove(pod: Pod, view: View, isOrphan: boolean): Promise<void> {
  const { namespace = '', name = '', uid } = pod.metadata
  if (!isPodFinished(pod)) {
    const condition = isOrphan ? { condition: disruptionTarget(pod, 'DeletionByPodGC', 'PodGC: node no longer exists') } : {}
    await patchPodStatus(view.client, pod, { phase: 'Failed', ...condition }, view.clock.now())
  }
  await view.client.resource(resources.pods).delete(namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } })
}
