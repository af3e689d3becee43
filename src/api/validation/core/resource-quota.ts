/** ResourceQuotas (core/v1): scopes and the resources that they can count. */
import type { ResourceQuota, ResourceQuotaSpec } from '../../types/core-v1.js'
import { type Faults, immutable } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { amountFaults, quotaResourceNameFaults } from '../resources.js'

type Amounts = Readonly<Record<string, string>> | undefined

const scopes = new Set([
  ...[
    'BestEffort',
    'CrossNamespacePodAffinity',
    'NotBestEffort',
    'NotTerminating',
    'PriorityClass',
    'Terminating',
    'VolumeAttributesClass',
  ],
])
const byExistence = new Set(['BestEffort', 'CrossNamespacePodAffinity', 'NotBestEffort', 'NotTerminating', 'Terminating'])
const exclusive = [
  ['BestEffort', 'NotBestEffort'],
  ['NotTerminating', 'Terminating'],
] as const
const podCompute = new Set([
  ...['cpu', 'memory', 'ephemeral-storage', 'pods', 'requests.cpu', 'requests.memory', 'requests.ephemeral-storage'],
  ...['limits.cpu', 'limits.memory', 'limits.ephemeral-storage'],
])
const notForPods = new Set([
  ...['resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'persistentvolumeclaims', 'configmaps', 'requests.storage'],
  ...['services.nodeports', 'services.loadbalancers'],
])
const isStandard = (name: string) => podCompute.has(name) || notForPods.has(name)

function scopeCounts(scope: string, name: string): boolean {
  if (!isStandard(name)) return true
  if (scope === 'BestEffort') return name === 'pods'
  if (scope === 'VolumeAttributesClass') return name === 'persistentvolumeclaims' || name === 'requests.storage'
  return podCompute.has(name)
}

function amountsFaults(faults: Faults, path: string, amounts: Amounts): void {
  for (const name in amounts) {
    quotaResourceNameFaults(faults, `${path}[${name}]`, name)
    amountFaults(faults, `${path}[${name}]`, name, amounts[name] ?? '')
  }
}

function specFaults(faults: Faults, spec: ResourceQuotaSpec): void {
  amountsFaults(faults, 'spec.hard', spec.hard)
  const names = Object.keys(spec.hard ?? {})
  for (const scope of spec.scopes ?? []) {
    if (!scopes.has(scope)) faults.invalid('spec.scopes', spec.scopes, 'unsupported scope')
    if (names.some((name) => !scopeCounts(scope, name))) faults.invalid('spec.scopes', spec.scopes, 'unsupported scope applied to resource')
  }
  conflictFaults(faults, 'spec.scopes', spec.scopes ?? [])
  const path = 'spec.scopeSelector.matchExpressions'
  const expressions = spec.scopeSelector?.matchExpressions ?? []
  for (const { scopeName = '', operator, values = [] } of expressions) {
    if (!scopes.has(scopeName)) faults.invalid(`${path}.scopeName`, scopeName, 'unsupported scope')
    if (names.some((name) => !scopeCounts(scopeName, name)))
      faults.invalid(path, spec.scopeSelector, 'unsupported scope applied to resource')
    if (byExistence.has(scopeName) && operator !== 'Exists')
      faults.invalid(`${path}.operator`, operator ?? '', `must be 'Exists' when scope is ${scopeName}`)
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0)
        faults.required(`${path}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector")
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0)
        faults.invalid(`${path}.values`, values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector")
    } else faults.invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator')
  }
  conflictFaults(
    faults,
    path,
    expressions.map(({ scopeName }) => scopeName),
  )
}

function conflictFaults(faults: Faults, path: string, given: readonly string[]): void {
  for (const pair of exclusive) if (pair.every((scope) => given.includes(scope))) faults.invalid(path, given, 'conflicting scopes')
}

export const resourceQuotaRules: KindRules<ResourceQuota> = {
  create: (faults, { spec }) => specFaults(faults, spec ?? {}),
  update(faults, { spec = {} }, { spec: old = {} }) {
    specFaults(faults, spec)
    const [now, before] = [new Set(spec.scopes), new Set(old.scopes)]
    if (now.size !== before.size || [...now].some((scope) => !before.has(scope)))
      faults.invalid('spec.scopes', spec.scopes ?? [], immutable)
  },
  status(faults, { status }) {
    amountsFaults(faults, 'status.hard', status?.hard)
    amountsFaults(faults, 'status.used', status?.used)
  },
}
