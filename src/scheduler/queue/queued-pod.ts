import type { PodInfo } from '../cache/pod-info.js'

export type Place = 'active' | 'backoff' | 'unschedulable' | 'gated' | 'in flight' | 'gone'

/** A pod on its way through the queue, with the history that decides when it is tried again. */
export class QueuedPod {
  /** When it was queued last (ms since 1970): the order among equals. */
  timestampMs: number
  readonly firstSeenMs: number
  firstAttemptMs: number | undefined
  attempts = 0
  /** Attempts that found no node, and errors without anything between: both lengthen the backoff. */
  unschedulableCount = 0
  errorsInRow = 0
  place: Place = 'gone'
  /** Which entry of a heap is the valid one. */
  stamp = 0
  backoffUntilMs = 0
  /** Plugins that rejected it last time: only what they wait for wakes it. */
  rejectedBy: ReadonlySet<string> = none
  /** Its victims are being deleted: woken only after that, by what happened meanwhile. */
  isPreempting = false
  wokenWhilePreempting = false

  constructor(
    public info: PodInfo,
    nowMs: number,
  ) {
    this.timestampMs = nowMs
    this.firstSeenMs = nowMs
  }
}

const none: ReadonlySet<string> = new Set()
