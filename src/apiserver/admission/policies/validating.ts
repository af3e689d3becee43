/**
 * ValidatingAdmissionPolicy (KEP-3488): every policy that is bound to a request judges it, with each of its parameters; what it
 * finds is denied, warned of or noted, as its binding says. The first denial is the answer.
 */
import type { Program } from '../../../api/cel/environment.js'
import { admissionEnvironment, compileExpression, PolicyVariables } from '../../../api/cel/kubernetes/admission.js'
import { runtimeCostBudget } from '../../../api/cel/kubernetes/environment.js'
import { boolType, nullType, stringType, type Type } from '../../../api/cel/types.js'
import { CelError, type CelValue } from '../../../api/cel/values.js'
import type { UnknownObject } from '../../../api/object.js'
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
} from '../../../api/types/admissionregistration-v1.js'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.js'
import type { AdmissionDeps } from '../plugin.js'
import { AdmissionEvaluation } from './evaluation.js'
import { isExempt } from './matching.js'
import { type CompiledCondition, compileConditions, evaluateConditions } from './match-conditions.js'
import { denied, PolicyRun } from './policy-run.js'
import { type Candidate, PolicySource } from './policy-source.js'

type Policy = ValidatingAdmissionPolicy
type Binding = ValidatingAdmissionPolicyBinding

const group = { group: 'admissionregistration.k8s.io', version: 'v1' }

interface CompiledValidation {
  readonly validation: Validation
  readonly program: Program | string
  readonly message: Program | undefined
}

interface CompiledPolicy {
  readonly conditions: readonly CompiledCondition[]
  readonly variables: PolicyVariables
  readonly validations: readonly CompiledValidation[]
  readonly annotations: readonly { readonly key: string; readonly program: Program | string }[]
}

interface Finding {
  readonly message: string
  readonly reason: string
}

export function validatingAdmissionPolicy(deps: AdmissionDeps): AdmissionPlugin {
  const run = new PolicyRun(deps)
  const source = new PolicySource<Policy, Binding, CompiledPolicy>({
    access: deps.access,
    catalog: deps.resources,
    policies: { ...group, resource: 'validatingadmissionpolicies' },
    bindings: { ...group, resource: 'validatingadmissionpolicybindings' },
    compile,
  })
  return {
    name: 'ValidatingAdmissionPolicy',
    handles: (_, resource) => !isExempt(resource),
    validate(request) {
      const candidates = source.candidates(request)
      // Most clusters have no policy for most kinds, and no write waits for them.
      return candidates.length === 0 ? undefined : judge(request, candidates, run, deps)
    },
  }
}

function compile({ spec = {} }: Policy): CompiledPolicy {
  const base = admissionEnvironment({ params: spec.paramKind !== undefined, authorizer: true })
  const variables = new PolicyVariables()
  for (const { name, expression } of spec.variables ?? []) variables.declare(base, name, expression)
  const environment = variables.within(base)
  const programOf = (source: string, wanted: readonly Type[]) => {
    const compiled = compileExpression(environment, source, wanted)
    return 'program' in compiled ? compiled.program : compiled.fault
  }
  return {
    conditions: compileConditions(spec.matchConditions, base),
    variables,
    validations: (spec.validations ?? []).map((validation) => {
      const message = validation.messageExpression ? programOf(validation.messageExpression, [stringType]) : undefined
      return {
        validation,
        program: programOf(validation.expression, [boolType]),
        message: typeof message === 'string' ? undefined : message,
      }
    }),
    annotations: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      program: programOf(valueExpression, [stringType, nullType]),
    })),
  }
}

async function judge(
  request: AdmissionRequest,
  candidates: readonly Candidate<Policy, Binding, CompiledPolicy>[],
  run: PolicyRun,
  deps: AdmissionDeps,
): Promise<void> {
  let denial: (Finding & { readonly text: string }) | undefined
  for (const candidate of candidates) {
    const { policy, matcher, bindings } = candidate.active
    if (!(await run.selects(matcher, request))) continue
    for (const { binding, matcher: narrower } of bindings) {
      if (narrower && !(narrower.view(request) && (await run.selects(narrower, request)))) continue
      for (const finding of await findings(request, candidate, binding, run, deps)) {
        const who = `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}'`
        const actions = binding.spec.validationActions
        if (actions.includes('Deny')) denial ??= { ...finding, text: `${who} denied request: ${finding.message}` }
        if (actions.includes('Warn')) request.warn(`Validation failed for ${who}: ${finding.message}`)
      }
    }
  }
  if (denial) throw denied(request, denial.text, denial.reason)
}

/** What a policy finds with each parameter of a binding. */
async function findings(
  request: AdmissionRequest,
  { active, view }: Candidate<Policy, Binding, CompiledPolicy>,
  binding: Binding,
  run: PolicyRun,
  { authorizer }: AdmissionDeps,
): Promise<Finding[]> {
  const { spec = {} } = active.policy
  const failure = (message: string): Finding[] => (spec.failurePolicy === 'Ignore' ? [] : [{ message, reason: 'Invalid' }])
  const params = await run.params(spec.paramKind, binding.spec.paramRef, request)
  if ('error' in params) return failure(`failed to configure binding: ${params.error}`)
  const namespace = await run.namespace(request)
  const found: Finding[] = []
  for (const param of params.found) {
    const evaluation = new AdmissionEvaluation({ request, view, namespace, authorizer }, runtimeCostBudget)
    found.push(...(await evaluation.whole(() => evaluatePolicy(active.compiled(), evaluation, param, failure))))
  }
  return found
}

function evaluatePolicy(
  policy: CompiledPolicy,
  evaluation: AdmissionEvaluation,
  param: UnknownObject | undefined,
  failure: (message: string) => Finding[],
): Finding[] {
  const plain = evaluation.values(param)
  const matched = evaluateConditions(policy.conditions, evaluation, plain)
  if ('error' in matched) return failure(matched.error)
  if (!matched.matches) return []
  const values: Record<string, CelValue> = { ...plain }
  values.variables = policy.variables.value((program) => evaluation.evaluate(program, values))
  const found = policy.validations.flatMap(({ validation, program, message }): Finding[] => {
    const value = typeof program === 'string' ? new CelError(program) : evaluation.evaluate(program, values)
    if (value === true) return []
    const { expression, reason = 'Invalid' } = validation
    if (value instanceof CelError) return failure(`expression '${expression}' resulted in error: ${value.message}`)
    return [{ message: messageOf(validation, message, evaluation, values), reason }]
  })
  // Notes are for the audit log; here they only must not fail.
  for (const { key, program } of policy.annotations) {
    const value = typeof program === 'string' ? new CelError(program) : evaluation.evaluate(program, values)
    if (value instanceof CelError) found.push(...failure(`audit annotation ${JSON.stringify(key)}: ${value.message}`))
  }
  return found
}

const messageBytesMax = 5 * 1024

function messageOf(
  { expression, message }: Validation,
  program: Program | undefined,
  evaluation: AdmissionEvaluation,
  values: Readonly<Record<string, CelValue>>,
): string {
  const shown = program && evaluation.evaluate(program, values)
  const text = typeof shown === 'string' ? shown.trim() : ''
  if (text !== '' && text.length <= messageBytesMax && !/[\n\r]/.test(text)) return text
  return message?.trim() || `failed expression: ${expression.trim()}`
}
