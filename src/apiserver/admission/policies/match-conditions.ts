/** matchConditions (KEP-3716): all must hold; one that does not decides at once, an error only where none is false. */
import type { Program } from '../../../api/cel/environment.js'
import { compileExpression } from '../../../api/cel/kubernetes/admission.js'
import type { Environment } from '../../../api/cel/environment.js'
import { boolType } from '../../../api/cel/types.js'
import { CelError, type CelValue } from '../../../api/cel/values.js'
import type { MatchCondition } from '../../../api/types/admissionregistration-v1.js'
import type { AdmissionEvaluation } from './evaluation.js'

/** All conditions of a policy or webhook together may cost this much. */
export const matchConditionsBudget = 2_500_000

export interface CompiledCondition {
  readonly name: string
  readonly program: Program | string
}

export type ConditionOutcome = { readonly matches: boolean } | { readonly error: string }

export function compileConditions(conditions: readonly MatchCondition[] = [], environment: Environment): CompiledCondition[] {
  return conditions.map(({ name, expression }) => {
    const compiled = compileExpression(environment, expression, [boolType])
    return { name, program: 'program' in compiled ? compiled.program : compiled.fault }
  })
}

export function evaluateConditions(
  conditions: readonly CompiledCondition[],
  evaluation: AdmissionEvaluation,
  values: Readonly<Record<string, CelValue>>,
): ConditionOutcome {
  let error: string | undefined
  for (const { name, program } of conditions) {
    const value = typeof program === 'string' ? new CelError(program) : evaluation.evaluate(program, values)
    if (value === false) return { matches: false }
    if (value !== true) error ??= `match condition ${JSON.stringify(name)}: ${value instanceof CelError ? value.message : 'no bool'}`
  }
  return error === undefined ? { matches: true } : { error }
}
