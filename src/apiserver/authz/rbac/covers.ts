import type { PolicyRule } from '../../../api/types/rbac-v1.js'

/** One permission: a rule with a single verb and a single resource (and name) or path. */
type Atom =
  | { readonly verb: string; readonly group: string; readonly resource: string; readonly name: string | undefined }
  | { readonly verb: string; readonly path: string }

/** The permissions among `wanted` that `owned` does not give, as rules: empty when all are covered. Pure. */
export function uncovered(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted
    .flatMap(atomsOf)
    .filter((atom) => !owned.some((rule) => gives(rule, atom)))
    .map(ruleOf)
}

function* atoms(rule: PolicyRule): Generator<Atom> {
  for (const verb of rule.verbs) {
    for (const group of rule.apiGroups ?? [])
      for (const resource of rule.resources ?? [])
        for (const name of rule.resourceNames?.length ? rule.resourceNames : [undefined]) yield { verb, group, resource, name }
    for (const path of rule.nonResourceURLs ?? []) yield { verb, path }
  }
}
const atomsOf = (rule: PolicyRule): Atom[] => [...atoms(rule)]

function gives(rule: PolicyRule, atom: Atom): boolean {
  if (!has(rule.verbs, atom.verb)) return false
  if ('path' in atom) return (rule.nonResourceURLs ?? []).some((path) => pathCovers(path, atom.path))
  if (!has(rule.apiGroups, atom.group) || !resourceCovered(rule.resources ?? [], atom.resource)) return false
  return !rule.resourceNames?.length || (atom.name !== undefined && rule.resourceNames.includes(atom.name))
}

function has(values: readonly string[] | undefined, value: string): boolean {
  return values !== undefined && (values.includes('*') || values.includes(value))
}

/** "*" covers everything, "*" + "/scale" every resource's scale; a resource does not cover its subresources. */
function resourceCovered(resources: readonly string[], resource: string): boolean {
  if (has(resources, resource)) return true
  const slash = resource.indexOf('/')
  return slash >= 0 && resources.includes(`*${resource.slice(slash)}`)
}

function pathCovers(path: string, wanted: string): boolean {
  return path === wanted || (path.endsWith('*') && wanted.startsWith(path.slice(0, -1)))
}

function ruleOf(atom: Atom): PolicyRule {
  if ('path' in atom) return { verbs: [atom.verb], nonResourceURLs: [atom.path] }
  return {
    verbs: [atom.verb],
    apiGroups: [atom.group],
    resources: [atom.resource],
    ...(atom.name === undefined ? {} : { resourceNames: [atom.name] }),
  }
}

/** Rules for people: permissions of one resource on one line. */
export function describeRules(rules: readonly PolicyRule[]): string {
  const byTarget = new Map<string, { rule: PolicyRule; verbs: string[] }>()
  for (const rule of rules) {
    const key = JSON.stringify({ ...rule, verbs: [] })
    const known = byTarget.get(key) ?? { rule, verbs: [] }
    known.verbs.push(...rule.verbs)
    byTarget.set(key, known)
  }
  return [...byTarget.values()]
    .map(({ rule, verbs }) => {
      const part = (name: string, values: readonly string[] | undefined) =>
        values?.length ? [`${name}:[${values.map((value) => JSON.stringify(value)).join(' ')}]`] : []
      const parts = [
        ...part('APIGroups', rule.apiGroups),
        ...part('Resources', rule.resources),
        ...part('ResourceNames', rule.resourceNames),
        ...part('NonResourceURLs', rule.nonResourceURLs),
        ...part('Verbs', verbs),
      ]
      return `{${parts.join(', ')}}`
    })
    .join('\n')
}
