/**
 * Watches over every kind of object, for controllers that are about all of them (garbage collection, object-count quotas): one
 * watch a resource however many want it. What other controllers keep whole anyway is read from there, everything else as metadata.
 */
import { apiVersionOf, type GroupVersionResource, type KubeObject } from '../../api/object.js'
import type { Informer } from '../../client/informer.js'
import { metadataInformer } from '../../client/informers/metadata-informer.js'
import { resources } from '../../client/resources.js'
import type { View } from '../controller.js'

/** Kept whole by the controllers that work on them. */
const keptWhole: ReadonlySet<string> = new Set(
  [
    ...[resources.pods, resources.nodes, resources.namespaces, resources.services, resources.serviceAccounts],
    ...[resources.replicationControllers, resources.resourceQuotas, resources.persistentVolumes, resources.persistentVolumeClaims],
    ...[resources.deployments, resources.replicaSets, resources.statefulSets, resources.daemonSets, resources.controllerRevisions],
    ...[resources.jobs, resources.cronJobs, resources.podDisruptionBudgets, resources.endpointSlices, resources.clusterRoles],
    ...[resources.certificateSigningRequests],
  ].map(nameOf),
)

function nameOf(of: GroupVersionResource): string {
  return `${apiVersionOf(of)}/${of.resource}`
}

export interface ObjectMonitor {
  readonly informer: Informer<KubeObject>
  /** Says that this caller is through with it; the last one ends the watch. */
  close(): void
}

interface Entry {
  readonly informer: Informer<KubeObject>
  readonly ending: AbortController
  users: number
}

export class ObjectMonitors {
  readonly #entries = new Map<string, Entry>()
  /** What each caller's end ends: one listener on its signal, however many watches. */
  readonly #openedBy = new WeakMap<AbortSignal, Set<AbortController>>()

  /** The view is of the caller; the first one's client does the watching. */
  open(of: GroupVersionResource, view: View): ObjectMonitor {
    const name = nameOf(of)
    if (keptWhole.has(name)) return { informer: view.informer(of), close: () => undefined }
    let entry = this.#entries.get(name)
    if (!entry || entry.ending.signal.aborted) this.#entries.set(name, (entry = this.#start(of, view)))
    const used = entry
    used.users++
    let closed = false
    return {
      informer: used.informer,
      close: () => {
        if (closed) return
        closed = true
        if (--used.users > 0) return
        used.ending.abort(new Error('the resource is no longer watched'))
        this.#openedBy.get(view.signal)?.delete(used.ending)
        if (this.#entries.get(name) === used) this.#entries.delete(name)
      },
    }
  }

  #start(of: GroupVersionResource, { client, clock, random, logger, signal }: View): Entry {
    let opened = this.#openedBy.get(signal)
    if (!opened) {
      const endings = new Set<AbortController>()
      this.#openedBy.set(signal, (opened = endings))
      signal.addEventListener('abort', () => endings.forEach((ending) => ending.abort(signal.reason)), { once: true })
    }
    const ending = new AbortController()
    opened.add(ending)
    if (signal.aborted) ending.abort(signal.reason)
    return { informer: metadataInformer(of, { client, clock, random, logger, signal: ending.signal }), ending, users: 0 }
  }
}
