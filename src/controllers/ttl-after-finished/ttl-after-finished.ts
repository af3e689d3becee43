/** Deletes a finished Job, its pods first, once ttlSecondsAfterFinished has passed since it finished (KEP-592). */
import { keyOf, splitKey } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Job } from '../../api/types/batch-v1.js'
import { resources } from '../../client/resources.js'
import { finishedCondition } from '../common/jobs.js'
import type { Controller } from '../controller.js'

/** When the Job's time is up (ms since 1970); undefined for one that is not to be cleaned up. */
export function expiresAtMs(job: Job): number | undefined {
  const seconds = job.spec?.ttlSecondsAfterFinished
  const finishedAt = finishedCondition(job)?.lastTransitionTime
  if (seconds === undefined || finishedAt === undefined || job.metadata.deletionTimestamp) return undefined
  return Date.parse(finishedAt) + seconds * 1000
}

export function ttlAfterFinishedController(): Controller {
  return {
    name: 'ttl-after-finished-controller',
    watches: [
      {
        resource: resources.jobs,
        toKeys: (job, _view, change) => (change !== 'delete' && expiresAtMs(job as Job) !== undefined ? [keyOf(job)] : []),
      },
    ],
    async reconcile(key, view) {
      const { namespace, name } = splitKey(key)
      const cached = view.lister<Job>(resources.jobs).get(key)
      const dueMs = cached && expiresAtMs(cached)
      if (dueMs === undefined) return
      const leftMs = dueMs - view.clock.now()
      if (leftMs > 0) return { requeueAfterMs: leftMs }
      try {
        // The TTL may have been raised meanwhile: only what is read live is deleted.
        const fresh = await view.client.resource<Job>(resources.jobs).get(namespace, name)
        const freshMs = expiresAtMs(fresh)
        if (freshMs === undefined) return
        if (freshMs > view.clock.now()) return { requeueAfterMs: freshMs - view.clock.now() }
        await view.client
          .resource(resources.jobs)
          .delete(namespace, name, { propagationPolicy: 'Foreground', preconditions: { uid: fresh.metadata.uid } })
      } catch (error) {
        if (!hasReason(error, 'NotFound')) throw error
      }
      return undefined
    },
  }
}
