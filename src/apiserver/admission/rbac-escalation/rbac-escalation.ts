import { notFound } from '../../../api/status.js'
import type { ClusterRole, PolicyRule, RoleBinding } from '../../../api/types/rbac-v1.js'
import type { Authorizer, Decision } from '../../authz/authorizer.js'
import { describeRules, uncovered } from '../../authz/rbac/covers.js'
import type { RbacAuthorizer } from '../../authz/rbac/rbac.js'
import { sameJson } from '../../../api/same-json.js'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.js'
import { on, refused } from '../plugin.js'

const group = 'rbac.authorization.k8s.io'
const kinds = ['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings'] as const

/**
 * Nobody gives rights away that he has not (RBAC's own rule, on whenever RBAC is; no flag turns it off). Those who hold
 * `escalate` on roles or `bind` on the role in question are exempt. Runs last, when the object is final.
 */
export function rbacEscalation(rbac: RbacAuthorizer, authorizer: Authorizer): AdmissionPlugin {
  const allowed = (request: AdmissionRequest, verb: string, resource: string, name: string): boolean | Promise<boolean> => {
    const asked = authorizer.authorize({
      user: request.user,
      verb,
      resource: { group, version: 'v1', resource, subresource: '', namespace: request.namespace, name },
    })
    const yes = (decision: Decision) => decision.verdict === 'allow'
    return asked instanceof Promise ? asked.then(yes) : yes(asked)
  }
  return {
    name: 'RBACEscalation',
    handles: on(['CREATE', 'UPDATE'], ...kinds.map((kind) => `${kind}.${group}`)),
    async validate(request) {
      if (request.user.groups.includes('system:masters')) return
      const { resource, namespace, object, oldObject } = request
      const isRole = resource.resource === 'roles' || resource.resource === 'clusterroles'
      if (isRole) {
        const role = object as unknown as ClusterRole
        const old = oldObject as unknown as ClusterRole | undefined
        // Labels may change without any right to the rules.
        if (old && sameJson(role.rules, old.rules) && sameJson(role.aggregationRule, old.aggregationRule)) return
        if (await allowed(request, 'escalate', resource.resource, role.metadata.name ?? '')) return
        const everything: PolicyRule[] = [
          { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
          { nonResourceURLs: ['*'], verbs: ['*'] },
        ]
        // Whoever chooses what is aggregated could choose anything.
        return requireRules(request, rbac, role.aggregationRule ? everything : (role.rules ?? []))
      }
      const binding = object as unknown as RoleBinding
      const old = oldObject as unknown as RoleBinding | undefined
      if (old && sameJson(binding.roleRef, old.roleRef) && sameJson(binding.subjects, old.subjects)) return
      const { roleRef } = binding
      const roleResource = roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles'
      if (await allowed(request, 'bind', roleResource, roleRef.name)) return
      const rules = rbac.rulesOfRole(roleRef, namespace)
      // The answer is about what was asked for, as upstream rewrites it.
      if (!rules) throw notFound(resource, roleRef.name)
      requireRules(request, rbac, rules)
    },
  }
}

function requireRules(request: AdmissionRequest, rbac: RbacAuthorizer, rules: readonly PolicyRule[]): void {
  const missing = uncovered(rbac.policyRules(request.user, request.namespace), rules)
  if (missing.length === 0) return
  const { name, groups } = request.user
  throw refused(
    request,
    `user ${JSON.stringify(name)} (groups=${JSON.stringify(groups)}) is attempting to grant RBAC permissions not currently held:\n${describeRules(missing)}`,
  )
}
