import type { KubeObject } from '../../api/object.js'
import type { ClusterRole, PolicyRule, RoleBinding, Subject } from '../../api/types/rbac-v1.js'
import { uncovered } from '../authz/rbac/covers.js'
import { sameJson } from '../../api/same-json.js'

/**
 * Default roles and bindings are mended at every start, so that an upgrade or a mishap leaves no component without its
 * rights. What people added stays; rbac.authorization.kubernetes.io/autoupdate: "false" on an object leaves it alone. Pure.
 */
const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate'

export function reconcileRole(existing: KubeObject, wanted: KubeObject): KubeObject | undefined {
  if (existing.metadata.annotations?.[autoUpdate] === 'false') return undefined
  const role = existing as ClusterRole
  const target = wanted as ClusterRole
  // An aggregated role's rules are the aggregation controller's.
  const missing = target.aggregationRule ? [] : missingRules(role.rules ?? [], target.rules ?? [])
  const selectors = target.aggregationRule?.clusterRoleSelectors ?? []
  const has = role.aggregationRule?.clusterRoleSelectors ?? []
  const missingSelectors = selectors.filter((selector) => !has.some((known) => sameJson(known, selector)))
  const metadata = withMissingMarks(existing, wanted)
  if (missing.length === 0 && missingSelectors.length === 0 && !metadata) return undefined
  return {
    ...role,
    ...(metadata ? { metadata } : {}),
    ...(missing.length > 0 ? { rules: [...(role.rules ?? []), ...missing] } : {}),
    ...(missingSelectors.length > 0 ? { aggregationRule: { clusterRoleSelectors: [...has, ...missingSelectors] } } : {}),
  } as ClusterRole
}

/** Whole rules where nothing of them is there, single permissions else. */
function missingRules(rules: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap((rule) => {
    const missing = uncovered(rules, [rule])
    return missing.length === uncovered([], [rule]).length ? (missing.length > 0 ? [rule] : []) : missing
  })
}

export function reconcileBinding(existing: KubeObject, wanted: KubeObject): KubeObject | 'recreate' | undefined {
  if (existing.metadata.annotations?.[autoUpdate] === 'false') return undefined
  const binding = existing as RoleBinding
  const target = wanted as RoleBinding
  // roleRef never changes: such a binding is replaced.
  if (!sameJson(binding.roleRef, target.roleRef)) return 'recreate'
  const same = (a: Subject, b: Subject) => a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '')
  const missing = (target.subjects ?? []).filter((subject) => !binding.subjects?.some((known) => same(known, subject)))
  const metadata = withMissingMarks(existing, wanted)
  if (missing.length === 0 && !metadata) return undefined
  const next: RoleBinding = { ...binding, ...(metadata ? { metadata } : {}), subjects: [...(binding.subjects ?? []), ...missing] }
  return next
}

/** Flow schemas and priority levels whose annotation says that the server keeps their spec. */
export function reconcileSpec(existing: KubeObject, wanted: KubeObject): KubeObject | undefined {
  if (existing.metadata.annotations?.['apf.kubernetes.io/autoupdate-spec'] !== 'true') return undefined
  const spec = (object: KubeObject) => (object as { spec?: unknown }).spec
  return contains(spec(existing), spec(wanted)) ? undefined : ({ ...existing, spec: spec(wanted) } as KubeObject)
}

/** True when everything in `wanted` is in `actual`: defaults that the server filled in are no difference. */
function contains(actual: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return Array.isArray(actual) && actual.length === wanted.length && wanted.every((item, index) => contains(actual[index], item))
  if (typeof wanted !== 'object' || wanted === null) return actual === wanted
  if (typeof actual !== 'object' || actual === null) return false
  const fields = actual as Record<string, unknown>
  return Object.entries(wanted).every(([key, value]) => contains(fields[key], value))
}

/** The metadata with the labels and annotations of `wanted` that are missing; undefined when none is. */
function withMissingMarks(existing: KubeObject, wanted: KubeObject): KubeObject['metadata'] | undefined {
  const merged = (field: 'labels' | 'annotations') => ({ ...wanted.metadata[field], ...existing.metadata[field] })
  const [labels, annotations] = [merged('labels'), merged('annotations')]
  if (sameJson(labels, existing.metadata.labels ?? {}) && sameJson(annotations, existing.metadata.annotations ?? {})) return undefined
  return { ...existing.metadata, labels, annotations }
}
