/**
 * When a cron schedule fires next. A wall time that the clocks skip in spring is not made up for, one that they repeat in
 * autumn fires twice: hours are stepped through in real time and compared on the wall (the rule of the cron library that
 * Kubernetes' CronJob API is defined by).
 */
import type { Field } from './parse.js'
import type { Zone } from './zone.js'

export interface Schedule {
  /** The first time after `afterMs`, or undefined when there is none within five years (31 February). */
  next(afterMs: number): number | undefined
}

/** "@every": that long after the time asked about, in whole seconds, at least one. */
export function everySchedule(intervalMs: number): Schedule {
  const everyMs = Math.max(1, Math.floor(intervalMs / 1000)) * 1000
  return { next: (afterMs) => Math.floor(afterMs / 1000) * 1000 + everyMs }
}

export interface Fields {
  readonly zone: Zone
  readonly minute: Field
  readonly hour: Field
  readonly day: Field
  readonly month: Field
  readonly weekday: Field
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const yearsMax = 5

export function fieldSchedule(fields: Fields): Schedule {
  return {
    next(afterMs) {
      // Schedules have whole minutes; of the present second nothing is left.
      const start = Math.floor(afterMs / 1000) * 1000 + 1000
      const lastYear = fields.zone.wall(start).year + yearsMax
      let at: number | undefined = start
      for (;;) {
        at = toMonth(fields, at, lastYear)
        if (at === undefined) return undefined
        const step: Step = toDay(fields, at)
        at = step.at
        if (!step.again) {
          const found = toMinute(fields, at)
          if (!found.again) return found.at
          at = found.at
        }
      }
    },
  }
}

/** A step's result; `again`: it went over into the next greater unit, which must be looked at anew. */
interface Step {
  readonly at: number
  readonly again: boolean
}

/** The first instant from `from` on whose month matches: `from` itself or the start of a month. */
function toMonth({ zone, month }: Fields, from: number, lastYear: number): number | undefined {
  const wall = zone.wall(from)
  if (wall.year > lastYear) return undefined
  if (month.matches[wall.month]) return from
  for (let ahead = 1; ; ahead++) {
    const at = zone.instant([wall.year, wall.month + ahead, 1, 0, 0, 0])
    const there = zone.wall(at)
    if (there.year > lastYear) return undefined
    // The first of the month may have no midnight; its wall time is then still that month's.
    if (month.matches[there.month]) return at
  }
}

function toDay(fields: Fields, from: number): Step {
  const { zone } = fields
  let wall = zone.wall(from)
  if (dayMatches(fields, wall.day, wall.weekday)) return { at: from, again: false }
  let at = zone.instant([wall.year, wall.month, wall.day, 0, 0, 0])
  for (;;) {
    wall = zone.wall(at)
    at = zone.instant([wall.year, wall.month, wall.day + 1, wall.hour, wall.minute, wall.second])
    wall = zone.wall(at)
    // Where midnight does not exist, the day begins an hour off: back to the hour that is nearest to it.
    if (wall.hour !== 0) at += (wall.hour > 12 ? 24 - wall.hour : -wall.hour) * hourMs
    wall = zone.wall(at)
    if (wall.day === 1) return { at, again: true }
    if (dayMatches(fields, wall.day, wall.weekday)) return { at, again: false }
  }
}

/** Both day fields must match, but where both are chosen (neither is open) one is enough. */
function dayMatches({ day, weekday }: Fields, ofMonth: number, ofWeek: number): boolean {
  const byMonth = day.matches[ofMonth] === true
  const byWeek = weekday.matches[ofWeek] === true
  return day.open || weekday.open ? byMonth && byWeek : byMonth || byWeek
}

function toMinute({ zone, hour, minute }: Fields, from: number): Step {
  let at = from
  let wall = zone.wall(at)
  if (!hour.matches[wall.hour]) {
    at = zone.instant([wall.year, wall.month, wall.day, wall.hour, 0, 0])
    do {
      at += hourMs
      wall = zone.wall(at)
      if (wall.hour === 0) return { at, again: true }
    } while (!hour.matches[wall.hour])
  }
  if (wall.second !== 0) {
    at += minuteMs - wall.second * 1000
    wall = zone.wall(at)
    if (wall.minute === 0) return { at, again: true }
  }
  while (!minute.matches[wall.minute]) {
    at = Math.floor(at / minuteMs) * minuteMs + minuteMs
    wall = zone.wall(at)
    if (wall.minute === 0) return { at, again: true }
  }
  return { at, again: false }
}
