/** Roles and their bindings (rbac.authorization.k8s.io/v1). */
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from '../../types/rbac-v1.js'
import { sameJson } from '../../same-json.js'
import { Faults } from '../faults.js'
import { type KindRules, sameRules } from '../kind-rules.js'
import { mustBePathSegment, mustBeSubdomain } from '../names.js'
import { labelSelectorFaults } from '../selectors.js'

const group = 'rbac.authorization.k8s.io'

function rulesFaults(faults: Faults, rules: readonly PolicyRule[] | null | undefined, namespaced: boolean): void {
  for (const [i, rule] of (rules ?? []).entries()) {
    const at = `rules[${i}]`
    const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } = rule
    if (!verbs?.length) faults.required(`${at}.verbs`, 'verbs must contain at least one value')
    if (nonResourceURLs?.length) {
      if (namespaced) faults.invalid(`${at}.nonResourceURLs`, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs')
      if (apiGroups?.length || resources?.length || resourceNames?.length)
        faults.invalid(`${at}.nonResourceURLs`, nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs')
      continue
    }
    if (!apiGroups?.length) faults.required(`${at}.apiGroups`, 'resource rules must supply at least one api group')
    if (!resources?.length) faults.required(`${at}.resources`, 'resource rules must supply at least one resource')
  }
}

export const roleRules: KindRules<Role> = sameRules((faults, { rules }) => rulesFaults(faults, rules, true))

export const clusterRoleRules: KindRules<ClusterRole> = sameRules((faults, { rules, aggregationRule }) => {
  rulesFaults(faults, rules, false)
  if (!aggregationRule) return
  const path = 'aggregationRule.clusterRoleSelectors'
  const selectors = aggregationRule.clusterRoleSelectors ?? []
  if (selectors.length === 0) faults.required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil')
  for (const [i, selector] of selectors.entries()) {
    const trial = new Faults()
    labelSelectorFaults(trial, `${path}[${i}]`, selector)
    faults.add(...trial.list)
    if (trial.count > 0) faults.invalid(`${path}[${i}]`, selector, 'invalid label selector')
  }
})

function subjectFaults(faults: Faults, path: string, subject: Subject, namespaced: boolean): void {
  const { kind, name = '', apiGroup = '', namespace = '' } = subject
  if (name === '') faults.required(`${path}.name`)
  if (kind === 'ServiceAccount') {
    if (name !== '') mustBeSubdomain(faults, `${path}.name`, name)
    if (apiGroup !== '') faults.notSupported(`${path}.apiGroup`, apiGroup, [''])
    if (!namespaced && namespace === '') faults.required(`${path}.namespace`)
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== group) faults.notSupported(`${path}.apiGroup`, apiGroup, [group])
  } else faults.notSupported(`${path}.kind`, kind, ['ServiceAccount', 'User', 'Group'])
}

function bindingFaults(faults: Faults, { roleRef, subjects }: RoleBinding | ClusterRoleBinding, namespaced: boolean): void {
  const { apiGroup = '', kind = '', name = '' } = roleRef ?? {}
  if (apiGroup !== group) faults.notSupported('roleRef.apiGroup', apiGroup, [group])
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole']
  if (!kinds.includes(kind)) faults.notSupported('roleRef.kind', kind, kinds)
  if (name === '') faults.required('roleRef.name')
  else mustBePathSegment(faults, 'roleRef.name', name)
  for (const [i, subject] of (subjects ?? []).entries()) subjectFaults(faults, `subjects[${i}]`, subject, namespaced)
}

function bindingRules<T extends RoleBinding | ClusterRoleBinding>(namespaced: boolean): KindRules<T> {
  return {
    create: (faults, binding) => bindingFaults(faults, binding, namespaced),
    update(faults, binding, old) {
      bindingFaults(faults, binding, namespaced)
      if (!sameJson(binding.roleRef, old.roleRef)) faults.invalid('roleRef', binding.roleRef, 'cannot change roleRef')
    },
  }
}

export const roleBindingRules = bindingRules<RoleBinding>(true)
export const clusterRoleBindingRules = bindingRules<ClusterRoleBinding>(false)
