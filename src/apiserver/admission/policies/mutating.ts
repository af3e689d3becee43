/**
 * MutatingAdmissionPolicy (KEP-3962): policies change the object one after the other, in the order of their names; one that wants
 * to see what later ones did is asked once more. What a policy makes is decoded and defaulted as if it had been sent.
 */
import type { Program } from '../../../api/cel/environment.js'
import { admissionEnvironment, compileExpression, PolicyVariables } from '../../../api/cel/kubernetes/admission.js'
import { runtimeCostBudget } from '../../../api/cel/kubernetes/environment.js'
import { jsonOf } from '../../../api/cel/kubernetes/mutation.js'
import { CelError, type CelValue } from '../../../api/cel/values.js'
import type { JsonValue, UnknownObject } from '../../../api/object.js'
import { jsonPatch } from '../../../api/patch/json-patch.js'
import { sameJson } from '../../../api/same-json.js'
import { fieldsOfConfiguration } from '../../../api/structured-merge/field-set.js'
import type { MergeType } from '../../../api/structured-merge/merge-type.js'
import { mergeObjects } from '../../../api/structured-merge/merge.js'
import type { MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, Mutation } from '../../../api/types/admissionregistration-v1.js'
import { configurationType, patchListType, withMutations } from '../../../api/validation/admissionregistration/mutating-admission-policy.js'
import { messageOf } from '../../../base/errors.js'
import { trackingOf } from '../../registry/field-ownership.js'
import type { ServedResource } from '../../registry/resource.js'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.js'
import type { AdmissionDeps } from '../plugin.js'
import { AdmissionEvaluation } from './evaluation.js'
import { isExempt } from './matching.js'
import { type CompiledCondition, compileConditions, evaluateConditions } from './match-conditions.js'
import { denied, PolicyRun, replaceMembers } from './policy-run.js'
import { type Candidate, PolicySource } from './policy-source.js'
import { asStored, type RequestView, shownIn } from './request-views.js'

type Policy = MutatingAdmissionPolicy
type Binding = MutatingAdmissionPolicyBinding
type Members = Readonly<Record<string, unknown>>

const group = { group: 'admissionregistration.k8s.io', version: 'v1' }

interface CompiledPolicy {
  readonly conditions: readonly CompiledCondition[]
  readonly variables: PolicyVariables
  readonly mutations: readonly { readonly mutation: Mutation; readonly program: Program | string }[]
}

/** What a policy could not do; whether the request fails with it is the policy's choice. */
class MutationFailure extends Error {}

export function mutatingAdmissionPolicy(deps: AdmissionDeps): AdmissionPlugin {
  const run = new PolicyRun(deps)
  const source = new PolicySource<Policy, Binding, CompiledPolicy>({
    access: deps.access,
    catalog: deps.resources,
    policies: { ...group, resource: 'mutatingadmissionpolicies' },
    bindings: { ...group, resource: 'mutatingadmissionpolicybindings' },
    compile,
  })
  return {
    name: 'MutatingAdmissionPolicy',
    handles: (operation, resource) => operation !== 'DELETE' && !isExempt(resource),
    mutate(request) {
      if (!request.object) return undefined
      const candidates = source.candidates(request)
      return candidates.length === 0 ? undefined : mutate(request, candidates, run, deps)
    },
  }
}

function compile({ spec = {} }: Policy): CompiledPolicy {
  const base = withMutations(admissionEnvironment({ params: spec.paramKind !== undefined, authorizer: true }))
  const variables = new PolicyVariables()
  for (const { name, expression } of spec.variables ?? []) variables.declare(base, name, expression)
  const environment = variables.within(base)
  return {
    conditions: compileConditions(spec.matchConditions, base),
    variables,
    mutations: (spec.mutations ?? []).map((mutation) => {
      const isPatch = mutation.patchType === 'JSONPatch'
      const expression = (isPatch ? mutation.jsonPatch : mutation.applyConfiguration)?.expression ?? ''
      const compiled = compileExpression(environment, expression, [isPatch ? patchListType : configurationType])
      return { mutation, program: 'program' in compiled ? compiled.program : compiled.fault }
    }),
  }
}

async function mutate(
  request: AdmissionRequest,
  candidates: readonly Candidate<Policy, Binding, CompiledPolicy>[],
  run: PolicyRun,
  deps: AdmissionDeps,
): Promise<void> {
  const after: { readonly candidate: Candidate<Policy, Binding, CompiledPolicy>; readonly object: UnknownObject }[] = []
  for (const candidate of candidates) {
    if (!(await applyPolicy(request, candidate, run, deps))) continue
    if (candidate.active.policy.spec?.reinvocationPolicy === 'IfNeeded')
      after.push({ candidate, object: structuredClone(request.object as UnknownObject) })
  }
  for (const { candidate, object } of after) if (!sameJson(object, request.object)) await applyPolicy(request, candidate, run, deps)
}

