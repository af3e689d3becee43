import type { JsonObject } from '../../api/object.js'
import type { PodCondition, PodStatus } from '../../api/types/core-v1.js'
import { jsonEqual } from './equal.js'

/**
 * The strategic merge patch that turns `old` into `wanted` where the kubelet has the say: only fields that differ, conditions one by
 * one (others write theirs), and the uid, so that a patch meant for a pod never lands on its successor of the same name.
 * Undefined when there is nothing to say.
 */
export function statusPatch(uid: string, old: PodStatus, wanted: PodStatus): JsonObject | undefined {
  const status: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(wanted)) {
    if (field === 'conditions' || value === undefined) continue
    const before = old[field as keyof PodStatus]
    if (jsonEqual(before, value)) continue
    // Addresses merge one by one on the wire: those of an earlier sandbox would stay.
    status[field] = addressLists.has(field) && before !== undefined ? [...(value as object[]), { $patch: 'replace' }] : value
  }
  const conditions = changedConditions(old.conditions ?? [], wanted.conditions ?? [])
  if (conditions.length > 0) status.conditions = conditions
  if (Object.keys(status).length === 0) return undefined
  return { metadata: { uid }, status } as JsonObject
}

const addressLists: ReadonlySet<string> = new Set(['podIPs', 'hostIPs'])

/** A merge by type would keep an old reason or message that the new condition no longer has: null takes it away. */
function changedConditions(old: readonly PodCondition[], wanted: readonly PodCondition[]): object[] {
  const changed: object[] = []
  for (const condition of wanted) {
    const before = old.find(({ type }) => type === condition.type)
    if (before && jsonEqual(comparable(before), comparable(condition))) continue
    changed.push({
      ...condition,
      ...(before?.reason && !condition.reason ? { reason: null } : {}),
      ...(before?.message && !condition.message ? { message: null } : {}),
    })
  }
  return changed
}

/** The server may send lastProbeTime: null, which means nothing. */
function comparable({ type, status, reason, message, observedGeneration, lastTransitionTime }: PodCondition): object {
  return { type, status, reason: reason || undefined, message: message || undefined, observedGeneration, lastTransitionTime }
}
