/**
 * resourcequota-controller: status.hard says what spec.hard does, status.used what the namespace's objects use of it. Admission
 * charges new objects at once; this controller gives back what ended or was deleted, and puts right whatever went astray.
 */
import { type GroupVersionResource, keyOf, type KubeObject } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { ResourceQuota } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import type { ObjectMonitors } from '../common/object-monitors.js'
import { sameJson } from '../../api/same-json.js'
import type { Controller, View, Watch } from '../controller.js'
import { claimChanged, podChanged, serviceChanged } from './changes.js'
import { ObjectCounts } from './object-counts.js'
import { type Counted, countedResources, quotaStatus } from './status.js'

export interface ResourceQuotaOptions {
  readonly syncPeriodMs: number
  readonly monitors: ObjectMonitors
}

/** Changes that come together are counted together: adding up a namespace costs its size, so a large one waits longer. */
const gatherMs = 50
const gatherMsPerObject = 0.2
/** Objects that were added have been charged already; the second look mends what a lagging cache made of it. */
const addedMs = 2_000
/** What is kept whole, so that usage can be read off the objects. */
const whole: ReadonlyMap<string, GroupVersionResource> = new Map(
  [resources.pods, resources.services, resources.persistentVolumeClaims, resources.replicationControllers, resources.resourceQuotas].map(
    (of) => [of.resource, of],
  ),
)

export function resourceQuotaController({ syncPeriodMs, monitors }: ResourceQuotaOptions): Controller {
  let counts: ObjectCounts | undefined
  /** How many objects each quota counted last. */
  const sizes = new Map<string, number>()
  const wake = (namespace: string, view: View, change: 'add' | 'update' | 'delete') => {
    for (const quota of view.lister<ResourceQuota>(resources.resourceQuotas).list(namespace)) {
      const key = keyOf(quota)
      view.enqueue(key, change === 'add' ? addedMs : gatherMs + Math.ceil(gatherMsPerObject * (sizes.get(key) ?? 0)))
    }
  }
  /** Wakes with a delay, so nothing is put on the queue at once. */
  const counted = (resource: GroupVersionResource, changed: (now: KubeObject, old: KubeObject) => boolean): Watch => ({
    resource,
    changed,
    toKeys(object, view, change) {
      wake(object.metadata.namespace ?? '', view, change)
      return []
    },
  })
  const never = () => false
  return {
    name: 'resourcequota-controller',
    watches: [
      {
        resource: resources.resourceQuotas,
        toKeys: (object, view, change) => {
          wake(object.metadata.namespace ?? '', view, change)
          return change === 'delete' ? [] : [keyOf(object)]
        },
        changed: (object, old) => !sameJson((object as ResourceQuota).spec, (old as ResourceQuota).spec),
      },
      counted(resources.pods, podChanged),
      counted(resources.services, serviceChanged),
      counted(resources.persistentVolumeClaims, claimChanged),
      counted(resources.replicationControllers, never),
    ],
    start(view) {
      counts = new ObjectCounts(view, monitors, (namespace, change) => wake(namespace, view, change))
      resync(view, syncPeriodMs)
    },
    async reconcile(key, view) {
      const quota = view.lister<ResourceQuota>(resources.resourceQuotas).get(key)
      if (!quota || !counts) {
        sizes.delete(key)
        return
      }
      const namespace = quota.metadata.namespace ?? ''
      const found: Counted[] = []
      for (const of of countedResources(quota)) {
        const known = of.group === '' ? whole.get(of.resource) : undefined
        const objects = known ? view.lister(known).list(namespace) : await counts.objects(of, namespace)
        if (objects) found.push({ ...of, objects })
      }
      sizes.set(
        key,
        found.reduce((sum, { objects }) => sum + objects.length, 0),
      )
      const status = quotaStatus(quota, found, view.clock.now())
      if (!status) return
      try {
        await view.client.resource<ResourceQuota>(resources.resourceQuotas).updateStatus({ ...quota, status })
      } catch (error) {
        if (!hasReason(error, 'NotFound')) throw error
      }
    },
  }
}

/** Everything anew from time to time, as upstream does: pods whose grace is over count no more, and nothing says so. */
function resync(view: View, periodMs: number): void {
  const cancel = view.clock.timer(periodMs, () => {
    for (const quota of view.lister<ResourceQuota>(resources.resourceQuotas).list()) view.enqueue(keyOf(quota))
    view.signal.removeEventListener('abort', cancel)
    if (!view.signal.aborted) resync(view, periodMs)
  })
  view.signal.addEventListener('abort', cancel, { once: true })
}
