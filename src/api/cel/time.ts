/** Timestamps and durations in nanoseconds, as text and in parts (cel-spec "Timestamps", Go's time.ParseDuration). */
import { zoneNamed } from '../cron/zone.js'
import { CelDuration, CelError, CelTimestamp } from './values.js'

const second = 1_000_000_000n
const timestampMin = -62_135_596_800n * second
const timestampMax = 253_402_300_800n * second - 1n
const durationMin = -(2n ** 63n)
const durationMax = 2n ** 63n - 1n

export function timestampOf(nanos: bigint): CelTimestamp | CelError {
  return nanos < timestampMin || nanos > timestampMax ? new CelError('timestamp overflow') : new CelTimestamp(nanos)
}

export function durationOf(nanos: bigint): CelDuration | CelError {
  return nanos < durationMin || nanos > durationMax ? new CelError('duration overflow') : new CelDuration(nanos)
}

const form = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?([Zz]|[+-]\d\d:\d\d)$/

/** RFC 3339. */
export function parseTimestamp(text: string): CelTimestamp | CelError {
  const match = form.exec(text)
  const fault = () => new CelError(`invalid timestamp: ${JSON.stringify(text)}`)
  if (!match) return fault()
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, seconds = 0] = match.slice(1, 7).map(Number)
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, seconds)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || seconds > 59) return fault()
  const fraction = BigInt((match[7] ?? '').slice(0, 9).padEnd(9, '0'))
  const offset = offsetOf(match[8] as string) ?? 0
  return timestampOf(BigInt(date.getTime() / 1000 - offset) * second + fraction)
}

/** "2026-01-02T03:04:05.006Z", with as many digits as the fraction needs. */
export function timestampText({ nanos }: CelTimestamp): string {
  const { ms, rest } = split(nanos)
  const text = new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/^\+00/, '')
  const fraction = rest === 0n ? '' : `.${String(rest).padStart(9, '0').replace(/0+$/, '')}`
  return `${text}${fraction}Z`
}

/** Milliseconds of the whole second, and the nanoseconds beyond. */
function split(nanos: bigint): { ms: number; rest: bigint } {
  const rest = ((nanos % second) + second) % second
  return { ms: Number((nanos - rest) / 1_000_000n), rest }
}

/** Seconds east of UTC of "Z", "+01:30". */
function offsetOf(text: string): number | undefined {
  if (text === 'Z' || text === 'z') return 0
  const match = /^([+-]?)(\d\d):(\d\d)$/.exec(text)
  if (!match) return undefined
  const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60
  return match[1] === '-' ? -seconds : seconds
}

/** Wall time in a zone ("America/New_York", "-02:00"); a Date whose UTC parts are the zone's. */
export function wallTime({ nanos }: CelTimestamp, zone: string): { readonly date: Date; readonly milliseconds: number } | CelError {
  const { ms, rest } = split(nanos)
  const fixed = zone === '' ? 0 : offsetOf(zone)
  const offset = fixed ?? zoneNamed(zone)?.offsetSeconds(ms)
  if (offset === undefined) return new CelError(`unknown time zone ${zone}`)
  return { date: new Date(ms + offset * 1000), milliseconds: Number(rest / 1_000_000n) }
}

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: second,
  m: 60n * second,
  h: 3600n * second,
}
const part = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y

/** "1h30m", "-1.5s", "0". */
export function parseDuration(text: string): CelDuration | CelError {
  const fault = () => new CelError(`invalid duration: ${JSON.stringify(text)}`)
  const sign = /^[+-]/.exec(text)?.[0] ?? ''
  const body = text.slice(sign.length)
  if (body === '0') return new CelDuration(0n)
  if (body === '') return fault()
  let nanos = 0n
  let at = 0
  while (at < body.length) {
    part.lastIndex = at
    const match = part.exec(body)
    if (!match || (!match[1] && !match[2])) return fault()
    const unit = units[match[3] as string] as bigint
    const fraction = match[2] ?? ''
    nanos += BigInt(match[1] || '0') * unit + (fraction === '' ? 0n : (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length))
    at += match[0].length
  }
  const found = durationOf(sign === '-' ? -nanos : nanos)
  return found instanceof CelError ? fault() : found
}

/** Seconds with as many digits as needed: "5400s", "-0.5s". */
export function durationText({ nanos }: CelDuration): string {
  const positive = nanos < 0n ? -nanos : nanos
  const fraction = positive % second
  const digits = fraction === 0n ? '' : `.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`
  return `${nanos < 0n ? '-' : ''}${positive / second}${digits}s`
}

const longUnits: readonly (readonly [RegExp, bigint])[] = [
  [/^(?:ns|nanos?|nanoseconds?)$/, 1n],
  [/^(?:us|µs|μs|micros?|microseconds?)$/, 1_000n],
  [/^(?:ms|millis?|milliseconds?)$/, 1_000_000n],
  [/^(?:s|secs?|seconds?)$/, second],
  [/^(?:m|mins?|minutes?)$/, 60n * second],
  [/^(?:h|hrs?|hours?)$/, 3600n * second],
  [/^(?:d|days?)$/, 86_400n * second],
  [/^(?:w|wks?|weeks?)$/, 604_800n * second],
]

/** OpenAPI's duration format, which knows "3 days" as well. */
export function parseLongDuration(text: string): CelDuration | CelError {
  const plain = parseDuration(text)
  if (plain instanceof CelDuration) return plain
  let nanos = 0n
  for (const [, count = '', name = ''] of text.matchAll(/(\d+)\s*([A-Za-zµμ]+)/g)) {
    const unit = longUnits.find(([form]) => form.test(name.toLowerCase()))?.[1]
    if (unit === undefined) return plain
    nanos += BigInt(count) * unit
  }
  return nanos === 0n ? plain : durationOf(nanos)
}
