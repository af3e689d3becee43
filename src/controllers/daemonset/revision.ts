/** The ControllerRevision of a DaemonSet's present template: found, moved to the front, or made. */
import type { ControllerRevision, DaemonSet } from '../../api/types/apps-v1.js'
import { resources } from '../../client/resources.js'
import type { View } from '../controller.js'
import { createRevision, isOfTemplate, makeRevision, nextRevision, renumber, revisionLabel } from '../history/history.js'
import { daemonSetKind } from './daemon-pods.js'

export async function presentRevision(view: View, set: DaemonSet, sorted: readonly ControllerRevision[]): Promise<ControllerRevision> {
  const template = set.spec?.template ?? {}
  const found = sorted.filter((each) => isOfTemplate(each, template)).at(-1)
  if (found) return found === sorted.at(-1) ? found : renumber(view, found, nextRevision(sorted))
  const collisionCount = set.status?.collisionCount ?? 0
  const wanted = makeRevision({
    ...{ owner: set, kind: daemonSetKind, template, collisionCount },
    revision: nextRevision(sorted),
    hashLabel: revisionLabel,
  })
  const made = await createRevision(view, wanted)
  if ('revision' in made) return made.revision
  // Noted first, so that whoever goes on from here hashes with the same count.
  const status = { ...emptyStatus, ...set.status, collisionCount: collisionCount + 1 }
  await view.client.resource<DaemonSet>(resources.daemonSets).updateStatus({ ...set, status })
  throw new Error(`the revision name ${wanted.metadata.name} is taken; hashing anew`)
}

const emptyStatus = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 }
