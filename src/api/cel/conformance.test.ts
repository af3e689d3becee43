/** The conformance suites of cel-spec, as they are published by @bufbuild/cel-spec: parsing, checking, evaluation. */
import { describe, expect, it } from 'vitest'
import { tests as comprehension } from '@bufbuild/cel-spec/testdata/comprehension.js'
import { tests as conformance } from '@bufbuild/cel-spec/testdata/conformance.js'
import { Environment } from './environment.js'
import { bindingsLibrary, twoVariableLibrary } from './library/two-variables.js'
import { optionalLibrary } from './library/optionals.js'
import { standardLibrary } from './library/standard.js'
import { stringsLibrary } from './library/strings.js'
import { equals } from './equality.js'
import { fn, global, member } from './functions.js'
import { issuesText } from './issue.js'
import { type CelSpecTest, exclusionOf, exclusionOfTest, type Json, typeFrom, valueFrom } from './testdata/conformance.js'
import { CelDouble, CelError, type CelValue } from './values.js'
import { dynType, typeText } from './types.js'
import type { Expr } from './ast.js'
import type { Checked } from './checker.js'
import { runtimeType } from './runtime-type.js'

interface Suite {
  readonly name: string
  readonly suites?: readonly Suite[]
  readonly tests?: readonly { readonly original: CelSpecTest }[]
}

const libraries = [standardLibrary, optionalLibrary, twoVariableLibrary, bindingsLibrary, stringsLibrary]

function environmentOf({ typeEnv = [], container = '' }: CelSpecTest): Environment {
  const variables = Object.fromEntries(typeEnv.flatMap(({ name, ident }) => (ident ? [[name, typeFrom(ident.type)]] : [])))
  const functions = typeEnv.flatMap(({ name, function: declared }) =>
    declared
      ? [
          fn(
            name,
            ...declared.overloads.map(({ overloadId, params = [], resultType, isInstanceFunction }) =>
              (isInstanceFunction ? member : global)(
                overloadId,
                params.map(typeFrom),
                typeFrom(resultType),
                () => new CelError('declared only'),
              ),
            ),
          ),
        ]
      : [],
  )
  return new Environment({ libraries: [...libraries, { functions }], variables, container, escapedFields: true })
}

/** NaN is no value's equal, but the expected one of a test. */
const same = (a: CelValue, b: CelValue) =>
  (a instanceof CelDouble && b instanceof CelDouble && Number.isNaN(a.value) && Number.isNaN(b.value)) ||
  (typeText(runtimeType(a)) === typeText(runtimeType(b)) && equals(a, b))

const unchecked = (expr: Expr): Checked => ({ expr, type: dynType, issues: [], typeOf: () => dynType, referenceOf: () => undefined })

function judge(test: CelSpecTest): void {
  const environment = environmentOf(test)
  const parsed = environment.parse(test.expr)
  const failure = test.evalError !== undefined
  if ('issues' in parsed) {
    if (failure) return
    throw new Error(issuesText(test.expr, parsed.issues))
  }
  const checked = test.disableCheck ? unchecked(parsed.expr) : environment.check(parsed.expr)
  if (checked.issues.length > 0) {
    if (failure) return
    throw new Error(issuesText(test.expr, checked.issues))
  }
  if (test.typedResult?.deducedType) expect(typeText(checked.type)).toBe(typeText(typeFrom(test.typedResult.deducedType)))
  if (test.checkOnly) return
  const variables = Object.fromEntries(Object.entries(test.bindings ?? {}).map(([name, { value }]) => [name, valueFrom(value as Json)]))
  const { value } = environment.program(test.expr, checked).evaluate(variables)
  if (failure) {
    expect(value).toBeInstanceOf(CelError)
    return
  }
  const wanted = valueFrom(test.typedResult?.result ?? test.value ?? { boolValue: true })
  if (!same(value, wanted)) expect(value).toEqual(wanted)
}

function run(suite: Suite, path: string): void {
  const reason = exclusionOf(path)
  if (reason !== undefined) {
    it.skip(`${path}: ${reason}`, () => undefined)
    return
  }
  if (!suite.suites?.length && !suite.tests?.length) return
  describe(suite.name, () => {
    for (const inner of suite.suites ?? []) run(inner, `${path}/${inner.name}`)
    for (const [i, { original }] of (suite.tests ?? []).entries()) {
      const name = original.name ?? original.expr
      const excluded = exclusionOfTest(original)
      if (excluded === undefined) it(`${name} #${i}`, () => judge(original))
      else it.skip(`${name} #${i}: ${excluded}`, () => undefined)
    }
  })
}

for (const suite of (conformance as unknown as Suite).suites ?? []) run(suite, suite.name)

/** The data tells no outcomes: what holds is true, and what is meant to fail fails. */
describe('two-variable comprehensions of cel-go', () => {
  for (const [i, { original }] of ((comprehension as unknown as Suite).tests ?? []).entries())
    it(`${original.expr} #${i}`, () => {
      const compiled = environmentOf(original).compile(original.expr)
      if ('program' in compiled) expect(compiled.program.evaluate({}).value).not.toBe(false)
    })
})
