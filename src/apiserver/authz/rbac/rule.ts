import type { PolicyRule } from '../../../api/types/rbac-v1.js'
import type { Attributes } from '../authorizer.js'

/** A PolicyRule compiled for matching: '*' becomes undefined ("any"). Pure. */
export interface CompiledRule {
  readonly verbs: ReadonlySet<string> | undefined
  readonly groups: ReadonlySet<string> | undefined
  /** "pods", "pods/log", and "*" + "/scale" for a subresource of any resource. */
  readonly resources: ReadonlySet<string> | undefined
  /** undefined: every name. */
  readonly names: ReadonlySet<string> | undefined
  readonly exactPaths: ReadonlySet<string>
  readonly pathPrefixes: readonly string[]
  readonly source: PolicyRule
}

export function compileRule(rule: PolicyRule): CompiledRule {
  const setOf = (values: readonly string[] | undefined) => (values?.includes('*') ? undefined : new Set(values ?? []))
  const paths = rule.nonResourceURLs ?? []
  return {
    verbs: setOf(rule.verbs),
    groups: setOf(rule.apiGroups),
    resources: setOf(rule.resources),
    names: rule.resourceNames && rule.resourceNames.length > 0 ? new Set(rule.resourceNames) : undefined,
    exactPaths: new Set(paths.filter((path) => !path.endsWith('*'))),
    pathPrefixes: paths.filter((path) => path.endsWith('*')).map((path) => path.slice(0, -1)),
    source: rule,
  }
}

/** Whether one rule allows what is asked. Works on whole names: compile once, match often. */
export function ruleAllows(rule: CompiledRule, asked: Attributes): boolean {
  if (rule.verbs && !rule.verbs.has(asked.verb)) return false
  const { resource } = asked
  if (!resource) return pathAllowed(rule, asked.path ?? '')
  if (rule.groups && !rule.groups.has(resource.group)) return false
  if (rule.names && !rule.names.has(resource.name)) return false
  const { resources } = rule
  if (!resources) return true
  if (resource.subresource === '') return resources.has(resource.resource)
  return resources.has(`${resource.resource}/${resource.subresource}`) || resources.has(`*/${resource.subresource}`)
}

function pathAllowed(rule: CompiledRule, path: string): boolean {
  return rule.exactPaths.has(path) || rule.pathPrefixes.some((prefix) => path.startsWith(prefix))
}
