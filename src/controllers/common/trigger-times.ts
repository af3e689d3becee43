import type { Pod, Service } from '../../api/types/core-v1.js'
import { podCondition } from './pods.js'

interface Known {
  readonly service: string
  readonly pods: ReadonlyMap<string, string>
}

/**
 * When the change happened that a sync of a Service publishes: the earliest time among what has changed since the sync before.
 * Bounded by the Services and pods that exist; `forget` a Service when it goes.
 */
export class TriggerTimes {
  readonly #known = new Map<string, Known>()

  /** Undefined when nothing that carries a time has changed. */
  observe(key: string, service: Service, pods: readonly Pod[]): string | undefined {
    const before = this.#known.get(key)
    const created = service.metadata.creationTimestamp ?? ''
    const times = new Map<string, string>()
    let earliest: string | undefined
    const note = (time: string, past: string | undefined) => {
      if (isLater(time, past) && (earliest === undefined || isLater(earliest, time))) earliest = time
    }
    for (const pod of pods) {
      const time = podCondition(pod, 'Ready')?.lastTransitionTime
      if (!time) continue
      times.set(pod.metadata.name ?? '', time)
      note(time, before?.pods.get(pod.metadata.name ?? ''))
    }
    note(created, before?.service)
    this.#known.set(key, { service: created, pods: times })
    return before ? earliest : created || undefined
  }

  forget(key: string): void {
    this.#known.delete(key)
  }
}

function isLater(time: string, than: string | undefined): boolean {
  return than === undefined || Date.parse(time) > Date.parse(than)
}
