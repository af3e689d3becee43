/** The parts of timestamps and durations. */
import { fn, type FunctionDeclaration, member } from '../functions.js'
import { wallTime } from '../time.js'
import { durationType, intType, stringType, timestampType } from '../types.js'
import { CelError, type CelDuration, type CelTimestamp, normalInt } from '../values.js'

const millisecond = 1_000_000n

function part(name: string, id: string, read: (date: Date, milliseconds: number) => number, divisor?: bigint): FunctionDeclaration {
  const of = (at: CelTimestamp, zone = '') => {
    const wall = wallTime(at, zone)
    return wall instanceof CelError ? wall : read(wall.date, wall.milliseconds)
  }
  return fn(
    name,
    member(`timestamp_to_${id}`, [timestampType], intType, (at: CelTimestamp) => of(at)),
    member(`timestamp_to_${id}_with_tz`, [timestampType, stringType], intType, of),
    ...(divisor === undefined
      ? []
      : [member(`duration_to_${id}`, [durationType], intType, ({ nanos }: CelDuration) => normalInt(nanos / divisor))]),
  )
}

const dayMs = 86_400_000

export const moments = [
  part('getFullYear', 'year', (date) => date.getUTCFullYear()),
  part('getMonth', 'month', (date) => date.getUTCMonth()),
  part('getDate', 'day_of_month_1_based', (date) => date.getUTCDate()),
  part('getDayOfMonth', 'day_of_month', (date) => date.getUTCDate() - 1),
  part('getDayOfWeek', 'day_of_week', (date) => date.getUTCDay()),
  part('getDayOfYear', 'day_of_year', dayOfYear),
  part('getHours', 'hours', (date) => date.getUTCHours(), 3_600_000n * millisecond),
  part('getMinutes', 'minutes', (date) => date.getUTCMinutes(), 60_000n * millisecond),
  part('getSeconds', 'seconds', (date) => date.getUTCSeconds(), 1_000n * millisecond),
  part('getMilliseconds', 'milliseconds', (_, milliseconds) => milliseconds, millisecond),
]

function dayOfYear(date: Date): number {
  const start = new Date(0)
  start.setUTCFullYear(date.getUTCFullYear(), 0, 1)
  return Math.floor((date.getTime() - start.getTime()) / dayMs)
}
