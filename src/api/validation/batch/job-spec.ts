/** What a Job, or a template of one, asks for (batch/v1). */
import type { JobSpec, PodFailurePolicy, PodFailurePolicyRule, SuccessPolicy } from '../../types/batch-v1.js'
import { templateFaults } from '../core/pod-template.js'
import type { PodSpecOptions } from '../core/pod-spec.js'
import type { Faults } from '../faults.js'
import { isDomainPrefixedPath, mustBeQualified, utf8Length } from '../names.js'
import { countIndexes } from './indexes.js'

const completionModes = new Set(['Indexed', 'NonIndexed'])
const replacementPolicies = new Set(['Failed', 'TerminatingOrFailed'])
const failureActions = new Set(['Count', 'FailIndex', 'FailJob', 'Ignore'])
const exitOperators = new Set(['In', 'NotIn'])
const conditionStatuses = new Set(['False', 'True', 'Unknown'])
const podRestartPolicies = ['Never', 'OnFailure']
/** Above so many completions everything that is kept per index is bounded. */
const completionsSoftMax = 100_000
const highCompletionsMax = 10_000
const rulesMax = 20
const exitCodesMax = 255
const indexesBytesMax = 64 * 1024
const managedByLengthMax = 63

export const isIndexed = (spec: JobSpec): boolean => spec.completionMode === 'Indexed'

export function jobSpecFaults(faults: Faults, path: string, spec: JobSpec, options: PodSpecOptions = {}): void {
  for (const name of ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished'] as const)
    faults.nonNegative(`${path}.${name}`, spec[name])
  perIndexFaults(faults, path, spec)
  completionFaults(faults, path, spec)
  if (spec.podFailurePolicy) failurePolicyFaults(faults, `${path}.podFailurePolicy`, spec.podFailurePolicy, spec)
  if (spec.successPolicy) {
    if (isIndexed(spec)) successPolicyFaults(faults, `${path}.successPolicy`, spec.successPolicy, spec.completions ?? 0)
    else faults.invalid(`${path}.successPolicy`, spec.successPolicy, 'requires indexed completion mode')
  }
  if (spec.podReplacementPolicy !== undefined) {
    const known = spec.podFailurePolicy ? new Set(['Failed']) : replacementPolicies
    if (!known.has(spec.podReplacementPolicy)) faults.notSupported(`${path}.podReplacementPolicy`, spec.podReplacementPolicy, known)
  }
  managedByFaults(faults, `${path}.managedBy`, spec.managedBy)
  templateFaults(faults, `${path}.template`, spec.template, options)
  restartPolicyFaults(faults, `${path}.template.spec.restartPolicy`, spec)
}

/** Pods of a Job end: one that is restarted for ever is none (that is the default, so it counts as none given). */
function restartPolicyFaults(faults: Faults, path: string, { template, podFailurePolicy }: JobSpec): void {
  const policy = template?.spec?.restartPolicy ?? ''
  if (policy === '' || policy === 'Always') faults.required(path, 'valid values: "OnFailure", "Never"')
  else if (!podRestartPolicies.includes(policy)) faults.notSupported(path, policy, podRestartPolicies)
  else if (podFailurePolicy && policy !== 'Never')
    faults.invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')
}

function perIndexFaults(faults: Faults, path: string, spec: JobSpec): void {
  const { backoffLimitPerIndex, maxFailedIndexes, completions = 0 } = spec
  faults.nonNegative(`${path}.backoffLimitPerIndex`, backoffLimitPerIndex)
  if (maxFailedIndexes !== undefined) {
    faults.nonNegative(`${path}.maxFailedIndexes`, maxFailedIndexes)
    if (backoffLimitPerIndex === undefined) faults.required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified')
    if (isIndexed(spec) && maxFailedIndexes > completions)
      faults.invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, 'must be less than or equal to completions')
    if (maxFailedIndexes > completionsSoftMax)
      faults.invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, `must be less than or equal to ${completionsSoftMax}`)
  }
  if (isIndexed(spec)) return
  for (const name of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const)
    if (spec[name] !== undefined) faults.invalid(`${path}.${name}`, spec[name], 'requires indexed completion mode')
}

function completionFaults(faults: Faults, path: string, spec: JobSpec): void {
  const { completionMode, completions, parallelism = 0, backoffLimitPerIndex, maxFailedIndexes } = spec
  if (completionMode === undefined) return
  if (!completionModes.has(completionMode)) faults.notSupported(`${path}.completionMode`, completionMode, completionModes)
  if (!isIndexed(spec)) return
  if (completions === undefined) faults.required(`${path}.completions`, 'when completion mode is Indexed')
  if (parallelism > completionsSoftMax)
    faults.invalid(
      `${path}.parallelism`,
      parallelism,
      `must be less than or equal to ${completionsSoftMax} when completion mode is Indexed`,
    )
  if (backoffLimitPerIndex === undefined || (completions ?? 0) <= completionsSoftMax) return
  if (maxFailedIndexes === undefined)
    faults.required(`${path}.maxFailedIndexes`, `must be specified when completions is above ${completionsSoftMax}`)
  else if (maxFailedIndexes > highCompletionsMax)
    faults.invalid(
      `${path}.maxFailedIndexes`,
      maxFailedIndexes,
      `must be less than or equal to ${highCompletionsMax} when completions are above ${completionsSoftMax}`,
    )
  if (parallelism > highCompletionsMax)
    faults.invalid(
      `${path}.parallelism`,
      parallelism,
      `must be less than or equal to ${highCompletionsMax} when completions are above ${completionsSoftMax}`,
    )
}

