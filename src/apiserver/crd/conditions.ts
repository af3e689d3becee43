/**
 * The status of a CustomResourceDefinition: which of its names it has, and whether it is served (upstream's naming and
 * establishing controllers). Pure.
 */
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
} from '../../api/types/apiextensions-v1.js'
import { timestamp } from '../../base/clock.js'

type Condition = CustomResourceDefinitionCondition
type Status = NonNullable<CustomResourceDefinition['status']>

export function isTrue(definition: CustomResourceDefinition, type: string): boolean {
  return definition.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false
}

/** The status as it should be; `others`: the definitions of the same group. */
export function wantedStatus(definition: CustomResourceDefinition, others: readonly CustomResourceDefinition[], nowMs: number): Status {
  const { names, conflict } = acceptNames(definition, others)
  const accepted: Condition = conflict
    ? { type: 'NamesAccepted', status: 'False', reason: conflict.reason, message: conflict.message }
    : { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' }
  // What has been established once stays so: its objects must remain reachable.
  const established: Condition =
    isTrue(definition, 'Established') || !conflict
      ? { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }
      : { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }
  const approval = approvalCondition(definition)
  let conditions = definition.status?.conditions ?? []
  for (const condition of [accepted, established, ...(approval ? [approval] : [])]) conditions = withCondition(conditions, condition, nowMs)
  return { ...definition.status, acceptedNames: names, conditions: [...conditions] }
}

export function withCondition(conditions: readonly Condition[], wanted: Condition, nowMs: number): Condition[] {
  const found = conditions.find(({ type }) => type === wanted.type)
  const lastTransitionTime = found?.status === wanted.status ? (found.lastTransitionTime ?? timestamp(nowMs)) : timestamp(nowMs)
  const next = { ...wanted, lastTransitionTime }
  return found ? conditions.map((condition) => (condition === found ? next : condition)) : [...conditions, next]
}

interface Acceptance {
  readonly names: CustomResourceDefinitionNames
  readonly conflict?: { readonly reason: string; readonly message: string }
}

function acceptNames(definition: CustomResourceDefinition, others: readonly CustomResourceDefinition[]): Acceptance {
  const { names: wanted } = definition.spec
  const had = definition.status?.acceptedNames
  const resources = new Set<string>()
  const kinds = new Set<string>()
  for (const { status } of others) {
    const taken = status?.acceptedNames
    for (const name of [taken?.plural, taken?.singular, ...(taken?.shortNames ?? [])]) if (name) resources.add(name)
    for (const kind of [taken?.kind, taken?.listKind]) if (kind) kinds.add(kind)
  }
  let conflict: Acceptance['conflict']
  const accept = (reason: string, asked: string | undefined, before: string | undefined, used: ReadonlySet<string>) => {
    if (asked === undefined || asked === before || !used.has(asked)) return asked
    conflict = { reason, message: `${JSON.stringify(asked)} is already in use` }
    return before
  }
  const plural = accept('PluralConflict', wanted.plural, had?.plural, resources) ?? ''
  const singular = accept('SingularConflict', wanted.singular, had?.singular, resources)
  const taken = (wanted.shortNames ?? []).filter((name) => !had?.shortNames?.includes(name) && resources.has(name))
  if (taken.length > 0) {
    const each = taken.map((name) => `${JSON.stringify(name)} is already in use`)
    conflict = { reason: 'ShortNamesConflict', message: each.length > 1 ? `[${each.join(', ')}]` : (each[0] as string) }
  }
  const shortNames = taken.length > 0 ? had?.shortNames : wanted.shortNames
  const kind = accept('KindConflict', wanted.kind, had?.kind, kinds) ?? ''
  const listKind = accept('ListKindConflict', wanted.listKind, had?.listKind, kinds)
  const names: CustomResourceDefinitionNames = {
    plural,
    ...(singular ? { singular } : {}),
    ...(shortNames?.length ? { shortNames } : {}),
    kind,
    ...(listKind ? { listKind } : {}),
    ...(wanted.categories?.length ? { categories: wanted.categories } : {}),
  }
  return conflict ? { names, conflict } : { names }
}

export const approvalAnnotation = 'api-approved.kubernetes.io'

/** Groups of the Kubernetes community want their approval (KEP-1111). */
export function isProtectedGroup(group: string): boolean {
  return /(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group)
}

function approvalCondition({ spec, metadata }: CustomResourceDefinition): Condition | undefined {
  if (!isProtectedGroup(spec.group)) return undefined
  const type = 'KubernetesAPIApprovalPolicyConformant'
  const value = metadata.annotations?.[approvalAnnotation] ?? ''
  if (value === '') {
    const message = `protected groups must have approval annotation "${approvalAnnotation}", see https://github.com/kubernetes/enhancements/pull/1111`
    return { type, status: 'False', reason: 'MissingAnnotation', message }
  }
  if (value.startsWith('unapproved'))
    return { type, status: 'False', reason: 'UnapprovedAnnotation', message: `not approved: ${JSON.stringify(value)}` }
  return { type, status: 'True', reason: 'ApprovedAnnotation', message: `approved in ${value}` }
}
