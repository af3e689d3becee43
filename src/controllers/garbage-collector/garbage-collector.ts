/**
 * garbage-collector-controller: objects whose owners are all gone are deleted; deletions in the foreground and with orphans run
 * their course (API concepts: owners and dependents, cascading deletion).
 */
import type { ObjectMonitors } from '../common/object-monitors.js'
import type { Controller, Outcome, View } from '../controller.js'
import { Collector, Undecided } from './collector.js'
import { Graph } from './graph.js'
import type { Identity, Node } from './node.js'
import { WatchedResources } from './watched-resources.js'

const retryMsMin = 5
const retryMsMax = 1_000_000

/** Keys of the queue: what to attempt, and the uid. */
const toDelete = 'delete/'
const toVerify = 'verify/'
const toOrphan = 'orphan/'

interface Running {
  readonly graph: Graph
  readonly watched: WatchedResources
  readonly collector: Collector
}

export function garbageCollector(monitors: ObjectMonitors): Controller {
  let running: Running | undefined
  /** Nodes that nothing could be decided about, and how often. */
  const undecided = new Map<string, number>()
  return {
    name: 'garbage-collector-controller',
    workers: 20,
    watches: [],
    start(view) {
      running = run(view, monitors)
    },
    async reconcile(key, view) {
      if (!running) throw new Error('assertion failed: reconcile before start')
      await running.watched.filled()
      try {
        await attempt(key, running)
        undecided.delete(key)
        return undefined
      } catch (error) {
        if (!(error instanceof Undecided)) throw error
        return later(key, error, undecided, view)
      }
    },
  }
}

function run(view: View, monitors: ObjectMonitors): Running {
  const attemptToDelete = (node: Node) => view.enqueue((node.isObserved ? toDelete : toVerify) + node.identity.uid)
  const graph = new Graph({
    attemptToDelete,
    attemptToOrphan: (node) => view.enqueue(toOrphan + node.identity.uid),
    invalidNamespace: (node, owner) => reportNamespace(view, node, owner),
  })
  const watched = new WatchedResources(view, monitors, graph)
  const collector = new Collector({
    ...{ client: view.client, graph, kinds: watched.kinds, attemptToDelete },
    cached: (node) => watched.cached(node),
  })
  return { graph, watched, collector }
}

async function attempt(key: string, { graph, collector }: Running): Promise<void> {
  const [what, uid] = [key.slice(0, key.indexOf('/') + 1), key.slice(key.indexOf('/') + 1)]
  const node = graph.get(uid)
  if (!node) return
  if (what === toOrphan) return collector.attemptToOrphan(node)
  // What was to be verified has been seen meanwhile: at the start that is so for nearly every owner.
  if (what === toVerify && node.isObserved) return
  return collector.attemptToDelete(node)
}

function later(key: string, why: Undecided, undecided: Map<string, number>, { logger }: View): Outcome {
  const tries = undecided.get(key) ?? 0
  undecided.set(key, tries + 1)
  logger.debug('A reference cannot be judged now', { key, why: why.message })
  return { requeueAfterMs: Math.min(retryMsMax, retryMsMin * 2 ** tries) }
}

function reportNamespace({ events }: View, { identity }: Node, owner: Identity): void {
  const { apiVersion, kind, namespace, name, uid } = identity
  const reference = `[${owner.apiVersion}/${owner.kind}, name: ${owner.name}, uid: ${owner.uid}]`
  const message = `ownerRef ${reference} does not exist in namespace "${namespace}"`
  events.event({ apiVersion, kind, metadata: { namespace, name, uid } }, 'Warning', 'OwnerRefInvalidNamespace', message)
}
