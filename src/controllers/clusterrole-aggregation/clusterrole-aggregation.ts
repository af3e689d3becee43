/** clusterrole-aggregation-controller: a ClusterRole with an aggregationRule has the rules of every role that its selectors match. */
import { labelSelectorOf } from '../../api/selectors/label.js'
import type { ClusterRole, PolicyRule } from '../../api/types/rbac-v1.js'
import { resources } from '../../client/resources.js'
import { canonical } from '../common/pod-template.js'
import type { Controller, View } from '../controller.js'

export function clusterRoleAggregationController(): Controller {
  /** Any role may be part of any aggregate; there are few of these. */
  const aggregates = (view: View) =>
    view
      .lister<ClusterRole>(resources.clusterRoles)
      .list()
      .filter((role) => role.aggregationRule)
      .map((role) => role.metadata.name ?? '')
  return {
    name: 'clusterrole-aggregation-controller',
    watches: [{ resource: resources.clusterRoles, toKeys: (_, view) => aggregates(view) }],
    async reconcile(name, view) {
      const roles = view.lister<ClusterRole>(resources.clusterRoles)
      const role = roles.get(name)
      if (!role?.aggregationRule || role.metadata.deletionTimestamp) return
      const rules = aggregatedRules(role, roles.list())
      if (canonical(rules) === canonical(role.rules ?? [])) return
      await view.client.resource<ClusterRole>(resources.clusterRoles).update({ ...role, rules })
    },
  }
}

/** The rules of the roles that each selector matches, by name; each rule once, where it comes first. */
export function aggregatedRules(role: ClusterRole, roles: readonly ClusterRole[]): PolicyRule[] {
  const rules = new Map<string, PolicyRule>()
  for (const wanted of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const selector = labelSelectorOf(wanted)
    const matching = roles.filter((each) => each.metadata.name !== role.metadata.name && selector.matches(each.metadata.labels ?? {}))
    matching.sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
    for (const rule of matching.flatMap((each) => each.rules ?? [])) {
      const text = canonical(rule)
      if (!rules.has(text)) rules.set(text, rule)
    }
  }
  return [...rules.values()]
}
