/**
 * Pods that wait for a node. Active: to be tried now, by priority, then by age. Backoff: tried not long ago. Unschedulable:
 * waiting for an event that one of the plugins that rejected it cares for (KEP-4247), or five minutes. Gated: may not be tried.
 *
 * When nothing is active, the pod nearest to the end of its backoff is tried before its time (KEP-5142), unless errors of
 * the API server put it there: those must not be hammered.
 */
import { Heap } from '../../base/heap.js'
import type { PodInfo } from '../cache/pod-info.js'
import type { ClusterEvent, EventKind, Hint } from '../framework/events.js'
import type { NodeStatus } from '../framework/status.js'
import { QueuedPod } from './queued-pod.js'

export interface QueueOptions {
  now(): number
  /** Hints by plugin and event, of the profile that a pod asks for. */
  hintsOf(pod: PodInfo): ReadonlyMap<string, ReadonlyMap<EventKind, Hint>>
  preEnqueue(pod: PodInfo): NodeStatus | undefined
  /** Something may be ready to pop. */
  wake(): void
  /** For metrics: a pod came to a place because of an event. */
  incoming?(place: string, event: string): void
  readonly backoffMsMin?: number
  readonly backoffMsMax?: number
  readonly unschedulableMsMax?: number
}

interface Entry {
  readonly pod: QueuedPod
  readonly stamp: number
  readonly order: number
}

/** Pods whose backoff ends within one such window are ordered by priority, as upstream does. */
const windowMs = 1_000

export class SchedulingQueue {
  readonly #options: QueueOptions
  readonly #pods = new Map<string, QueuedPod>()
  readonly #unschedulable = new Map<string, Set<QueuedPod>>()
  readonly #active = new Heap<Entry>((a, b) => byPriority(a, b))
  readonly #backoff = new Heap<Entry>((a, b) => a.pod.backoffUntilMs - b.pod.backoffUntilMs || byPriority(a, b))
  readonly #errors = new Heap<Entry>((a, b) => a.pod.backoffUntilMs - b.pod.backoffUntilMs || byPriority(a, b))
  readonly #counts = { active: 0, backoff: 0, unschedulable: 0, gated: 0, 'in flight': 0, gone: 0 }
  #order = 0

  constructor(options: QueueOptions) {
    this.#options = options
  }

  /** How many wait where (upstream's scheduler_pending_pods). */
  count(place: 'active' | 'backoff' | 'unschedulable' | 'gated'): number {
    return this.#counts[place]
  }

  get(key: string): QueuedPod | undefined {
    return this.#pods.get(key)
  }

