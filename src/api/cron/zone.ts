/**
 * Wall time in an IANA time zone, by the platform's own zone data. Instants are ms since 1970; a wall time that a clock change
 * skips or repeats is read as Go's time.Date reads it, since cron schedules of Kubernetes are defined by that.
 */

export interface WallTime {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  /** 0 is Sunday. */
  readonly weekday: number
}

/** A wall time to look up; parts beyond their range carry over (month 13 is January of the next year). */
export type WallParts = readonly [year: number, month: number, day: number, hour: number, minute: number, second: number]

export interface Zone {
  readonly name: string
  /** Of an instant. */
  wall(ms: number): WallTime
  /** The instant of a wall time. */
  instant(parts: WallParts): number
  /** Seconds east of UTC at an instant. */
  offsetSeconds(ms: number): number
}

const zones = new Map<string, Zone>()

/** The zone of this name, or undefined when there is none. '' and "UTC" are UTC. */
export function zoneNamed(name: string): Zone | undefined {
  const known = zones.get(name)
  if (known) return known
  const offset = name === '' || name === 'UTC' ? () => 0 : offsetFunction(name)
  if (!offset) return undefined
  const zone = makeZone(name || 'UTC', offset)
  zones.set(name, zone)
  return zone
}

/** Only names of the zone database: no "+02:00", no "Local" (CronJob API, spec.timeZone), and in the database's own letter case. */
function offsetFunction(name: string): ((ms: number) => number) | undefined {
  if (!/^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/.test(name) || name.toLowerCase() === 'local') return undefined
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    return undefined
  }
  const canonical = format.resolvedOptions().timeZone
  if (canonical !== name && canonical.toLowerCase() === name.toLowerCase()) return undefined
  const part = new Map<string, number>()
  return (ms) => {
    for (const { type, value } of format.formatToParts(ms)) part.set(type, Number(value))
    const at = (type: string) => part.get(type) ?? 0
    const local = Date.UTC(at('year'), at('month') - 1, at('day'), at('hour'), at('minute'), at('second'))
    return Math.round((local - Math.floor(ms / 1000) * 1000) / 1000)
  }
}

function makeZone(name: string, offsetSeconds: (ms: number) => number): Zone {
  return {
    name,
    offsetSeconds,
    wall(ms) {
      const at = new Date(ms + offsetSeconds(ms) * 1000)
      return {
        year: at.getUTCFullYear(),
        month: at.getUTCMonth() + 1,
        day: at.getUTCDate(),
        hour: at.getUTCHours(),
        minute: at.getUTCMinutes(),
        second: at.getUTCSeconds(),
        weekday: at.getUTCDay(),
      }
    },
    instant([year, month, day, hour, minute, second]) {
      const asUtc = Date.UTC(year, month - 1, day, hour, minute, second)
      const guess = offsetSeconds(asUtc)
      const offset = guess === 0 ? 0 : offsetSeconds(asUtc - guess * 1000)
      return asUtc - offset * 1000
    },
  }
}

/** RFC 3339 in whole seconds with the zone's offset: "2026-03-01T09:00:00+09:00". */
export function zonedTimestamp(ms: number, zone: Zone): string {
  const offset = zone.offsetSeconds(ms)
  const local = new Date(ms + offset * 1000).toISOString().slice(0, 19)
  if (offset === 0) return `${local}Z`
  const minutes = Math.floor(Math.abs(offset) / 60)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${local}${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}
