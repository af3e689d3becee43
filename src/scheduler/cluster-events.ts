/** Feeds what the watches show into the cache and the queue, and tells the queue what may have become schedulable. */
import type { KubeObject } from '../api/object.js'
import { keyOf } from '../api/object.js'
import type { Namespace, Node, Pod } from '../api/types/core-v1.js'
import type { Informer } from '../client/informer.js'
import type { InformerFactory } from '../client/informers/informers.js'
import { resources } from '../client/resources.js'
import type { Cache } from './cache/cache.js'
import { labelsChanged, taintsChanged } from './cache/node-table.js'
import { PodInfo } from './cache/pod-info.js'
import type { NodeChange } from './framework/events.js'
import type { Nominator } from './queue/nominator.js'
import type { SchedulingQueue } from './queue/queue.js'

/** Finished pods take nothing and need nothing: they are not even watched (as upstream). */
export const livePods = { fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed' } as const

export interface Sink {
  readonly cache: Cache
  readonly queue: SchedulingQueue
  readonly nominator: Nominator
  /** Whether one of this scheduler's profiles is asked for. */
  isOurs(pod: PodInfo): boolean
}

/** Objects whose changes may let a pod through the volume plugins. */
const storageResources = [
  resources.persistentVolumes,
  resources.persistentVolumeClaims,
  resources.storageClasses,
  resources.csiNodes,
  resources.csiDrivers,
  resources.csiStorageCapacities,
] as const

export function listen(informers: InformerFactory, sink: Sink): void {
  listenToPods(informers.informer<Pod>(resources.pods, livePods), sink)
  listenToNodes(informers.informer<Node>(resources.nodes), sink)
  listenToNamespaces(informers.informer<Namespace>(resources.namespaces), sink)
  for (const { resource, ...of } of storageResources) {
    const tell = (object: KubeObject) => sink.queue.event({ kind: 'StorageObject', resource, object })
    informers.informer<KubeObject>({ resource, ...of }).addHandler({ onAdd: tell, onUpdate: tell, onDelete: tell })
  }
}

function listenToPods(informer: Informer<Pod>, sink: Sink): void {
  informer.addHandler({
    onAdd: (pod) => (pod.spec?.nodeName ? assigned(pod, undefined, sink) : waiting(pod, undefined, sink)),
    onUpdate: (pod, old) => {
      if (pod.spec?.nodeName) assigned(pod, old.spec?.nodeName ? old : undefined, sink)
      else waiting(pod, old, sink)
    },
    onDelete: (pod) => gone(pod, sink),
  })
}

function waiting(pod: Pod, old: Pod | undefined, { cache, queue, nominator, isOurs }: Sink): void {
  const info = new PodInfo(pod)
  // Bound by us a moment ago: the watch is behind.
  if (!isOurs(info) || cache.isAssumed(info.key)) return
  if (info.isTerminating) {
    queue.delete(info.key)
    nominator.remove(info.key)
    return
  }
  // Only what was promised anew: an event about something else must not bring back a promise that was withdrawn meanwhile.
  const isNew = info.nominatedNodeName !== (old?.status?.nominatedNodeName ?? '')
  if (isNew && info.nominatedNodeName && !nominator.nodeOf(info.key)) nominator.nominate(info, info.nominatedNodeName)
  queue.update(info)
}

function assigned(pod: Pod, old: Pod | undefined, { cache, queue, nominator }: Sink): void {
  const info = new PodInfo(pod)
  const known = cache.has(info.key)
  cache.setPod(pod)
  if (!old) {
    queue.delete(info.key)
    nominator.remove(info.key)
    queue.event({ kind: 'AssignedPodAdd', pod: info })
  } else if (known) queue.event({ kind: 'AssignedPodUpdate', pod: info, old: new PodInfo(old) })
}

function gone(pod: Pod, { cache, queue, nominator }: Sink): void {
  const info = new PodInfo(pod)
  queue.delete(info.key)
  const wasNominated = nominator.nodeOf(info.key) !== undefined
  nominator.remove(info.key)
  const held = cache.has(info.key)
  cache.removePod(info.key)
  // A promise that is withdrawn makes room like a pod that goes.
  if (held || info.nodeName || wasNominated) queue.event({ kind: 'AssignedPodDelete', pod: info })
}

function listenToNodes(informer: Informer<Node>, { cache, queue }: Sink): void {
  informer.addHandler({
    onAdd: (node) => {
      cache.setNode(node)
      queue.event({ kind: 'NodeAdd', node })
    },
    onUpdate: (node, old) => {
      cache.setNode(node)
      const changes = changesOf(node, old)
      if (changes.size > 0) queue.event({ kind: 'NodeUpdate', node, old, changes })
    },
    onDelete: (node) => cache.removeNode(keyOf(node)),
  })
}

/** Heartbeats and conditions change nothing for the scheduler. */
function changesOf(node: Node, old: Node): Set<NodeChange> {
  const changes = new Set<NodeChange>()
  if (JSON.stringify(node.status?.allocatable) !== JSON.stringify(old.status?.allocatable)) changes.add('allocatable')
  if (labelsChanged(node, old)) changes.add('labels')
  if (taintsChanged(node, old) || Boolean(node.spec?.unschedulable) !== Boolean(old.spec?.unschedulable)) changes.add('taints')
  if (JSON.stringify(node.metadata.annotations) !== JSON.stringify(old.metadata.annotations)) changes.add('annotations')
  return changes
}

function listenToNamespaces(informer: Informer<Namespace>, { cache, queue }: Sink): void {
  const changed = (namespace: Namespace) => {
    cache.index.namespaceChanged()
    queue.event({ kind: 'NamespaceUpdate', namespace: keyOf(namespace) })
  }
  informer.addHandler({
    onAdd: changed,
    onUpdate: (namespace, old) => {
      if (JSON.stringify(namespace.metadata.labels) !== JSON.stringify(old.metadata.labels)) changed(namespace)
    },
    onDelete: () => cache.index.namespaceChanged(),
  })
}