function managedByFaults(faults: Faults, path: string, managedBy: string | undefined): void {
  if (managedBy === undefined) return
  if (managedBy === '') return faults.required(path)
  if (!isDomainPrefixedPath(managedBy)) faults.invalid(path, managedBy, 'must be a domain-prefixed path (such as "acme.io/foo")')
  if (managedBy.length > managedByLengthMax) faults.tooLong(path, managedByLengthMax)
}

function successPolicyFaults(faults: Faults, path: string, policy: SuccessPolicy, completions: number): void {
  const rules = policy.rules ?? []
  if (rules.length === 0) faults.required(`${path}.rules`, 'at least one rules must be specified when the successPolicy is specified')
  if (rules.length > rulesMax) faults.tooMany(`${path}.rules`, rules.length, rulesMax)
  for (const [i, { succeededIndexes, succeededCount }] of rules.entries()) {
    const at = `${path}.rules[${i}]`
    if (succeededIndexes === undefined && succeededCount === undefined) {
      faults.required(at, 'at least one of succeededCount or succeededIndexes must be specified')
      continue
    }
    let indexes: number | undefined
    if (succeededIndexes !== undefined) {
      if (utf8Length(succeededIndexes) > indexesBytesMax) faults.tooLong(`${at}.succeededIndexes`, indexesBytesMax)
      indexes = countIndexes(succeededIndexes, completions)
      if (indexes === undefined)
        faults.invalid(`${at}.succeededIndexes`, succeededIndexes, 'must be intervals of indexes, ascending and below completions')
    }
    if (succeededCount === undefined) continue
    faults.nonNegative(`${at}.succeededCount`, succeededCount)
    if (succeededCount > completions) faults.invalid(`${at}.succeededCount`, succeededCount, 'must be less than or equal to completions')
    if (indexes !== undefined && succeededIndexes && succeededCount > indexes)
      faults.invalid(`${at}.succeededCount`, succeededCount, `must be less than or equal to ${indexes} (the number of succeededIndexes)`)
  }
}

function failurePolicyFaults(faults: Faults, path: string, policy: PodFailurePolicy, spec: JobSpec): void {
  const rules = policy.rules ?? []
  if (rules.length > rulesMax) faults.tooMany(`${path}.rules`, rules.length, rulesMax)
  const { containers, initContainers } = spec.template?.spec ?? { containers: [] }
  const names = new Set([...(containers ?? []), ...(initContainers ?? [])].map(({ name }) => name))
  for (const [i, rule] of rules.entries()) failureRuleFaults(faults, `${path}.rules[${i}]`, rule, spec, names)
}

function failureRuleFaults(faults: Faults, path: string, rule: PodFailurePolicyRule, spec: JobSpec, names: ReadonlySet<string>): void {
  const { action, onExitCodes, onPodConditions = [] } = rule
  if (action === 'FailIndex' && spec.backoffLimitPerIndex === undefined)
    faults.invalid(`${path}.action`, action, 'requires the backoffLimitPerIndex to be set')
  else faults.word(`${path}.action`, action, failureActions)
  if (onExitCodes) exitCodesFaults(faults, `${path}.onExitCodes`, onExitCodes, names)
  if (onPodConditions.length > rulesMax) faults.tooMany(`${path}.onPodConditions`, onPodConditions.length, rulesMax)
  for (const [i, { type = '', status }] of onPodConditions.entries()) {
    const at = `${path}.onPodConditions[${i}]`
    mustBeQualified(faults, `${at}.type`, type)
    faults.word(`${at}.status`, status, conditionStatuses)
  }
  if (onExitCodes && onPodConditions.length > 0)
    faults.invalid(path, undefined, 'specifying both OnExitCodes and OnPodConditions is not supported')
  if (!onExitCodes && onPodConditions.length === 0)
    faults.invalid(path, undefined, 'specifying one of OnExitCodes and OnPodConditions is required')
}

function exitCodesFaults(
  faults: Faults,
  path: string,
  rule: NonNullable<PodFailurePolicyRule['onExitCodes']>,
  names: ReadonlySet<string>,
): void {
  const { operator, containerName } = rule
  const values = rule.values ?? []
  faults.word(`${path}.operator`, operator, exitOperators)
  if (containerName !== undefined && !names.has(containerName))
    faults.invalid(`${path}.containerName`, containerName, 'must be one of the container or initContainer names in the pod template')
  if (values.length === 0) faults.invalid(`${path}.values`, values, 'at least one value is required')
  else if (values.length > exitCodesMax) faults.tooMany(`${path}.values`, values.length, exitCodesMax)
  let ordered = true
  for (const [i, value] of values.entries()) {
    const at = `${path}.values[${i}]`
    if (operator === 'In' && value === 0) faults.invalid(at, value, 'must not be 0 for the In operator')
    if (values.indexOf(value) < i) faults.duplicate(at, value)
    if (i > 0 && (values[i - 1] ?? 0) > value) ordered = false
  }
  if (!ordered) faults.invalid(`${path}.values`, values, 'must be ordered')
}