/** False: the request is not what the policy is about. */
async function applyPolicy(
  request: AdmissionRequest,
  candidate: Candidate<Policy, Binding, CompiledPolicy>,
  run: PolicyRun,
  deps: AdmissionDeps,
): Promise<boolean> {
  const { policy, matcher, bindings } = candidate.active
  if (!(await run.selects(matcher, request))) return false
  let isBound = false
  for (const { binding, matcher: narrower } of bindings) {
    if (narrower && !(narrower.view(request) && (await run.selects(narrower, request)))) continue
    isBound = true
    try {
      await applyBinding(request, candidate, binding, run, deps)
    } catch (error) {
      if (!(error instanceof MutationFailure)) throw error
      if (policy.spec?.failurePolicy === 'Ignore') continue
      const who = `policy '${policy.metadata.name}' with binding '${binding.metadata.name}'`
      // The code is that of a refusal by admission, whatever the reason says.
      throw denied(request, `${who} denied request: ${error.message}`, 'Invalid', 403)
    }
  }
  return isBound
}

async function applyBinding(
  request: AdmissionRequest,
  { active, view }: Candidate<Policy, Binding, CompiledPolicy>,
  binding: Binding,
  run: PolicyRun,
  deps: AdmissionDeps,
): Promise<void> {
  const params = await run.params(active.policy.spec?.paramKind, binding.spec?.paramRef, request)
  if ('error' in params) throw new MutationFailure(`failed to configure binding: ${params.error}`)
  const namespace = await run.namespace(request)
  const { conditions, variables, mutations } = active.compiled()
  for (const param of params.found) {
    const seen = { request, view, namespace, authorizer: deps.authorizer }
    let evaluation = new AdmissionEvaluation(seen, runtimeCostBudget)
    const matched = await evaluation.whole(() => evaluateConditions(conditions, evaluation, evaluation.values(param)))
    if ('error' in matched) throw new MutationFailure(matched.error)
    if (!matched.matches) continue
    for (const { mutation, program } of mutations) {
      if (typeof program === 'string') throw new MutationFailure(program)
      // Each sees what the one before has made.
      evaluation = new AdmissionEvaluation(seen, evaluation.budget)
      const value = await evaluation.whole(() => {
        const values: Record<string, CelValue> = { ...evaluation.values(param) }
        values.variables = variables.value((each) => evaluation.evaluate(each, values))
        return evaluation.evaluate(program, values)
      })
      if (value instanceof CelError) throw new MutationFailure(value.message)
      changeObject(request, view, mutation, value, deps)
    }
  }
}

function changeObject(
  request: AdmissionRequest,
  view: RequestView,
  mutation: Mutation,
  value: CelValue,
  { resources }: AdmissionDeps,
): void {
  const object = request.object as UnknownObject
  const served = resources.find(view.resource)
  if (!served) throw new MutationFailure(`${view.resource.resource} is not served`)
  try {
    const made = jsonOf(value)
    const shown = shownIn(view, object) as unknown as JsonValue
    const next = mutation.patchType === 'JSONPatch' ? jsonPatch(shown, made) : configured(served, shown, made)
    if (sameJson(next, shown)) return
    replaceMembers(object, asStored(view, resources, next))
  } catch (error) {
    throw error instanceof MutationFailure ? error : new MutationFailure(messageOf(error))
  }
}

function configured(served: ServedResource, live: JsonValue, configuration: JsonValue): JsonValue {
  const { type } = trackingOf(served)
  const wanted = configuration as unknown as Members
  fieldsOfConfiguration(type, wanted)
  const atomic = atomicMember(type, wanted, '')
  if (atomic !== undefined) throw new MutationFailure(`may not mutate atomic arrays, maps or structs: ${atomic}`)
  return mergeObjects(type, live as unknown as Members, wanted) as unknown as JsonValue
}

/** What is of one piece cannot be merged: a configuration would take away what it does not name. */
function atomicMember(type: MergeType, value: unknown, path: string): string | undefined {
  if (Array.isArray(value)) {
    if (!type.list) return undefined
    if (type.list.relation === 'atomic') return path
    const item = type.list.item()
    return firstFound(value.map((each, i) => () => atomicMember(item, each, `${path}[${i}]`)))
  }
  if (typeof value !== 'object' || value === null || !type.map) return undefined
  if (type.map.isAtomic) return path
  const { map } = type
  return firstFound(
    Object.entries(value).map(
      ([name, each]) =>
        () =>
          atomicMember(map.declared(name) ?? map.others() ?? {}, each, `${path}.${name}`),
    ),
  )
}

function firstFound(asked: readonly (() => string | undefined)[]): string | undefined {
  for (const ask of asked) {
    const found = ask()
    if (found !== undefined) return found
  }
  return undefined
}
