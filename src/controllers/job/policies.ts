/** podFailurePolicy (KEP-3329) and successPolicy (KEP-3998) of a Job. Pure. */
import type { Job, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, SuccessPolicyRule } from '../../api/types/batch-v1.js'
import type { ContainerStatus, Pod } from '../../api/types/core-v1.js'
import { IndexSet } from './indexes.js'

export interface FailureMatch {
  readonly action?: 'Count' | 'FailIndex' | 'FailJob' | 'Ignore'
  /** Whether the failure counts towards the backoff limits. */
  readonly counts: boolean
  /** Why the Job fails, with action FailJob. */
  readonly message?: string
}

/** The first rule that a failed pod matches decides; without one its failure counts. */
export function matchFailurePolicy(policy: PodFailurePolicy | undefined, pod: Pod): FailureMatch {
  for (const [index, rule] of (policy?.rules ?? []).entries()) {
    const why = rule.onExitCodes ? matchExitCodes(rule.onExitCodes, pod) : matchConditions(rule.onPodConditions, pod)
    if (why === undefined) continue
    const message = `${why} matching ${rule.action} rule at index ${index}`
    return { action: rule.action, counts: rule.action !== 'Ignore', ...(rule.action === 'FailJob' ? { message } : {}) }
  }
  return { counts: true }
}

function matchExitCodes(requirement: PodFailurePolicyOnExitCodesRequirement, pod: Pod): string | undefined {
  const fits = ({ name, state }: ContainerStatus) => {
    const exitCode = state?.terminated?.exitCode
    if (!exitCode || (requirement.containerName !== undefined && requirement.containerName !== name)) return false
    return requirement.values.includes(exitCode) === (requirement.operator === 'In')
  }
  const found = pod.status?.containerStatuses?.find(fits) ?? pod.status?.initContainerStatuses?.find(fits)
  if (!found) return undefined
  return `Container ${found.name} for pod ${nameOf(pod)} failed with exit code ${found.state?.terminated?.exitCode}`
}

function matchConditions(patterns: readonly { type: string; status?: string }[] | undefined, pod: Pod): string | undefined {
  const found = pod.status?.conditions?.find((condition) =>
    patterns?.some((pattern) => pattern.type === condition.type && (pattern.status || 'True') === condition.status),
  )
  return found && `Pod ${nameOf(pod)} has condition ${found.type}`
}

const nameOf = (pod: Pod): string => `${pod.metadata.namespace}/${pod.metadata.name}`

/** A message when the succeeded indexes meet one of the success policy's rules. */
export function matchSuccessPolicy(job: Job, succeeded: IndexSet): string | undefined {
  const completions = job.spec?.completions ?? 0
  const index = (job.spec?.successPolicy?.rules ?? []).findIndex((rule) => isMet(rule, succeeded, completions))
  return index < 0 ? undefined : `Matched rules at index ${index}`
}

function isMet({ succeededIndexes, succeededCount }: SuccessPolicyRule, succeeded: IndexSet, completions: number): boolean {
  if (succeeded.size === 0) return false
  if (succeededIndexes === undefined) return succeededCount !== undefined && succeeded.size >= succeededCount
  const asked = IndexSet.parse(succeededIndexes, completions)
  return asked.sizeOfCommon(succeeded) >= (succeededCount ?? asked.size)
}
