/**
 * Reads the text of a cron schedule as Kubernetes does (CronJob API, spec.schedule): five fields, or a descriptor such as
 * "@daily" or "@every 90m", optionally after "TZ=zone" or "CRON_TZ=zone".
 */
import { type Schedule, everySchedule, fieldSchedule } from './schedule.js'
import { zoneNamed } from './zone.js'

/** A schedule that cannot be read; the message says why. */
export class CronError extends Error {
  override readonly name = 'CronError'
}

/** The values of one field that match, and whether the field was left open ("*", "?"). */
export interface Field {
  readonly matches: readonly boolean[]
  readonly open: boolean
}

interface Bounds {
  readonly what: string
  readonly min: number
  readonly max: number
  readonly names?: readonly string[]
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const minutes: Bounds = { what: 'minute', min: 0, max: 59 }
const hours: Bounds = { what: 'hour', min: 0, max: 23 }
const days: Bounds = { what: 'day of month', min: 1, max: 31 }
const months: Bounds = { what: 'month', min: 1, max: 12, names: monthNames }
const weekdays: Bounds = { what: 'day of week', min: 0, max: 6, names: dayNames }

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

/** The schedule of `text`, on the wall clock of `timeZone` unless the text names a zone itself. Throws CronError. */
export function parseSchedule(text: string, timeZone = 'UTC'): Schedule {
  if (text === '') throw new CronError('empty spec string')
  const prefixed = /^(?:CRON_)?TZ=(\S*)\s*(.*)$/s.exec(text)
  const zoneName = prefixed ? (prefixed[1] ?? '') : timeZone
  const zone = zoneNamed(zoneName)
  if (!zone) throw new CronError(`provided bad location ${zoneName}: unknown time zone ${zoneName}`)
  const rest = (prefixed ? (prefixed[2] ?? '') : text).trim()
  if (rest.startsWith('@every ')) return everySchedule(parseDuration(rest.slice('@every '.length)))
  const plain = rest.startsWith('@') ? descriptors[rest] : rest
  if (plain === undefined) throw new CronError(`unrecognized descriptor: ${rest}`)
  const fields = plain.split(/\s+/).filter(Boolean)
  if (fields.length !== 5) throw new CronError(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`)
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields
  return fieldSchedule({
    zone,
    minute: parseField(minute, minutes),
    hour: parseField(hour, hours),
    day: parseField(day, days),
    month: parseField(month, months),
    weekday: parseField(weekday, weekdays),
  })
}

/** True when the text names its own zone ("TZ=..."), which new CronJobs may not: spec.timeZone is for that. */
export function namesZone(text: string): boolean {
  return text.includes('TZ')
}

function parseField(text: string, bounds: Bounds): Field {
  const matches = Array.from({ length: bounds.max + 1 }, () => false)
  let open = false
  for (const part of text.split(',').filter(Boolean)) {
    const range = parseRange(part, bounds)
    for (let value = range.from; value <= range.to; value += range.step) matches[value] = true
    open ||= range.open
  }
  return { matches, open }
}

function parseRange(text: string, bounds: Bounds): { from: number; to: number; step: number; open: boolean } {
  const [range = '', stepText, ...tooMany] = text.split('/')
  if (tooMany.length > 0) throw new CronError(`too many slashes: ${text}`)
  const [low = '', high, ...more] = range.split('-')
  const all = low === '*' || low === '?'
  if (!all && more.length > 0) throw new CronError(`too many hyphens: ${text}`)
  const from = all ? bounds.min : parseValue(low, bounds)
  let to = all ? bounds.max : high === undefined ? from : parseValue(high, bounds)
  let step = 1
  if (stepText !== undefined) {
    step = parseNumber(stepText)
    // "5/15" is "5-59/15".
    if (high === undefined) to = bounds.max
  }
  if (from < bounds.min) throw new CronError(`beginning of range (${from}) below minimum (${bounds.min}): ${text}`)
  if (to > bounds.max) throw new CronError(`end of range (${to}) above maximum (${bounds.max}): ${text}`)
  if (from > to) throw new CronError(`beginning of range (${from}) beyond end of range (${to}): ${text}`)
  if (step === 0) throw new CronError(`step of range should be a positive number: ${text}`)
  // "*/2" is a choice of days, and so no longer leaves the day to the other day field.
  return { from, to, step, open: all && step === 1 }
}

function parseValue(text: string, bounds: Bounds): number {
  const named = bounds.names?.indexOf(text.toLowerCase()) ?? -1
  return named >= 0 ? named + bounds.min : parseNumber(text)
}

function parseNumber(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new CronError(`failed to parse int from ${text}: invalid syntax`)
  const value = Number(text)
  if (value < 0) throw new CronError(`negative number (${value}) not allowed: ${text}`)
  return value
}

const unitMs: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** A Go duration ("1h30m", "-1.5s", "0") in ms. */
function parseDuration(text: string): number {
  const bad = () => new CronError(`failed to parse duration @every ${text}: invalid duration "${text}"`)
  const match = /^([+-]?)(0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text)
  if (!match) throw bad()
  let total = 0
  for (const [, amount = '', unit = ''] of (match[2] ?? '').matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g))
    total += Number(amount) * (unitMs[unit] ?? 0)
  return match[1] === '-' ? -total : total
}
