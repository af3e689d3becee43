/** Which of a CronJob's times is due, and when to look again. Pure; times are ms since 1970. */
import type { Schedule } from '../../api/cron/schedule.js'
import type { CronJob } from '../../api/types/batch-v1.js'

/** A little later than the very second, so that a clock that runs behind has reached it too (upstream's nextScheduleDelta). */
const lateMs = 100
/** From so many missed times on the schedule or the clock is likely wrong, which an event says. */
const manyMissed = 100

export type Due =
  | { readonly kind: 'none' }
  | { readonly kind: 'due'; readonly atMs: number; readonly tooMany: boolean }
  /** The schedule has no two times to tell apart (31 February). */
  | { readonly kind: 'never' }

interface Missed {
  /** Since when times count: the last run, the creation, or the start of the deadline. */
  readonly sinceMs: number
  readonly latestMs?: number
  readonly count: number
}

/** The latest time at or before `nowMs` that has not been run yet; older ones are skipped (CronJob API: one run for all missed). */
export function dueTime(cronJob: CronJob, schedule: Schedule, nowMs: number): Due {
  const missed = missedTimes(cronJob, schedule, nowMs, true)
  if (!missed) return { kind: 'never' }
  if (missed.latestMs === undefined || missed.latestMs > nowMs) return { kind: 'none' }
  return { kind: 'due', atMs: missed.latestMs, tooMany: missed.count > manyMissed }
}

/** How long until the next time of the schedule; undefined when there is none. */
export function msUntilNext(cronJob: CronJob, schedule: Schedule, nowMs: number): number | undefined {
  const missed = missedTimes(cronJob, schedule, nowMs, false)
  const fromMs = missed ? (missed.latestMs ?? (missed.count === 0 ? missed.sinceMs : nowMs)) : nowMs
  const next = schedule.next(fromMs)
  return next === undefined ? undefined : Math.max(0, next + lateMs - nowMs)
}

/** The number of missed times is an estimate from the first two: a minutely schedule that was off for a year is not counted through. */
function missedTimes(cronJob: CronJob, schedule: Schedule, nowMs: number, withDeadline: boolean): Missed | undefined {
  let sinceMs = Date.parse(cronJob.status?.lastScheduleTime ?? cronJob.metadata.creationTimestamp ?? '')
  const deadline = cronJob.spec.startingDeadlineSeconds
  if (withDeadline && deadline !== undefined) sinceMs = Math.max(sinceMs, nowMs - deadline * 1000)
  const first = schedule.next(sinceMs)
  if (first === undefined) return undefined
  if (nowMs < first) return { sinceMs, count: 0 }
  const second = schedule.next(first)
  if (second === undefined || nowMs < second) return { sinceMs, latestMs: first, count: 0 }
  const apartMs = second - first
  const count = Math.floor((nowMs - first) / apartMs) + 1
  return { sinceMs, count, latestMs: latestBefore(schedule, nowMs, first, apartMs) }
}

/** The last time up to `nowMs`, looked for from ever further back, since intervals need not be equal. `first` is one of them. */
function latestBefore(schedule: Schedule, nowMs: number, first: number, apartMs: number): number {
  for (let back = 2 * apartMs; ; back *= 2) {
    const fromMs = Math.max(first, nowMs - back)
    let latest = fromMs === first ? first : undefined
    for (let at = schedule.next(fromMs); at !== undefined && at <= nowMs; at = schedule.next(at)) latest = at
    if (latest !== undefined) return latest
  }
}
