import { compileExpression } from '../../cel/kubernetes/admission.js'
import type { Environment } from '../../cel/environment.js'
import { boolType, nullType, stringType } from '../../cel/types.js'
import type { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, Validation } from '../../types/admissionregistration-v1.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { isQualifiedName } from '../names.js'
import { bindingFaults, isSameSpec, policyFaults } from './policy-parts.js'

const reasons = new Set(['Unauthorized', 'Forbidden', 'Invalid', 'RequestEntityTooLarge'])
const annotationsMax = 20
const expressionBytesMax = 5 * 1024

function create(faults: Faults, { metadata, spec }: ValidatingAdmissionPolicy): void {
  const { validations = [], auditAnnotations = [], ...rest } = spec ?? {}
  const environment = policyFaults(faults, rest, (plain) => plain)
  if (validations.length === 0 && auditAnnotations.length === 0) {
    faults.required('spec.validations', 'validations or auditAnnotations must contain at least one item')
    faults.required('spec.auditAnnotations', 'validations or auditAnnotations must contain at least one item')
  }
  for (const [i, validation] of validations.entries()) validationFaults(faults, `spec.validations[${i}]`, validation, environment)
  if (auditAnnotations.length > annotationsMax)
    faults.invalid('spec.auditAnnotations', auditAnnotations, `must not have more than ${annotationsMax} auditAnnotations`)
  const seen = new Set<string>()
  for (const [i, { key = '', valueExpression = '' }] of auditAnnotations.entries()) {
    const path = `spec.auditAnnotations[${i}]`
    if (!isQualifiedName(`${metadata.name ?? ''}/${key}`))
      faults.invalid(`${path}.key`, key, 'is no annotation key below the name of the policy')
    if (seen.has(key)) faults.duplicate(`${path}.key`, key)
    seen.add(key)
    if (valueExpression.trim() === '') faults.required(`${path}.valueExpression`, 'valueExpression is not specified')
    else if (valueExpression.length > expressionBytesMax)
      faults.required(`${path}.valueExpression`, `must not exceed ${expressionBytesMax / 1024}kB in length`)
    else {
      const compiled = compileExpression(environment, valueExpression, [stringType, nullType])
      if ('fault' in compiled) faults.invalid(`${path}.valueExpression`, valueExpression, compiled.fault)
    }
  }
}

function validationFaults(faults: Faults, path: string, validation: Validation, environment: Environment): void {
  const { expression = '', message = '', messageExpression = '', reason } = validation
  const text = message.trim()
  const hasBreaks = (value: string) => /[\n\r]/.test(value)
  if (expression.trim() === '') faults.required(`${path}.expression`, 'expression is not specified')
  else {
    const compiled = compileExpression(environment, expression, [boolType])
    if ('fault' in compiled) faults.invalid(`${path}.expression`, expression, compiled.fault)
  }
  if (messageExpression !== '' && messageExpression.trim() === '')
    faults.invalid(`${path}.messageExpression`, messageExpression, 'must be non-empty if specified')
  else if (messageExpression !== '') {
    const compiled = compileExpression(environment, messageExpression, [stringType])
    if ('fault' in compiled) faults.invalid(`${path}.messageExpression`, messageExpression, compiled.fault)
  }
  if (message !== '' && text === '') faults.invalid(`${path}.message`, message, 'message must be non-empty if specified')
  else if (hasBreaks(text)) faults.invalid(`${path}.message`, message, 'message must not contain line breaks')
  else if (hasBreaks(expression.trim()) && text === '')
    faults.required(`${path}.message`, 'message must be specified if expression contains line breaks')
  if (reason !== undefined && !reasons.has(reason)) faults.notSupported(`${path}.reason`, reason, reasons)
}

export const validatingAdmissionPolicyRules: KindRules<ValidatingAdmissionPolicy> = {
  create,
  update(faults, policy, old) {
    if (!isSameSpec(policy, old)) create(faults, policy)
  },
  status(faults, { status }) {
    for (const [i, condition] of (status?.conditions ?? []).entries()) conditionFaults(faults, `status.conditions[${i}]`, condition)
  },
}

const conditionStatuses = new Set(['True', 'False', 'Unknown'])

/** metav1.Condition. */
function conditionFaults(
  faults: Faults,
  path: string,
  condition: NonNullable<NonNullable<ValidatingAdmissionPolicy['status']>['conditions']>[number],
): void {
  const { type = '', status = '', reason = '', lastTransitionTime, observedGeneration = 0 } = condition
  if (type === '') faults.required(`${path}.type`)
  else if (!isQualifiedName(type)) faults.invalid(`${path}.type`, type, 'is not a qualified name')
  if (!conditionStatuses.has(status)) faults.notSupported(`${path}.status`, status, conditionStatuses)
  if (observedGeneration < 0) faults.invalid(`${path}.observedGeneration`, observedGeneration, 'must be greater than or equal to zero')
  if (!lastTransitionTime) faults.required(`${path}.lastTransitionTime`, 'must be set')
  if (reason === '') faults.required(`${path}.reason`, 'must be set')
  else if (!/^[A-Za-z](?:[A-Za-z0-9_,:]*[A-Za-z0-9_])?$/.test(reason))
    faults.invalid(`${path}.reason`, reason, 'is no reason of a condition')
}

const actions = new Set(['Audit', 'Deny', 'Warn'])

function bindingRules(faults: Faults, { spec }: ValidatingAdmissionPolicyBinding): void {
  bindingFaults(faults, spec ?? {})
  const wanted = spec?.validationActions ?? []
  const path = 'spec.validationActions'
  if (wanted.length === 0) faults.required(path, 'at least one validation action is required')
  for (const [i, action] of wanted.entries()) {
    if (!actions.has(action)) faults.notSupported(`${path}[${i}]`, action, actions)
    if (wanted.indexOf(action) < i) faults.duplicate(`${path}[${i}]`, action)
  }
  if (wanted.includes('Deny') && wanted.includes('Warn'))
    faults.invalid(
      path,
      wanted,
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
    )
}

export const validatingAdmissionPolicyBindingRules: KindRules<ValidatingAdmissionPolicyBinding> = {
  create: bindingRules,
  update: (faults, binding) => bindingRules(faults, binding),
}
