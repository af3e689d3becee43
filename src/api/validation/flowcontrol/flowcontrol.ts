/** FlowSchemas and PriorityLevelConfigurations (flowcontrol.apiserver.k8s.io/v1, KEP-1040). */
import type {
  FlowSchema,
  FlowSchemaSpec,
  LimitedPriorityLevelConfiguration,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  Subject,
} from '../../types/flowcontrol-v1.js'
import { sameJson } from '../../same-json.js'
import type { Faults } from '../faults.js'
import { sameRules } from '../kind-rules.js'
import { mustBeLabel, mustBeSubdomain } from '../names.js'

const distinguishers = new Set(['ByNamespace', 'ByUser'])
const subjectKinds = new Set(['Group', 'ServiceAccount', 'User'])
const verbs = new Set([
  '*',
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'proxy',
  'update',
  'watch',
  'head',
  'options',
  'post',
  'put',
])
const precedenceMax = 10_000
const queuesMax = 10_000_000
/** A deck and a hand whose shuffle says more than this is refused. */
const entropyBitsMax = 60

function everybody(): Subject[] {
  return ['system:unauthenticated', 'system:authenticated'].map((name) => ({ kind: 'Group', group: { name } }))
}
const everything: PolicyRulesWithSubjects = {
  subjects: everybody(),
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
}
/** Objects that must always be there, as they are. */
const mandatorySchemas: Readonly<Record<string, FlowSchemaSpec>> = {
  exempt: {
    priorityLevelConfiguration: { name: 'exempt' },
    matchingPrecedence: 1,
    rules: [{ ...everything, subjects: [{ kind: 'Group', group: { name: 'system:masters' } }] }],
  },
  'catch-all': {
    priorityLevelConfiguration: { name: 'catch-all' },
    matchingPrecedence: precedenceMax,
    distinguisherMethod: { type: 'ByUser' },
    rules: [everything],
  },
}
const catchAllLevel: PriorityLevelConfigurationSpec = {
  type: 'Limited',
  limited: { nominalConcurrencyShares: 5, limitResponse: { type: 'Reject' }, lendablePercent: 0 },
}

function schemaFaults(faults: Faults, { metadata, spec }: FlowSchema): void {
  const name = metadata.name ?? ''
  const { priorityLevelConfiguration, matchingPrecedence = 0, distinguisherMethod, rules } = spec ?? {}
  const mandatory = Object.hasOwn(mandatorySchemas, name) ? mandatorySchemas[name] : undefined
  if (mandatory && !sameJson(spec, mandatory)) faults.invalid('spec', spec, `spec of '${name}' must equal the fixed value`)
  if (matchingPrecedence <= 0) faults.invalid('spec.matchingPrecedence', matchingPrecedence, 'must be a positive value')
  else if (matchingPrecedence > precedenceMax)
    faults.invalid('spec.matchingPrecedence', matchingPrecedence, `must not be greater than ${precedenceMax}`)
  else if (matchingPrecedence === 1 && name !== 'exempt')
    faults.invalid('spec.matchingPrecedence', matchingPrecedence, "only the schema named 'exempt' may have matchingPrecedence 1")
  if (distinguisherMethod && !distinguishers.has(distinguisherMethod.type))
    faults.notSupported('spec.distinguisherMethod.type', distinguisherMethod.type, distinguishers)
  if (priorityLevelConfiguration?.name) mustBeSubdomain(faults, 'spec.priorityLevelConfiguration.name', priorityLevelConfiguration.name)
  else faults.required('spec.priorityLevelConfiguration.name', 'must reference a priority level')
  for (const [i, rule] of (rules ?? []).entries()) ruleFaults(faults, `spec.rules[${i}]`, rule)
}

function ruleFaults(faults: Faults, path: string, { subjects, resourceRules = [], nonResourceRules = [] }: PolicyRulesWithSubjects): void {
  if (!subjects?.length) faults.required(`${path}.subjects`, 'subjects must contain at least one value')
  for (const [i, subject] of (subjects ?? []).entries()) subjectFaults(faults, `${path}.subjects[${i}]`, subject)
  if (resourceRules.length === 0 && nonResourceRules.length === 0)
    faults.required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty')
  for (const [i, rule] of resourceRules.entries()) {
    const at = `${path}.resourceRules[${i}]`
    listFaults(faults, `${at}.verbs`, rule.verbs, verbs)
    listFaults(faults, `${at}.apiGroups`, rule.apiGroups)
    listFaults(faults, `${at}.resources`, rule.resources)
    if (rule.namespaces?.length) {
      if (rule.namespaces.includes('*') && rule.namespaces.length > 1)
        faults.invalid(`${at}.namespaces`, rule.namespaces, "if '*' is present, must not specify other namespaces")
      for (const [j, namespace] of rule.namespaces.entries())
        if (namespace !== '*') mustBeLabel(faults, `${at}.namespaces[${j}]`, namespace)
    } else if (!rule.clusterScope)
      faults.required(`${at}.namespaces`, 'resource rules that are not cluster scoped must supply at least one namespace')
  }
  for (const [i, rule] of nonResourceRules.entries()) {
    const at = `${path}.nonResourceRules[${i}]`
    listFaults(faults, `${at}.verbs`, rule.verbs, verbs)
    listFaults(faults, `${at}.nonResourceURLs`, rule.nonResourceURLs)
    for (const [j, url] of (rule.nonResourceURLs ?? []).entries())
      if (url !== '*' && (!url.startsWith('/') || url.includes('//') || url.includes(' ') || /\*./.test(url)))
        faults.invalid(`${at}.nonResourceURLs[${j}]`, url, "must start with '/', have no '//' or blank, and '*' only at its end")
  }
}