  add(info: PodInfo): void {
    const pod = new QueuedPod(info, this.#options.now())
    this.#pods.set(info.key, pod)
    this.#enqueue(pod, 'PodAdd')
  }

  /** The waiting pod was changed. What it was rejected for may be so no longer. */
  update(info: PodInfo): void {
    const pod = this.#pods.get(info.key)
    if (!pod) return this.add(info)
    const old = pod.info
    pod.info = info
    if (pod.place === 'gated') return this.#enqueue(pod, 'PodUpdate')
    // What is in a heap keeps its place there: its key has changed only if the priority has, which is immutable.
    if (pod.place !== 'unschedulable') return
    const event: ClusterEvent = { kind: 'PodUpdate', pod: info, old }
    if (this.#isWokenBy(pod, event)) this.#wakeUp(pod, event.kind)
  }

  delete(key: string): void {
    const pod = this.#pods.get(key)
    if (!pod) return
    this.#leave(pod)
    pod.place = 'gone'
    this.#pods.delete(key)
  }

  /** The next pod to try; it is in flight until `unschedulable`, `failed` or `delete`. */
  pop(): QueuedPod | undefined {
    this.#flushBackoff()
    const pod = this.#take(this.#active) ?? this.#take(this.#backoff)
    if (!pod) return undefined
    this.#move(pod, 'in flight')
    pod.attempts++
    pod.firstAttemptMs ??= this.#options.now()
    return pod
  }

  /** When something will be ready if nothing happens before; undefined: nothing waits for time. */
  nextDueMs(): number | undefined {
    return this.#peek(this.#errors)?.pod.backoffUntilMs
  }

  /** No node took it. */
  unschedulable(pod: QueuedPod, rejectedBy: ReadonlySet<string>): void {
    if (pod.place !== 'in flight') return
    pod.rejectedBy = rejectedBy
    pod.unschedulableCount++
    pod.errorsInRow = 0
    pod.timestampMs = this.#options.now()
    this.#move(pod, 'unschedulable')
    for (const plugin of keysOf(rejectedBy)) {
      let pods = this.#unschedulable.get(plugin)
      if (!pods) this.#unschedulable.set(plugin, (pods = new Set()))
      pods.add(pod)
    }
    this.#options.incoming?.('unschedulable', 'ScheduleAttemptFailure')
  }

  /** An error, not a verdict: tried again after a backoff, whatever happens. */
  failed(pod: QueuedPod): void {
    if (pod.place !== 'in flight') return
    pod.rejectedBy = new Set()
    pod.errorsInRow++
    pod.timestampMs = this.#options.now()
    this.#toBackoff(pod, 'ScheduleAttemptFailure')
    this.#options.wake()
  }

  /** Wakes the pods for which this event may change the verdict. */
  event(event: ClusterEvent): void {
    if (this.#counts.unschedulable === 0) return
    const woken = new Set<QueuedPod>()
    for (const [plugin, pods] of this.#unschedulable) {
      for (const pod of pods) {
        if (woken.has(pod)) continue
        if (plugin === '') woken.add(pod)
        else if (this.#options.hintsOf(pod.info).get(plugin)?.get(event.kind)?.(pod.info, event)) woken.add(pod)
      }
    }
    for (const pod of woken) this.#wakeUp(pod, event.kind)
  }

  /** Its victims are on their way out (or not any more): see QueuedPod.isPreempting. */
  setPreempting(key: string, preempting: boolean, wakeNow = false): void {
    const pod = this.#pods.get(key)
    if (!pod) return
    pod.isPreempting = preempting
    if (preempting) pod.wokenWhilePreempting = false
    else if ((pod.wokenWhilePreempting || wakeNow) && pod.place === 'unschedulable') this.#wakeUp(pod, 'AssignedPodDelete')
  }

  /** Nobody knows what the pods that wait for so long wait for: they are tried again. */
  flushOld(): void {
    const before = this.#options.now() - (this.#options.unschedulableMsMax ?? 5 * 60_000)
    const old = new Set<QueuedPod>()
    for (const pods of this.#unschedulable.values()) for (const pod of pods) if (pod.timestampMs < before) old.add(pod)
    for (const pod of old) this.#wakeUp(pod, 'UnschedulableTimeout')
  }

  #isWokenBy(pod: QueuedPod, event: ClusterEvent): boolean {
    const byPlugin = this.#options.hintsOf(pod.info)
    return keysOf(pod.rejectedBy).some((plugin) => plugin === '' || byPlugin.get(plugin)?.get(event.kind)?.(pod.info, event))
  }

  #wakeUp(pod: QueuedPod, event: string): void {
    if (pod.isPreempting) {
      pod.wokenWhilePreempting = true
      return
    }
    const readyAtMs = this.#backoffEnd(pod)
    if (readyAtMs > this.#options.now()) this.#toBackoff(pod, event)
    else this.#enqueue(pod, event)
    this.#options.wake()
  }

  #enqueue(pod: QueuedPod, event: string): void {
    if (this.#options.preEnqueue(pod.info)) {
      if (pod.place !== 'gated') this.#options.incoming?.('gated', event)
      this.#move(pod, 'gated')
      return
    }
    this.#move(pod, 'active')
    this.#push(this.#active, pod)
    this.#options.incoming?.('active', event)
    this.#options.wake()
  }

  #toBackoff(pod: QueuedPod, event: string): void {
    pod.backoffUntilMs = this.#backoffEnd(pod)
    this.#move(pod, 'backoff')
    this.#push(pod.errorsInRow > 0 ? this.#errors : this.#backoff, pod)
    this.#options.incoming?.('backoff', event)
  }

  /** 1 s, doubling with every attempt, at most 10 s. */
  #backoffEnd({ errorsInRow, unschedulableCount, timestampMs }: QueuedPod): number {
    const count = errorsInRow > 0 ? errorsInRow : unschedulableCount
    if (count === 0) return timestampMs
    const { backoffMsMin = 1_000, backoffMsMax = 10_000 } = this.#options
    const start = timestampMs - (timestampMs % windowMs)
    return start + Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(count - 1, 20))
  }

  #flushBackoff(): void {
    const now = this.#options.now()
    for (const heap of [this.#backoff, this.#errors]) {
      for (let entry = this.#peek(heap); entry && entry.pod.backoffUntilMs <= now; entry = this.#peek(heap)) {
        heap.pop()
        this.#enqueue(entry.pod, 'BackoffComplete')
      }
    }
  }

  #push(heap: Heap<Entry>, pod: QueuedPod): void {
    heap.push({ pod, stamp: ++pod.stamp, order: this.#order++ })
  }

  #take(heap: Heap<Entry>): QueuedPod | undefined {
    const entry = this.#peek(heap)
    if (entry) heap.pop()
    return entry?.pod
  }

  /** Heaps are not searched when a pod leaves: its entry is dropped when it comes up. */
  #peek(heap: Heap<Entry>): Entry | undefined {
    for (let entry = heap.peek(); entry; entry = heap.peek()) {
      if (entry.stamp === entry.pod.stamp && entry.pod.place !== 'gone') return entry
      heap.pop()
    }
    return undefined
  }

  #move(pod: QueuedPod, place: QueuedPod['place']): void {
    this.#leave(pod)
    pod.place = place
    this.#counts[place]++
  }

  #leave(pod: QueuedPod): void {
    if (pod.place === 'unschedulable') {
      for (const plugin of keysOf(pod.rejectedBy)) {
        const pods = this.#unschedulable.get(plugin)
        pods?.delete(pod)
        if (pods?.size === 0) this.#unschedulable.delete(plugin)
      }
    }
    if (pod.place !== 'gone') this.#counts[pod.place]--
    pod.stamp++
  }
}

/** A pod that no plugin rejected (there were no nodes at all) waits for any event: the key ''. */
function keysOf(rejectedBy: ReadonlySet<string>): readonly string[] {
  return rejectedBy.size === 0 ? [''] : [...rejectedBy]
}

function byPriority(a: Entry, b: Entry): number {
  return b.pod.info.priority - a.pod.info.priority || a.pod.timestampMs - b.pod.timestampMs || a.order - b.order
}
