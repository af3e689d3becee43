import { describe, expect, it } from 'vitest'
import { durationMs, FlagError, type FlagTable, parseFlags } from './flags.js'

const table: FlagTable = {
  component: 'kube-test',
  definitions: [
    { name: 'name', type: 'string', default: 'x' },
    { name: 'on', type: 'bool', default: 'false' },
    { name: 'count', type: 'int', default: '3' },
    { name: 'wait', type: 'duration', default: '1m0s' },
    { name: 'servers', type: 'strings', default: '[]' },
    { name: 'exotic', type: 'string', default: 'plain' },
  ],
  implemented: new Set(['name', 'on', 'count', 'wait', 'servers']),
}

describe('flags', () => {
  it('have their defaults', () => {
    const flags = parseFlags(table, [])
    expect([flags.string('name'), flags.bool('on'), flags.int('count'), flags.durationMs('wait'), flags.list('servers')]).toEqual([
      'x',
      false,
      3,
      60_000,
      [],
    ])
  })
  it('are read in every spelling', () => {
    const flags = parseFlags(table, ['--name', 'y', '--on', '--count=5', '--servers=a,b', '--servers', 'c'])
    expect([flags.string('name'), flags.bool('on'), flags.int('count'), flags.list('servers')]).toEqual(['y', true, 5, ['a', 'b', 'c']])
  })
  it.each([
    ['--nope', /unknown flag: --nope/],
    ['--count=many', /invalid argument "many" for "--count"/],
    ['--wait=soon', /invalid duration/],
    ['--name', /flag needs an argument/],
    ['stray', /unexpected argument/],
    ['--exotic=other', /--exotic is known to kube-test but not implemented/],
  ])('refuse %s', (argument, message) => {
    expect(() => parseFlags(table, [argument])).toThrow(FlagError)
    expect(() => parseFlags(table, [argument])).toThrow(message)
  })
  it('take a flag that is not implemented at its default', () => {
    expect(parseFlags(table, ['--exotic=plain']).string('exotic')).toBe('plain')
  })
  it('know durations', () => {
    expect(['1h30m', '250ms', '0', '1.5s'].map((text) => durationMs(text))).toEqual([5_400_000, 250, 0, 1500])
  })
})
