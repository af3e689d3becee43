/** What validating and mutating policies have alike: parameters, variables, match conditions, bindings. */
import { compatibleMinor } from '../../cel/kubernetes/environment.js'
import { admissionEnvironment, type AdmissionVariables, compileExpression, PolicyVariables } from '../../cel/kubernetes/admission.js'
import type { Environment } from '../../cel/environment.js'
import { boolType } from '../../cel/types.js'
import { sameJson } from '../../same-json.js'
import type { MatchCondition, MatchResources, ParamKind, ParamRef, Variable } from '../../types/admissionregistration-v1.js'
import type { Faults } from '../faults.js'
import { isLabel1035, isQualifiedName } from '../names.js'
import { labelSelectorFaults } from '../selectors.js'
import { matchResourcesFaults } from './match-resources.js'

const failurePolicies = new Set(['Fail', 'Ignore'])
/** Names of variables are identifiers of CEL. */
const identifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/
const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' '),
)
const conditionsMax = 64

export interface PolicySpec {
  readonly failurePolicy?: string
  readonly paramKind?: ParamKind
  readonly matchConstraints?: MatchResources
  readonly matchConditions?: MatchCondition[]
  readonly variables?: Variable[]
}

/** The faults of the parts, and where the expressions of the policy itself are compiled. */
export function policyFaults(faults: Faults, spec: PolicySpec, extend: (environment: Environment) => Environment): Environment {
  if (!spec.failurePolicy) faults.required('spec.failurePolicy')
  else if (!failurePolicies.has(spec.failurePolicy)) faults.notSupported('spec.failurePolicy', spec.failurePolicy, failurePolicies)
  if (spec.paramKind) paramKindFaults(faults, spec.paramKind)
  const { matchConstraints } = spec
  if (!matchConstraints) faults.required('spec.matchConstraints')
  else {
    matchResourcesFaults(faults, 'spec.matchConstraints', matchConstraints)
    if (!matchConstraints.resourceRules?.length) faults.required('spec.matchConstraints.resourceRules')
  }
  const known: AdmissionVariables = { params: spec.paramKind !== undefined, authorizer: true }
  const environment = extend(admissionEnvironment(known, compatibleMinor))
  matchConditionFaults(faults, 'spec.matchConditions', spec.matchConditions ?? [], environment)
  const variables = new PolicyVariables()
  for (const [i, variable] of (spec.variables ?? []).entries())
    variableFaults(faults, `spec.variables[${i}]`, variable, variables, environment)
  return variables.within(environment)
}

function paramKindFaults(faults: Faults, { apiVersion = '', kind = '' }: ParamKind): void {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split(/\/(.*)/s) : ['', apiVersion]
  if (apiVersion === '') faults.required('spec.paramKind.apiVersion')
  else if (apiVersion.split('/').length > 2) faults.invalid('spec.paramKind.apiVersion', apiVersion, 'unexpected GroupVersion string')
  else if (!isLabel1035(version ?? ''))
    faults.invalid('spec.paramKind.apiVersion', apiVersion, `invalid version in group ${JSON.stringify(group)}`)
  if (kind === '') faults.required('spec.paramKind.kind')
  else if (!isLabel1035(kind.toLowerCase()))
    faults.invalid('spec.paramKind.kind', kind, 'may have mixed case, but should otherwise match a DNS-1035 label')
}

function variableFaults(faults: Faults, path: string, variable: Variable, variables: PolicyVariables, environment: Environment): void {
  const { name = '', expression = '' } = variable
  if (name === '') faults.required(`${path}.name`, 'name is not specified')
  else if (!identifier.test(name) || reserved.has(name)) faults.invalid(`${path}.name`, name, 'name is not a valid CEL identifier')
  if (expression.trim() === '') {
    faults.required(`${path}.expression`, 'expression is not specified')
    return
  }
  const fault = variables.declare(environment, name, expression)
  if (fault !== undefined) faults.invalid(`${path}.expression`, expression, fault)
}

/** Also of webhooks. */
export function matchConditionFaults(faults: Faults, path: string, conditions: readonly MatchCondition[], environment: Environment): void {
  if (conditions.length > conditionsMax) faults.tooMany(path, conditions.length, conditionsMax)
  const seen = new Set<string>()
  for (const [i, { name = '', expression = '' }] of conditions.entries()) {
    const at = `${path}[${i}]`
    if (expression.trim() === '') faults.required(`${at}.expression`)
    else {
      const compiled = compileExpression(environment, expression, [boolType])
      if ('fault' in compiled) faults.invalid(`${at}.expression`, expression, compiled.fault)
    }
    if (name === '') faults.required(`${at}.name`)
    else if (!isQualifiedName(name)) faults.invalid(`${at}.name`, name, 'is not a qualified name')
    if (seen.has(name)) faults.duplicate(`${at}.name`, name)
    seen.add(name)
  }
}

const notFoundActions = new Set(['Allow', 'Deny'])

export interface BindingSpec {
  readonly policyName?: string
  readonly paramRef?: ParamRef
  readonly matchResources?: MatchResources
}

export function bindingFaults(faults: Faults, { policyName = '', paramRef, matchResources }: BindingSpec): void {
  if (policyName === '') faults.required('spec.policyName')
  else if (!/^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/.test(policyName)) faults.invalid('spec.policyName', policyName, 'is no name of a policy')
  if (paramRef) {
    const { name = '', selector, parameterNotFoundAction } = paramRef
    if (name !== '' && selector) faults.forbidden('spec.paramRef.name', 'name and selector are mutually exclusive')
    else if (name === '' && !selector) faults.required('spec.paramRef', 'one of name or selector must be specified')
    if (name !== '' && (/[/%]/.test(name) || name === '.' || name === '..')) faults.invalid('spec.paramRef.name', name, 'is no name')
    labelSelectorFaults(faults, 'spec.paramRef.selector', selector)
    if (parameterNotFoundAction === undefined) faults.required('spec.paramRef.parameterNotFoundAction')
    else if (!notFoundActions.has(parameterNotFoundAction))
      faults.notSupported('spec.paramRef.parameterNotFoundAction', parameterNotFoundAction, notFoundActions)
  }
  if (matchResources) matchResourcesFaults(faults, 'spec.matchResources', matchResources)
}

/** Expressions that were let in once are not read again while nothing else is new. */
export function isSameSpec(object: { readonly spec?: unknown }, old: { readonly spec?: unknown }): boolean {
  return sameJson(object.spec ?? null, old.spec ?? null)
}