function listFaults(faults: Faults, path: string, list: readonly string[] | undefined, known?: ReadonlySet<string>): void {
  if (!list?.length) return faults.required(path)
  if (list.includes('*') && list.length > 1) faults.invalid(path, list, "if '*' is present, must not specify other values")
  for (const [i, word] of list.entries()) if (known && !known.has(word)) faults.notSupported(`${path}[${i}]`, word, known)
}

function subjectFaults(faults: Faults, path: string, { kind, user, group, serviceAccount }: Subject): void {
  if (!subjectKinds.has(kind)) return faults.notSupported(`${path}.kind`, kind, subjectKinds)
  const given = { Group: group, User: user, ServiceAccount: serviceAccount }
  const names = { Group: 'group', User: 'user', ServiceAccount: 'serviceAccount' } as const
  for (const each of ['Group', 'User', 'ServiceAccount'] as const) {
    if (each === kind && !given[each]) faults.required(`${path}.${names[each]}`, `is required when subject kind is '${each}'`)
    if (each !== kind && given[each]) faults.forbidden(`${path}.${names[each]}`, `is forbidden when subject kind is not '${each}'`)
  }
  if (kind === 'User' && user) faults.text(`${path}.user.name`, user.name)
  if (kind === 'Group' && group) faults.text(`${path}.group.name`, group.name)
  if (kind !== 'ServiceAccount' || !serviceAccount) return
  const { name, namespace } = serviceAccount
  if (!name) faults.required(`${path}.serviceAccount.name`)
  else if (name !== '*') mustBeSubdomain(faults, `${path}.serviceAccount.name`, name)
  if (namespace) mustBeLabel(faults, `${path}.serviceAccount.namespace`, namespace)
  else faults.required(`${path}.serviceAccount.namespace`, 'must specify namespace for service account')
}

export const flowSchemaRules = sameRules(schemaFaults)

function levelFaults(faults: Faults, { metadata, spec }: PriorityLevelConfiguration): void {
  const name = metadata.name ?? ''
  const { type, limited, exempt } = spec ?? { type: '' }
  if (name === 'catch-all' && !sameJson(spec, catchAllLevel)) faults.invalid('spec', spec, "spec of 'catch-all' must equal the fixed value")
  // Of the exempt level only what it lends may change.
  if (name === 'exempt' && (type !== 'Exempt' || limited))
    faults.invalid('spec', spec, "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value")
  if ((name === 'exempt') !== (type === 'Exempt') && (type === 'Exempt' || type === 'Limited'))
    faults.invalid('spec.type', type, "type must be 'Exempt' if and only if `metadata.name` is 'exempt'")
  if (type === 'Exempt') {
    if (limited) faults.forbidden('spec.limited', "must be nil if the type is 'Exempt'")
    faults.nonNegative('spec.exempt.nominalConcurrencyShares', exempt?.nominalConcurrencyShares)
    faults.between('spec.exempt.lendablePercent', exempt?.lendablePercent, 0, 100)
  } else if (type === 'Limited') {
    if (exempt) faults.forbidden('spec.exempt', "must be nil if the type is 'Limited'")
    if (limited) limitedFaults(faults, 'spec.limited', limited)
    else faults.required('spec.limited', "must not be empty when type is 'Limited'")
  } else faults.notSupported('spec.type', type, ['Exempt', 'Limited'])
}

function limitedFaults(faults: Faults, path: string, limited: LimitedPriorityLevelConfiguration): void {
  const { nominalConcurrencyShares, limitResponse, lendablePercent, borrowingLimitPercent } = limited
  faults.nonNegative(`${path}.nominalConcurrencyShares`, nominalConcurrencyShares)
  const at = `${path}.limitResponse`
  const queuing = limitResponse?.queuing
  if (limitResponse?.type === 'Reject') {
    if (queuing) faults.forbidden(`${at}.queuing`, 'must be nil if limited.limitResponse.type is not Limited')
  } else if (limitResponse?.type !== 'Queue') faults.notSupported(`${at}.type`, limitResponse?.type ?? '', ['Queue', 'Reject'])
  else if (!queuing) faults.required(`${at}.queuing`, 'must not be empty if limited.limitResponse.type is Limited')
  else {
    const { queueLengthLimit = 0, queues = 0, handSize = 0 } = queuing
    for (const [member, value] of Object.entries({ queueLengthLimit, queues, handSize }))
      if (value <= 0) faults.invalid(`${at}.queuing.${member}`, value, 'must be positive')
    if (queues > queuesMax) faults.invalid(`${at}.queuing.queues`, queues, `must not be greater than ${queuesMax}`)
    if (handSize > queues) faults.invalid(`${at}.queuing.handSize`, handSize, 'should not be greater than queues')
    else if (entropyBits(queues, handSize) > entropyBitsMax)
      faults.invalid(
        `${at}.queuing.handSize`,
        handSize,
        `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${entropyBitsMax}`,
      )
  }
  faults.between(`${path}.lendablePercent`, lendablePercent, 0, 100)
  faults.nonNegative(`${path}.borrowingLimitPercent`, borrowingLimitPercent)
}

/** Bits that tell which hand was dealt: the logarithm of the number of ordered hands. */
function entropyBits(deck: number, hand: number): number {
  let bits = 0
  for (let i = 0; i < hand && i < deck; i++) bits += Math.log2(deck - i)
  return Math.ceil(bits)
}

export const priorityLevelRules = sameRules(levelFaults)
