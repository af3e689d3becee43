/** Pods' statuses set by hand, as a kubelet would. */
import type { Pod } from '../../api/types/core-v1.js'
import { type Clock, timestamp } from '../../base/clock.js'
import type { Client } from '../../client/client.js'
import { resources } from '../../client/resources.js'

export type Play = 'ready' | 'unready' | 'succeeded' | 'failed' | 'gone'

const phases = { ready: 'Running', unready: 'Running', succeeded: 'Succeeded', failed: 'Failed' } as const

/** Sets the status of each of the pods; `gone` ends them without grace. */
export async function play(client: Client, clock: Clock, pods: readonly Pod[], what: Play, exitCode = 1): Promise<void> {
  const of = client.resource<Pod>(resources.pods)
  for (const { metadata, spec } of pods) {
    const { namespace = '', name = '' } = metadata
    if (what === 'gone') {
      await of.delete(namespace, name, { gracePeriodSeconds: 0 })
      continue
    }
    const now = timestamp(clock.now())
    const condition = (type: string, status: string) => ({ type, status, lastTransitionTime: now })
    const ready = what === 'ready' ? 'True' : 'False'
    const ended = what === 'succeeded' || what === 'failed'
    const state = ended
      ? { terminated: { exitCode: what === 'failed' ? exitCode : 0, startedAt: now, finishedAt: now } }
      : { running: { startedAt: now } }
    const containerStatuses = (spec?.containers ?? []).map((container) => ({
      ...{ name: container.name, image: container.image ?? '', imageID: '', restartCount: 0, ready: what === 'ready', state },
    }))
    const conditions = [condition('PodScheduled', 'True'), condition('Ready', ready), condition('ContainersReady', ready)]
    const status = { phase: phases[what], startTime: now, conditions, containerStatuses }
    await of.patch(namespace, name, { type: 'merge', body: { status } }, { subresource: 'status' })
  }
}

/** For `prepare`: without its service account no pod is admitted to the namespace. */
export async function defaultServiceAccount(client: Client): Promise<void> {
  await client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })
}
