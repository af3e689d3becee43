/** What a policy, a binding or a webhook is about (admissionregistration.k8s.io MatchResources, RuleWithOperations). */
import type { MatchResources, NamedRuleWithOperations } from '../../types/admissionregistration-v1.js'
import type { Faults } from '../faults.js'
import { labelSelectorFaults } from '../selectors.js'

const matchPolicies = new Set(['Equivalent', 'Exact'])
const operations = new Set(['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'])
const scopes = new Set(['*', 'Cluster', 'Namespaced'])

export function matchResourcesFaults(faults: Faults, path: string, match: MatchResources): void {
  if (match.matchPolicy === undefined) faults.required(`${path}.matchPolicy`)
  else faults.word(`${path}.matchPolicy`, match.matchPolicy, matchPolicies)
  if (match.namespaceSelector === undefined) faults.required(`${path}.namespaceSelector`)
  labelSelectorFaults(faults, `${path}.namespaceSelector`, match.namespaceSelector)
  if (match.objectSelector === undefined) faults.required(`${path}.objectSelector`)
  labelSelectorFaults(faults, `${path}.objectSelector`, match.objectSelector)
  for (const [i, rule] of (match.resourceRules ?? []).entries()) namedRuleFaults(faults, `${path}.resourceRules[${i}]`, rule)
  for (const [i, rule] of (match.excludeResourceRules ?? []).entries()) namedRuleFaults(faults, `${path}.excludeResourceRules[${i}]`, rule)
}

function namedRuleFaults(faults: Faults, path: string, rule: NamedRuleWithOperations): void {
  ruleFaults(faults, path, rule, true)
  const seen = new Set<string>()
  for (const [i, name] of (rule.resourceNames ?? []).entries()) {
    if (name === '' || name === '.' || name === '..' || /[/%]/.test(name)) faults.invalid(`${path}.resourceNames[${i}]`, name, 'is no name')
    if (seen.has(name)) faults.duplicate(`${path}.resourceNames[${i}]`, name)
    seen.add(name)
  }
}

/** `allowSubresources`: of webhooks and policies, every rule may name them. */
export function ruleFaults(faults: Faults, path: string, rule: NamedRuleWithOperations, allowSubresources: boolean): void {
  const { operations: wanted = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule
  if (apiGroups.length === 0) faults.required(`${path}.apiGroups`)
  if (hasWildcardAmongOthers(apiGroups))
    faults.invalid(`${path}.apiGroups`, apiGroups, "if '*' is present, must not specify other API groups")
  if (apiVersions.length === 0) faults.required(`${path}.apiVersions`)
  if (hasWildcardAmongOthers(apiVersions))
    faults.invalid(`${path}.apiVersions`, apiVersions, "if '*' is present, must not specify other API versions")
  for (const [i, version] of apiVersions.entries()) if (version === '') faults.required(`${path}.apiVersions[${i}]`)
  resourceFaults(faults, `${path}.resources`, resources, allowSubresources)
  if (scope !== undefined && !scopes.has(scope)) faults.notSupported(`${path}.scope`, scope, scopes)
  if (wanted.length === 0) faults.required(`${path}.operations`)
  if (hasWildcardAmongOthers(wanted)) faults.invalid(`${path}.operations`, wanted, "if '*' is present, must not specify other operations")
  for (const [i, operation] of wanted.entries())
    if (!operations.has(operation)) faults.notSupported(`${path}.operations[${i}]`, operation, operations)
}

function hasWildcardAmongOthers(values: readonly string[]): boolean {
  return values.length > 1 && values.includes('*')
}

/** Nothing may be said twice: "*" says all of "pods", "*\/scale" all of "deployments/scale". */
function resourceFaults(faults: Faults, path: string, resources: readonly string[], allowSubresources: boolean): void {
  if (resources.length === 0) faults.required(path)
  const wholes = new Set<string>()
  const subresources = new Set<string>()
  for (const [i, text] of resources.entries()) {
    if (text === '') {
      faults.required(`${path}[${i}]`)
      continue
    }
    const [resource = '', sub] = text.split('/', 2)
    if (resource === '*' && sub === '*' && resources.length > 1)
      faults.invalid(path, resources, "if '*/*' is present, must not specify other resources")
    if (sub === undefined) continue
    if (!allowSubresources) faults.invalid(`${path}[${i}]`, text, 'must not specify subresources')
    if (wholes.has(resource)) faults.invalid(`${path}[${i}]`, text, `if '${resource}/*' is present, must not specify ${text}`)
    if (subresources.has(sub)) faults.invalid(`${path}[${i}]`, text, `if '*/${sub}' is present, must not specify ${text}`)
    if (sub === '*') wholes.add(resource)
    if (resource === '*') subresources.add(sub)
  }
  if (resources.length > 1 && resources.includes('*') && resources.some((text) => text !== '*' && !text.includes('/')))
    faults.invalid(path, resources, "if '*' is present, must not specify other resources without subresources")
}
