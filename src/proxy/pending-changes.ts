/** Services that have changed since the last sync, and since when: what a sync takes, and what it gives back when it fails. */
import { keyOf, type KubeObject } from '../api/object.js'
import type { EndpointSlice } from '../api/types/discovery-v1.js'

/** Set by the EndpointSlice controller: when the change happened that the slice shows (network programming SLI). */
const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time'
export const serviceNameLabel = 'kubernetes.io/service-name'

export interface TakenChanges {
  readonly keys: ReadonlySet<string>
  readonly triggeredMs: readonly number[]
}

/** A bound for the times that are kept while syncs fail. */
const triggersMax = 10_000

export class PendingChanges {
  #keys = new Set<string>()
  #triggeredMs: number[] = []
  services = 0
  slices = 0

  addService(object: KubeObject): void {
    this.#keys.add(keyOf(object))
    this.services++
  }

  /** `old`: what the slice was; undefined for one that is new or gone. `sinceMs`: older times are not this process's doing. */
  addSlice(slice: EndpointSlice, old: EndpointSlice | undefined, sinceMs: number): void {
    const key = serviceKeyOf(slice)
    if (key) this.#keys.add(key)
    const before = old && serviceKeyOf(old)
    if (before) this.#keys.add(before)
    this.slices++
    const trigger = slice.metadata.annotations?.[triggerTimeAnnotation]
    if (!trigger || trigger === old?.metadata.annotations?.[triggerTimeAnnotation]) return
    const atMs = Date.parse(trigger)
    if (atMs >= sinceMs && this.#triggeredMs.length < triggersMax) this.#triggeredMs.push(atMs)
  }

  addAll(keys: Iterable<string>): void {
    for (const key of keys) this.#keys.add(key)
  }

  take(): TakenChanges {
    const taken = { keys: this.#keys, triggeredMs: this.#triggeredMs }
    this.#keys = new Set()
    this.#triggeredMs = []
    this.services = 0
    this.slices = 0
    return taken
  }

  giveBack({ keys, triggeredMs }: TakenChanges): void {
    this.addAll(keys)
    this.#triggeredMs = [...triggeredMs, ...this.#triggeredMs].slice(0, triggersMax)
  }
}

/** "namespace/name" of the Service that a slice is of; undefined when it does not say. */
export function serviceKeyOf({ metadata }: EndpointSlice): string | undefined {
  const name = metadata.labels?.[serviceNameLabel]
  return name ? `${metadata.namespace}/${name}` : undefined
}
