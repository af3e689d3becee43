/** Where a pod may run: affinity, tolerations, topology spread (core/v1). */
import type { Affinity, PodAffinity, PodAffinityTerm, Taint, Toleration, TopologySpreadConstraint } from '../../types/core-v1.js'
import type { LabelSelector } from '../../types/meta-v1.js'
import type { Faults } from '../faults.js'
import { isLabelValue, mustBeLabel, mustBeQualified } from '../names.js'
import { labelSelectorFaults, nodeSelectorFaults, nodeSelectorTermFaults, type SelectorOptions } from '../selectors.js'

const effects = new Set(['NoExecute', 'NoSchedule', 'PreferNoSchedule'])
const scheduleActions = new Set(['DoNotSchedule', 'ScheduleAnyway'])
const nodePolicies = new Set(['Honor', 'Ignore'])

export function affinityFaults(faults: Faults, path: string, affinity: Affinity | undefined, options: SelectorOptions): void {
  if (!affinity) return
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity
  if (nodeAffinity) {
    const at = `${path}.nodeAffinity`
    const required = nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
    if (required) nodeSelectorFaults(faults, `${at}.requiredDuringSchedulingIgnoredDuringExecution`, required, options)
    for (const [i, { weight = 0, preference }] of (nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
      const term = `${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`
      weightFaults(faults, `${term}.weight`, weight)
      nodeSelectorTermFaults(faults, `${term}.preference`, preference ?? {}, { anyValue: true })
    }
  }
  if (podAffinity) podAffinityFaults(faults, `${path}.podAffinity`, podAffinity, options)
  if (podAntiAffinity) podAffinityFaults(faults, `${path}.podAntiAffinity`, podAntiAffinity, options)
}

function weightFaults(faults: Faults, path: string, weight: number): void {
  if (weight <= 0 || weight > 100) faults.invalid(path, weight, 'must be in the range 1-100')
}

function podAffinityFaults(faults: Faults, path: string, affinity: PodAffinity, options: SelectorOptions): void {
  for (const [i, term] of (affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).entries())
    affinityTermFaults(faults, `${path}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`, term, options)
  for (const [i, { weight = 0, podAffinityTerm }] of (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`
    weightFaults(faults, `${at}.weight`, weight)
    affinityTermFaults(faults, `${at}.podAffinityTerm`, podAffinityTerm ?? { topologyKey: '' }, options)
  }
}

function affinityTermFaults(faults: Faults, path: string, term: PodAffinityTerm, options: SelectorOptions): void {
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey = '', matchLabelKeys = [], mismatchLabelKeys = [] } = term
  labelSelectorFaults(faults, `${path}.labelSelector`, labelSelector, options)
  labelSelectorFaults(faults, `${path}.namespaceSelector`, namespaceSelector, options)
  for (const namespace of namespaces) mustBeLabel(faults, `${path}.namespace`, namespace)
  labelKeysFaults(faults, `${path}.matchLabelKeys`, matchLabelKeys, labelSelector)
  labelKeysFaults(faults, `${path}.mismatchLabelKeys`, mismatchLabelKeys, labelSelector)
  for (const [i, key] of matchLabelKeys.entries()) {
    if (isAlsoSelected(labelSelector, key)) faults.invalid(`${path}[${i}]`, key, 'exists in both matchLabelKeys and labelSelector')
    if (mismatchLabelKeys.includes(key))
      faults.invalid(`${path}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys')
  }
  if (topologyKey === '') faults.required(`${path}.topologyKey`, 'can not be empty')
  mustBeQualified(faults, `${path}.topologyKey`, topologyKey)
}

function labelKeysFaults(faults: Faults, path: string, keys: readonly string[], selector: LabelSelector | undefined): void {
  if (keys.length === 0) return
  if (!selector) return faults.forbidden(path, 'must not be specified when labelSelector is not set')
  for (const [i, key] of keys.entries()) mustBeQualified(faults, `${path}[${i}]`, key)
}

export function tolerationsFaults(faults: Faults, path: string, tolerations: readonly Toleration[] | undefined): void {
  if (!tolerations) return
  for (let i = 0; i < tolerations.length; i++) {
    const { key = '', operator = '', value = '', effect = '', tolerationSeconds } = tolerations[i] as Toleration
    const at = `${path}[${i}]`
    if (key) mustBeQualified(faults, `${at}.key`, key)
    else if (operator !== 'Exists') faults.invalid(`${at}.operator`, operator, 'operator must be Exists when `key` is empty')
    if (tolerationSeconds !== undefined && effect !== 'NoExecute')
      faults.invalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
    if (operator === 'Equal' || operator === '') {
      if (!isLabelValue(value)) faults.invalid(`${at}.operator`, value, 'the value must be that of a label')
    } else if (operator === 'Exists') {
      if (value) faults.invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'")
    } else faults.notSupported(`${at}.operator`, operator, ['Equal', 'Exists'])
    if (effect && !effects.has(effect)) faults.notSupported(`${at}.effect`, effect, effects)
  }
}

export function taintsFaults(faults: Faults, path: string, taints: readonly Taint[] | undefined): void {
  const seen = new Set<string>()
  for (const [i, { key = '', value = '', effect = '' }] of (taints ?? []).entries()) {
    const at = `${path}[${i}]`
    mustBeQualified(faults, `${at}.key`, key)
    if (!isLabelValue(value)) faults.invalid(`${at}.value`, value, 'must be the value of a label')
    faults.word(`${at}.effect`, effect, effects)
    if (seen.has(`${effect} ${key}`)) faults.duplicate(at, { key, value, effect })
    seen.add(`${effect} ${key}`)
  }
}

export function spreadFaults(
  faults: Faults,
  path: string,
  constraints: readonly TopologySpreadConstraint[] | undefined,
  { anySelector = false }: { readonly anySelector?: boolean } = {},
): void {
  if (!constraints) return
  for (const [i, constraint] of constraints.entries()) {
    const { maxSkew = 0, topologyKey, whenUnsatisfiable = '', minDomains, labelSelector, matchLabelKeys = [] } = constraint
    const at = `${path}[${i}]`
    if (maxSkew <= 0) faults.invalid(`${at}.maxSkew`, maxSkew, 'must be greater than zero')
    if (!topologyKey) faults.required(`${at}.topologyKey`, 'can not be empty')
    if (!scheduleActions.has(whenUnsatisfiable)) faults.notSupported(`${at}.whenUnsatisfiable`, whenUnsatisfiable, scheduleActions)
    if (constraints.slice(i + 1).some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable))
      faults.duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${whenUnsatisfiable}}`)
    if (minDomains !== undefined) {
      if (minDomains <= 0) faults.invalid(`${at}.minDomains`, minDomains, 'must be greater than zero')
      if (whenUnsatisfiable !== 'DoNotSchedule')
        faults.invalid(`${at}.minDomains`, minDomains, 'can only use minDomains if whenUnsatisfiable=DoNotSchedule')
    }
    faults.optionalWord(`${at}.nodeAffinityPolicy`, constraint.nodeAffinityPolicy, nodePolicies)
    faults.optionalWord(`${at}.nodeTaintsPolicy`, constraint.nodeTaintsPolicy, nodePolicies)
    spreadKeysFaults(faults, `${at}.matchLabelKeys`, matchLabelKeys, labelSelector)
    if (!anySelector) labelSelectorFaults(faults, `${at}.labelSelector`, labelSelector)
  }
}

function spreadKeysFaults(faults: Faults, path: string, keys: readonly string[], selector: LabelSelector | undefined): void {
  if (keys.length === 0) return
  if (!selector) faults.forbidden(path, 'must not be specified when labelSelector is not set')
  for (const [i, key] of keys.entries()) {
    mustBeQualified(faults, `${path}[${i}]`, key)
    if (isAlsoSelected(selector, key)) faults.invalid(`${path}[${i}]`, key, 'exists in both matchLabelKeys and labelSelector')
  }
}

/** The server has added one expression for the key itself: another one is the client's. */
function isAlsoSelected(selector: LabelSelector | undefined, key: string): boolean {
  const named = (selector?.matchExpressions ?? []).filter((expression) => expression.key === key).length
  return named + (Object.hasOwn(selector?.matchLabels ?? {}, key) ? 1 : 0) > 1
}
