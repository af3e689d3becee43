import type { Logger } from '../../base/logger.js'
import { hasReason } from '../../api/status.js'
import type { Pod } from '../../api/types/core-v1.js'
import { configHashAnnotation, configMirrorAnnotation } from '../../api/well-known.js'
import type { ResourceClient } from '../../client/client.js'
import type { PodHost, PodRecord } from '../worker/pod-record.js'
import { deletePod, type PodWorkers } from '../worker/pod-workers.js'
import type { WriteQueue } from '../write-queue.js'

/**
 * Pods that a node runs from manifests, and their mirrors in the API. The manifest is the truth: the pods run whether the API is
 * there or not, a mirror that is deleted or out of date is made again, and one without a manifest is removed. A changed manifest
 * is another pod: it starts when the one before it has ended.
 */
export interface StaticPodsOptions {
  readonly host: PodHost
  readonly workers: PodWorkers
  readonly pods: ResourceClient<Pod>
  readonly writes: WriteQueue
  readonly logger: Logger
}

export class StaticPods {
  readonly #options: StaticPodsOptions
  /** What the manifests want, by "namespace/name". */
  #wanted = new Map<string, Pod>()
  /** The uid that runs (or still ends) under a name. */
  readonly #active = new Map<string, string>()
  readonly #mirrors = new Map<string, Pod>()
  /** Before the manifests have been read, a mirror without one means nothing. */
  #read = false

  constructor(options: StaticPodsOptions) {
    this.#options = options
  }

  setPods(pods: readonly Pod[]): void {
    this.#read = true
    this.#wanted = new Map()
    for (const pod of pods) {
      const name = nameOf(pod)
      if (this.#wanted.has(name)) this.#options.logger.error('Two manifests name one pod; the first one is run', { pod: name })
      else this.#wanted.set(name, pod)
    }
    for (const [name, uid] of [...this.#active]) if (this.#wanted.get(name)?.metadata.uid !== uid) this.#options.workers.vanished(uid)
    for (const name of this.#wanted.keys()) this.#begin(name)
    this.syncMirrors()
  }

  /** A pod has been forgotten: what waited for its end can begin. */
  forgotten({ uid, isStatic, pod }: PodRecord): void {
    const name = nameOf(pod)
    if (!isStatic || this.#active.get(name) !== uid) return
    this.#active.delete(name)
    this.#begin(name)
    this.#syncMirror(name)
  }

  #begin(name: string): void {
    const pod = this.#wanted.get(name)
    if (!pod || this.#active.has(name)) return
    this.#active.set(name, pod.metadata.uid ?? '')
    const mirror = this.#mirrors.get(name)
    this.#options.workers.addStatic(pod, this.#options.host, mirror && isMirrorOf(mirror, pod) ? mirror : undefined)
  }

  mirrorSeen(mirror: Pod): void {
    this.#mirrors.set(nameOf(mirror), mirror)
    this.#syncMirror(nameOf(mirror))
  }

  mirrorGone(mirror: Pod): void {
    const name = nameOf(mirror)
    if (this.#mirrors.get(name)?.metadata.uid !== mirror.metadata.uid) return
    this.#mirrors.delete(name)
    this.#syncMirror(name)
  }

  syncMirrors(): void {
    for (const name of new Set([...this.#wanted.keys(), ...this.#mirrors.keys()])) this.#syncMirror(name)
  }

  #syncMirror(name: string): void {
    if (!this.#read) return
    const { host, workers, writes } = this.#options
    const pod = this.#wanted.get(name)
    const mirror = this.#mirrors.get(name)
    const current = pod && mirror && !mirror.metadata.deletionTimestamp && isMirrorOf(mirror, pod) ? mirror : undefined
    if (pod) workers.setMirror(pod.metadata.uid ?? '', current)
    if (current) return
    if (mirror) writes.put(`mirror/${name}`, () => this.#remove(name))
    else if (pod && host.node && this.#active.get(name) === pod.metadata.uid) writes.put(`mirror/${name}`, () => this.#create(name))
  }

  async #remove(name: string): Promise<void> {
    const mirror = this.#mirrors.get(name)
    const pod = this.#wanted.get(name)
    if (!mirror || (pod && !mirror.metadata.deletionTimestamp && isMirrorOf(mirror, pod))) return
    await deletePod(this.#options.pods, mirror)
  }

  async #create(name: string): Promise<void> {
    const { host, pods } = this.#options
    const pod = this.#wanted.get(name)
    if (!pod || !host.node || this.#mirrors.has(name)) return
    try {
      await pods.create(mirrorOf(pod, host.node.metadata))
    } catch (error) {
      if (hasReason(error, 'AlreadyExists')) return
      // The namespace is made by the API server itself, soon after it has come up.
      if (hasReason(error, 'NotFound')) throw new Error(error.message, { cause: error })
      throw error
    }
  }
}

export function isMirror({ metadata }: Pod): boolean {
  return metadata.annotations?.[configMirrorAnnotation] !== undefined
}

function nameOf({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.name}`
}

function isMirrorOf(mirror: Pod, pod: Pod): boolean {
  return mirror.metadata.annotations?.[configMirrorAnnotation] === pod.metadata.annotations?.[configHashAnnotation]
}

/** The object that shows a static pod in the API: owned by the node, so that it goes with it. */
function mirrorOf({ metadata, spec }: Pod, node: { readonly name?: string; readonly uid?: string }): Pod {
  const { name, namespace, labels, annotations } = metadata
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...{ name, namespace },
      ...(labels ? { labels } : {}),
      annotations: { ...annotations, [configMirrorAnnotation]: annotations?.[configHashAnnotation] ?? '' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.name ?? '', uid: node.uid ?? '', controller: true }],
    },
    ...(spec ? { spec } : {}),
  }
}
