/** Expressions by people who mean no good: every one is refused or ends, soon and in bounded memory. */
import { performance } from 'node:perf_hooks'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { kubernetesEnvironment, perCallCostLimit } from './kubernetes/environment.js'
import { dynamicValue } from './kubernetes/json-values.js'
import { dynType } from './types.js'
import { CelError } from './values.js'

const environment = kubernetesEnvironment().extend({ variables: { x: dynType } })
const list = Array.from({ length: 20_000 }, (_, i) => i)
const text = 'a'.repeat(200_000)

function run(source: string, x: unknown = null): unknown {
  const compiled = environment.compile(source)
  return 'program' in compiled ? compiled.program.evaluate({ x: dynamicValue(x) }, perCallCostLimit).value : 'refused'
}

/** Far above what any of these takes, and far below what they would take without a bound. */
const patienceMs = 5_000

describe('hostile expressions', () => {
  it.each([
    ['depth of parentheses', '('.repeat(10_000)],
    ['depth of lists', '['.repeat(300) + ']'.repeat(300)],
    ['depth of signs', `${'-'.repeat(9_999)}x`],
    ['depth of negations', `${'!'.repeat(9_999)}x`],
    ['depth of selections', `x${'.a'.repeat(5_000)}`],
    ['depth of sums', `1${'+1'.repeat(5_000)}`],
    ['depth of choices', 'x?1:'.repeat(5_000)],
    ['size', 'x'.repeat(200_000)],
    ['a pattern that repeats too often', "'a'.matches('(a{1000}){1000}')"],
  ])('of too much %s are refused', (_, source) => {
    const outcome = run(source)
    expect(outcome === 'refused' || outcome instanceof CelError).toBe(true)
  })

  it('may be long where they are not deep', () => expect(run(`true${' && true'.repeat(2_000)}`)).toBe(true))

  it.each([
    ['patterns that backtrack elsewhere', "x.matches('^(a+)+$')", text],
    ['loops in loops', 'x.all(a, x.all(b, x.all(c, a + b + c >= 0)))', list],
    ['every element against every other', 'sets.equivalent(x, x)', list],
    ['doubled lists', `${'x + '.repeat(200)}x == []`, list],
    ['a replacement of nothing by everything', "x.replace('', x).size() > 0", text],
    ['ever longer texts', "x.replace('a', x).replace('a', x).size() > 0", text],
    ['errors without end', 'x.all(a, x.exists(b, 1 / 0 > 0 || false) || true)', list],
    ['ranges of ranges', 'lists.range(1000000).map(a, lists.range(1000000)).size() > 0', null],
  ])('of %s come to an end', (_, source, x) => {
    const began = performance.now()
    run(source, x)
    expect(performance.now() - began).toBeLessThan(patienceMs)
  })

  it('reach nothing but what they are given', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(run(`has(x.${name})`, { a: 1 })).toBe(false)
      expect(run(`x['${name}']`, { a: 1 })).toBeInstanceOf(CelError)
      expect(run(`${name}`, {})).toBe('refused')
      expect(run(`x.${name}()`, {})).toBe('refused')
    }
  })

  it('of any characters neither crash nor hang', () => {
    const token = fc.constantFrom(
      ...'x 1 0u 1.5 "a" b"c" r"\\d" true null in . ? : ( ) [ ] { } , + - * / % ! && || < <= == != ?. [? has all map y // \n'.split(' '),
    )
    fc.assert(
      fc.property(fc.array(token, { maxLength: 40 }), (tokens) => void run(tokens.join(' '), { a: [1] })),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(fc.string({ maxLength: 60, unit: 'binary' }), (source) => void run(source)),
      { numRuns: 300 },
    )
  })
})
