import type { Environment } from '../../cel/environment.js'
import { compileExpression } from '../../cel/kubernetes/admission.js'
import { jsonPatchLibrary, madeObjectType, mutationStruct, patchType } from '../../cel/kubernetes/mutation.js'
import { listOf, type Type } from '../../cel/types.js'
import type { MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, Mutation } from '../../types/admissionregistration-v1.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { bindingFaults, isSameSpec, policyFaults } from './policy-parts.js'

const patchTypes = new Set(['ApplyConfiguration', 'JSONPatch'])
const reinvocationPolicies = new Set(['IfNeeded', 'Never'])

/** What mutations can make beside what every expression can. */
export function withMutations(environment: Environment): Environment {
  return environment.extend({ libraries: [jsonPatchLibrary], resolveStruct: mutationStruct })
}

export const configurationType: Type = madeObjectType
export const patchListType: Type = listOf(patchType)

function create(faults: Faults, { spec }: MutatingAdmissionPolicy): void {
  const { mutations = [], reinvocationPolicy, ...rest } = spec ?? {}
  const environment = policyFaults(faults, rest, withMutations)
  if (!reinvocationPolicy) faults.required('spec.reinvocationPolicy')
  else if (!reinvocationPolicies.has(reinvocationPolicy))
    faults.notSupported('spec.reinvocationPolicy', reinvocationPolicy, reinvocationPolicies)
  if (mutations.length === 0) faults.required('spec.mutations', 'mutations must contain at least one item')
  for (const [i, mutation] of mutations.entries()) mutationFaults(faults, `spec.mutations[${i}]`, mutation, environment)
}

function mutationFaults(faults: Faults, path: string, mutation: Mutation, environment: Environment): void {
  const { patchType: kind, applyConfiguration, jsonPatch } = mutation
  const check = (at: string, given: { readonly expression?: string } | undefined, type: Type) => {
    if (!given) faults.required(`${path}.${at}`, `must be specified when patchType is ${kind}`)
    else if (!given.expression?.trim()) faults.required(`${path}.${at}.expression`, 'expression is not specified')
    else {
      const compiled = compileExpression(environment, given.expression, [type])
      if ('fault' in compiled) faults.invalid(`${path}.${at}.expression`, given.expression, compiled.fault)
    }
  }
  if (!kind) faults.required(`${path}.patchType`)
  else if (!patchTypes.has(kind)) faults.notSupported(`${path}.patchType`, kind, patchTypes)
  else if (kind === 'ApplyConfiguration') {
    if (jsonPatch) faults.invalid(`${path}.jsonPatch`, '', 'must not be specified when patchType is ApplyConfiguration')
    check('applyConfiguration', applyConfiguration, configurationType)
  } else {
    if (applyConfiguration) faults.invalid(`${path}.applyConfiguration`, '', 'must not be specified when patchType is JSONPatch')
    check('jsonPatch', jsonPatch, patchListType)
  }
}

export const mutatingAdmissionPolicyRules: KindRules<MutatingAdmissionPolicy> = {
  create,
  update(faults, policy, old) {
    if (!isSameSpec(policy, old)) create(faults, policy)
  },
}

const bindingRules = (faults: Faults, { spec }: MutatingAdmissionPolicyBinding) => bindingFaults(faults, spec ?? {})

export const mutatingAdmissionPolicyBindingRules: KindRules<MutatingAdmissionPolicyBinding> = {
  create: bindingRules,
  update: bindingRules,
}
