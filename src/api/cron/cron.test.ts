import { describe, expect, it } from 'vitest'
import { CronError, parseSchedule } from './parse.js'
import { zonedTimestamp, zoneNamed } from './zone.js'

const at = (text: string) => Date.parse(text)
/** The next `count` times after `from`, in UTC. */
function times(schedule: string, from: string, count = 1, zone?: string): string[] {
  const parsed = parseSchedule(schedule, zone)
  const found: string[] = []
  for (let now: number | undefined = at(from); found.length < count; ) {
    now = parsed.next(now)
    if (now === undefined) return [...found, 'never']
    found.push(`${new Date(now).toISOString().slice(0, 16)}Z`)
  }
  return found
}

describe('cron fields', () => {
  it('fires strictly after the time asked about', () => {
    expect(times('*/15 * * * *', '2026-07-09T14:45:00Z', 2)).toEqual(['2026-07-09T15:00Z', '2026-07-09T15:15Z'])
    expect(times('*/15 * * * *', '2026-07-09T14:59:59.999Z')).toEqual(['2026-07-09T15:00Z'])
  })
  it('reads lists, ranges, steps and names', () => {
    expect(times('5,7-9/2 * * * *', '2026-01-01T00:00:00Z', 4)).toEqual([
      '2026-01-01T00:05Z',
      '2026-01-01T00:07Z',
      '2026-01-01T00:09Z',
      '2026-01-01T01:05Z',
    ])
    expect(times('50/5 0 * * *', '2026-01-01T00:00:00Z', 3)).toEqual(['2026-01-01T00:50Z', '2026-01-01T00:55Z', '2026-01-02T00:50Z'])
    expect(times('0 0 * FEB Mon', '2026-01-01T00:00:00Z')).toEqual(['2026-02-02T00:00Z'])
  })
  it('takes either day where both day fields are chosen, both where one is open', () => {
    expect(times('0 0 13 * 5', '2026-03-01T00:00:00Z', 3)).toEqual(['2026-03-06T00:00Z', '2026-03-13T00:00Z', '2026-03-20T00:00Z'])
    expect(times('0 0 13 * *', '2026-03-01T00:00:00Z', 2)).toEqual(['2026-03-13T00:00Z', '2026-04-13T00:00Z'])
    // A step above 1 is a choice: odd days or Fridays.
    expect(times('0 0 */2 * 5', '2026-03-05T00:00:00Z', 2)).toEqual(['2026-03-06T00:00Z', '2026-03-07T00:00Z'])
    expect(times('0 0 */1 * 5', '2026-03-05T00:00:00Z', 2)).toEqual(['2026-03-06T00:00Z', '2026-03-13T00:00Z'])
  })
  it('goes to the next leap day, and gives up on 31 February', () => {
    expect(times('0 0 29 2 *', '2026-01-01T00:00:00Z')).toEqual(['2028-02-29T00:00Z'])
    expect(times('0 0 31 2 *', '2026-01-01T00:00:00Z')).toEqual(['never'])
  })
  it('knows the descriptors', () => {
    expect(times('@hourly', '2026-01-01T00:30:00Z')).toEqual(['2026-01-01T01:00Z'])
    expect(times('@weekly', '2026-01-01T00:00:00Z')).toEqual(['2026-01-04T00:00Z'])
    expect(times('@yearly', '2026-01-01T00:00:00Z')).toEqual(['2027-01-01T00:00Z'])
    expect(parseSchedule('@every 1h30m').next(at('2026-01-01T00:00:00.700Z'))).toBe(at('2026-01-01T01:30:00Z'))
    expect(parseSchedule('@every 10ms').next(0)).toBe(1000)
  })
  it.each([
    '',
    '* * * *',
    '* * * * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 7',
    '5-1 * * * *',
    '*/0 * * * *',
    '1-2-3 * * * *',
    '1/2/3 * * * *',
    'x * * * *',
    '-1 * * * *',
    '@reboot',
    '@every x',
    'TZ=Nowhere/Town * * * * *',
  ])('refuses %j', (text) => {
    expect(() => parseSchedule(text)).toThrow(CronError)
  })
})

describe('time zones', () => {
  it('reads the wall clock of the zone', () => {
    expect(times('0 9 * * *', '2026-01-01T00:00:00Z', 1, 'Asia/Tokyo')).toEqual(['2026-01-02T00:00Z'])
    expect(times('CRON_TZ=Asia/Tokyo 0 9 * * *', '2026-01-01T00:00:00Z', 1, 'Europe/Berlin')).toEqual(['2026-01-02T00:00Z'])
  })
  it('skips a time that the spring change leaves out (New York, 8 March 2026)', () => {
    expect(times('30 2 * * *', '2026-03-07T00:00:00Z', 3, 'America/New_York')).toEqual([
      '2026-03-07T07:30Z',
      '2026-03-09T06:30Z',
      '2026-03-10T06:30Z',
    ])
  })
  it('fires twice in the hour that autumn repeats (New York, 1 November 2026)', () => {
    expect(times('30 1 * * *', '2026-11-01T00:00:00Z', 3, 'America/New_York')).toEqual([
      '2026-11-01T05:30Z',
      '2026-11-01T06:30Z',
      '2026-11-02T06:30Z',
    ])
    expect(times('0 * * * *', '2026-11-01T04:30:00Z', 3, 'America/New_York')).toEqual([
      '2026-11-01T05:00Z',
      '2026-11-01T06:00Z',
      '2026-11-01T07:00Z',
    ])
  })
  it('copes with a day without midnight (Santiago, 6 September 2026)', () => {
    expect(times('0 12 * * *', '2026-09-05T00:00:00Z', 3, 'America/Santiago')).toEqual([
      '2026-09-05T16:00Z',
      '2026-09-06T15:00Z',
      '2026-09-07T15:00Z',
    ])
    expect(times('0 4 7 * *', '2026-09-01T00:00:00Z', 1, 'America/Santiago')).toEqual(['2026-09-07T07:00Z'])
  })
  it('knows names of the zone database only', () => {
    expect(zoneNamed('Europe/Berlin')).toBeDefined()
    expect(zoneNamed('Etc/UTC')).toBeDefined()
    for (const name of ['Local', '+02:00', 'europe/berlin', 'Nowhere/Town', '../etc/passwd']) expect(zoneNamed(name)).toBeUndefined()
  })
  it('prints the zone of a time', () => {
    const zone = zoneNamed('Asia/Kolkata')
    expect(zone && zonedTimestamp(at('2026-01-01T00:00:00Z'), zone)).toBe('2026-01-01T05:30:00+05:30')
  })
})
