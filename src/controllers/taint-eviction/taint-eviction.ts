/**
 * Deletes the pods of a node that do not tolerate its NoExecute taints, at once or when their tolerationSeconds are over. A pod
 * wakes when it, its tolerations or the taints of its node change; what is to be done follows from what is there then.
 */
import { keyOf, splitKey } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Node, Pod, Taint } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { disruptionTarget, patchPodStatus } from '../common/pod-conditions.js'
import { sameJson } from '../../api/same-json.js'
import { indexPodsByNode, podsOnNode } from '../common/pods-by-node.js'
import type { Controller, Outcome, View } from '../controller.js'
import { evictionDelayMs, noExecuteTaints } from './delay.js'

interface Scheduled {
  readonly uid: string | undefined
  /** On the monotonic clock. */
  readonly dueMs: number
  /** Its deletion was asked for: nothing is left to cancel. */
  readonly done?: boolean
}

export function taintEvictionController(): Controller {
  const scheduled = new Map<string, Scheduled>()
  return {
    name: 'taint-eviction-controller',
    workers: 16,
    watches: [
      {
        resource: resources.nodes,
        // A node that goes takes its pods with it (pod-garbage-collector-controller).
        toKeys(object, view, change) {
          const matters = change === 'update' || (change === 'add' && noExecuteTaints(object as Node).length > 0)
          return matters ? podsOnNode(view, keyOf(object)).map(keyOf) : []
        },
        changed: (object, old) => !sameJson(noExecuteTaints(object as Node), noExecuteTaints(old as Node)),
      },
      {
        resource: resources.pods,
        toKeys(object, view, change) {
          const key = keyOf(object)
          return scheduled.has(key) || (change !== 'delete' && isConcerned(object as Pod, view)) ? [key] : []
        },
        changed: (object, old) => !sameJson(concern(object as Pod), concern(old as Pod)),
      },
    ],
    start: indexPodsByNode,
    async reconcile(key, view) {
      const pod = view.lister<Pod>(resources.pods).get(key)
      const node = view.lister<Node>(resources.nodes).get(pod?.spec?.nodeName ?? '')
      if (pod && !node) return undefined
      const taints = node ? noExecuteTaints(node) : []
      return new Decision({ key, pod, taints, view, scheduled }).carryOut()
    },
  }
}

const concern = ({ spec }: Pod) => [spec?.nodeName, spec?.tolerations]

function isConcerned(pod: Pod, view: View): boolean {
  const node = pod.spec?.nodeName ? view.lister<Node>(resources.nodes).get(pod.spec.nodeName) : undefined
  return node !== undefined && noExecuteTaints(node).length > 0
}

interface World {
  readonly key: string
  readonly pod: Pod | undefined
  readonly taints: readonly Taint[]
  readonly view: View
  readonly scheduled: Map<string, Scheduled>
}

class Decision {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  async carryOut(): Promise<Outcome | void> {
    const { key, pod, taints, view, scheduled } = this.#world
    const delayMs = pod && evictionDelayMs(taints, pod.spec?.tolerations ?? [])
    const old = scheduled.get(key)
    if (!pod || delayMs === undefined || (old && old.uid !== pod.metadata.uid)) this.#cancel()
    if (!pod || delayMs === undefined) return undefined
    const plan = scheduled.get(key)
    if (plan?.done) return undefined
    const nowMs = view.clock.monotonic()
    if (delayMs === 0) {
      // What was to happen later happens now.
      if (plan && plan.dueMs > nowMs) this.#cancel()
      return this.#evict(pod)
    }
    // A plan stands as it was made, whatever seconds the tolerations name by now.
    const dueMs = plan?.dueMs ?? nowMs + delayMs
    if (!plan) scheduled.set(key, { uid: pod.metadata.uid, dueMs })
    return dueMs <= nowMs ? this.#evict(pod) : { requeueAfterMs: dueMs - nowMs }
  }

  #cancel(): void {
    const { key, pod, view, scheduled } = this.#world
    const old = scheduled.get(key)
    scheduled.delete(key)
    if (!old || old.done) return
    const { namespace, name } = splitKey(key)
    this.#say(pod ?? { metadata: { namespace, name } }, `Cancelling deletion of Pod ${key}`)
    view.logger.info('An eviction was called off', { pod: key })
  }

  async #evict(pod: Pod): Promise<void> {
    const { key, view, scheduled } = this.#world
    const { namespace = '', name = '', uid } = pod.metadata
    this.#say(pod, `Marking for deletion Pod ${key}`)
    try {
      const condition = disruptionTarget(pod, 'DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint')
      await patchPodStatus(view.client, pod, { condition }, view.clock.now())
      await view.client.resource(resources.pods).delete(namespace, name, { preconditions: { uid } })
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error
    }
    scheduled.set(key, { uid, dueMs: view.clock.monotonic(), done: true })
  }

  #say(pod: Pod, message: string): void {
    this.#world.view.events.event({ ...pod, apiVersion: 'v1', kind: 'Pod' }, 'Normal', 'TaintManagerEviction', message)
  }
}
