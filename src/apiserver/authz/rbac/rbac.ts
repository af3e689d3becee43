import type { ClusterRole, PolicyRule, Role, RoleRef } from '../../../api/types/rbac-v1.js'
import { resources } from '../../../client/resources.js'
import type { ServerAccess } from '../../access.js'
import type { UserInfo } from '../../authn/authenticator.js'
import type { Attributes, Authorizer, Decision, RuleSet } from '../authorizer.js'
import { type Binding, BindingIndex } from './binding-index.js'
import { type CompiledRule, compileRule, ruleAllows } from './rule.js'

/** RBAC, plus what escalation checks and rule reviews need of it. */
export interface RbacAuthorizer extends Authorizer {
  rulesFor(user: UserInfo, namespace: string): RuleSet
  /** Every rule that the user has in a namespace ('' for cluster-wide ones only). */
  policyRules(user: UserInfo, namespace: string): PolicyRule[]
  /** The rules of the role a binding refers to; undefined when there is no such role. */
  rulesOfRole(ref: RoleRef, namespace: string): readonly PolicyRule[] | undefined
  /** Resolves when roles and bindings are in memory; before that, requests are not allowed by RBAC. */
  synced(): Promise<void>
  stop(): void
}

const noOpinion: Decision = { verdict: 'no opinion', reason: '' }

/** Role-based access control from the live roles and bindings. Answers synchronously; rules are compiled once per role object. */
export function rbacAuthorizer(access: ServerAccess): RbacAuthorizer {
  const roles = access.lister<Role>(resources.roles)
  const clusterRoles = access.lister<ClusterRole>(resources.clusterRoles)
  const roleBindings = access.lister<Binding>(resources.roleBindings)
  const clusterRoleBindings = access.lister<Binding>(resources.clusterRoleBindings)
  const index = new BindingIndex()
  // One index holds both kinds: a cluster role binding's key has no slash and namespace ''.
  const stops = [roleBindings, clusterRoleBindings].map((lister) => {
    const stop = lister.onChange((key, binding) => index.set(key, binding))
    for (const binding of lister.list()) index.set(keyOfBinding(binding), binding)
    return stop
  })

  const compiled = new WeakMap<Role | ClusterRole, readonly CompiledRule[]>()
  const rulesOf = (ref: RoleRef, namespace: string): readonly CompiledRule[] | undefined => {
    const role = ref.kind === 'ClusterRole' ? clusterRoles.get(ref.name) : roles.get(`${namespace}/${ref.name}`)
    if (!role) return undefined
    let rules = compiled.get(role)
    if (!rules) {
      rules = (role.rules ?? []).map(compileRule)
      compiled.set(role, rules)
    }
    return rules
  }
  /** Visits every rule of the user: cluster-wide ones first, as they are most of all traffic. */
  const someRule = (user: UserInfo, namespace: string, visit: (rule: CompiledRule, binding: Binding) => boolean): boolean => {
    const inScope = (scope: string) =>
      index.some(user, scope, (binding) => rulesOf(binding.roleRef, scope)?.some((rule) => visit(rule, binding)) ?? false)
    return inScope('') || (namespace !== '' && inScope(namespace))
  }
  const policyRules = (user: UserInfo, namespace: string) => {
    const found = new Set<PolicyRule>()
    someRule(user, namespace, (rule) => {
      found.add(rule.source)
      return false
    })
    return [...found]
  }
  return {
    name: 'RBAC',
    authorize(asked) {
      let by: Binding | undefined
      const allowed = someRule(asked.user, asked.resource?.namespace ?? '', (rule, binding) => {
        by = binding
        return ruleAllows(rule, asked)
      })
      return allowed && by ? { verdict: 'allow', reason: allowedBy(by, asked) } : noOpinion
    },
    rulesFor: (user, namespace) => ruleSet(policyRules(user, namespace)),
    policyRules,
    rulesOfRole: (ref, namespace) => rulesOf(ref, namespace)?.map((rule) => rule.source),
    async synced() {
      await Promise.all([roles, clusterRoles, roleBindings, clusterRoleBindings].map((lister) => lister.synced()))
    },
    stop() {
      for (const stop of stops) stop()
    },
  }
}

function keyOfBinding(binding: Binding): string {
  const { namespace, name = '' } = binding.metadata
  return namespace ? `${namespace}/${name}` : name
}

/** For the audit log and access reviews: which binding let the request pass. */
function allowedBy(binding: Binding, { user }: Attributes): string {
  const { namespace, name } = binding.metadata
  const what = namespace ? `RoleBinding "${name}/${namespace}"` : `ClusterRoleBinding "${name}"`
  const subject = binding.subjects?.find(
    ({ kind, name: subjectName }) =>
      (kind === 'User' && subjectName === user.name) ||
      (kind === 'Group' && user.groups.includes(subjectName)) ||
      (kind === 'ServiceAccount' && user.name.endsWith(`:${subjectName}`)),
  )
  const account = subject?.kind === 'ServiceAccount' ? `/${subject.namespace ?? namespace ?? ''}` : ''
  const whom = subject ? `${subject.kind} "${subject.name}${account}"` : `User "${user.name}"`
  return `RBAC: allowed by ${what} of ${binding.roleRef.kind} "${binding.roleRef.name}" to ${whom}`
}

/** Rules in the form of SelfSubjectRulesReview. */
export function ruleSet(rules: readonly PolicyRule[]): RuleSet {
  return {
    resourceRules: rules
      .filter((rule) => (rule.resources?.length ?? 0) > 0)
      .map(({ verbs, apiGroups = [], resources: of = [], resourceNames }) => ({
        verbs,
        apiGroups,
        resources: of,
        ...(resourceNames?.length ? { resourceNames } : {}),
      })),
    nonResourceRules: rules
      .filter((rule) => (rule.nonResourceURLs?.length ?? 0) > 0)
      .map(({ verbs, nonResourceURLs = [] }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
  }
}
