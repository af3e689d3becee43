/** Which requests a policy, a binding or a webhook is about (admissionregistration.k8s.io MatchResources). */
import { labelSelectorOf, type Selector } from '../../../api/selectors/label.js'
import type { MatchResources, NamedRuleWithOperations } from '../../../api/types/admissionregistration-v1.js'
import type { KubeObject } from '../../../api/object.js'
import type { AdmissionRequest } from '../admission.js'
import { directView, otherViews, type RequestView, type ResourceCatalog } from './request-views.js'

type Labels = Readonly<Record<string, string>>

export interface Matcher {
  /** By the rules alone; undefined: it is not about such requests. */
  view(request: AdmissionRequest): RequestView | undefined
  /** By labels of the object and of its namespace. `namespaceLabels` is asked only when they count. */
  selects(request: AdmissionRequest, namespaceLabels: () => Labels | undefined | Promise<Labels | undefined>): boolean | Promise<boolean>
}

export function compileMatch(match: MatchResources, catalog: ResourceCatalog): Matcher {
  const { resourceRules = [], excludeResourceRules = [], matchPolicy = 'Equivalent' } = match
  const namespaces = labelSelectorOf(match.namespaceSelector ?? {})
  const objects = labelSelectorOf(match.objectSelector ?? {})
  return {
    view(request) {
      if (findView(excludeResourceRules, request, catalog, matchPolicy)) return undefined
      // A binding without rules is about all that its policy is.
      return resourceRules.length === 0 ? directView(request, catalog) : findView(resourceRules, request, catalog, matchPolicy)
    },
    selects(request, namespaceLabels) {
      if (!selectsObject(objects, request)) return false
      if (namespaces.empty) return true
      const { resource, namespace, object, oldObject } = request
      if (resource.group === '' && resource.resource === 'namespaces')
        return namespaces.matches((object ?? oldObject)?.metadata.labels ?? {})
      if (namespace === '') return true
      const labels = namespaceLabels()
      return labels instanceof Promise ? labels.then((found) => namespaces.matches(found ?? {})) : namespaces.matches(labels ?? {})
    },
  }
}

function selectsObject(selector: Selector, { object, oldObject }: AdmissionRequest): boolean {
  if (selector.empty) return true
  const has = (one: KubeObject | undefined) => one !== undefined && selector.matches(one.metadata.labels ?? {})
  return has(object) || has(oldObject)
}

/** A rule that names the version that was asked goes before those that name another. */
export function findView(
  rules: readonly NamedRuleWithOperations[],
  request: AdmissionRequest,
  catalog: ResourceCatalog,
  matchPolicy: 'Equivalent' | 'Exact',
): RequestView | undefined {
  if (rules.length === 0) return undefined
  const direct = directView(request, catalog)
  if (rules.some((rule) => ruleMatches(rule, request, direct))) return direct
  if (matchPolicy === 'Exact') return undefined
  return otherViews(request, catalog).find((view) => rules.some((rule) => ruleMatches(rule, request, view)))
}

const has = (values: readonly string[] | undefined, value: string) => values?.includes('*') || values?.includes(value)

function ruleMatches(rule: NamedRuleWithOperations, request: AdmissionRequest, { resource }: RequestView): boolean {
  const { operation, subresource, name } = request
  if (!has(rule.operations, operation) || !has(rule.apiGroups, resource.group) || !has(rule.apiVersions, resource.version)) return false
  if (rule.resourceNames?.length && !rule.resourceNames.includes(name)) return false
  if (!scopeMatches(rule.scope, request)) return false
  return (rule.resources ?? []).some((text) => {
    const [wanted = '', sub = ''] = text.split('/', 2)
    return (wanted === '*' || wanted === resource.resource) && (sub === '*' || sub === subresource)
  })
}

function scopeMatches(scope: string | undefined, { namespace, resource }: AdmissionRequest): boolean {
  if (scope === undefined || scope === '*') return true
  const isNamespaced = namespace !== '' && !(resource.group === '' && resource.resource === 'namespaces')
  return isNamespaced === (scope === 'Namespaced')
}

const configurations = new Set(
  ['validatingadmissionpolicies', 'mutatingadmissionpolicies', 'validatingwebhookconfigurations', 'mutatingwebhookconfigurations'].flatMap(
    (resource) => [resource, resource.replace(/policies$/, 'policybindings')],
  ),
)

/** Nobody may lock himself out: what configures admission is not subject to it. */
export function isExempt({ group, resource }: { readonly group: string; readonly resource: string }): boolean {
  return group === 'admissionregistration.k8s.io' && configurations.has(resource)
}
