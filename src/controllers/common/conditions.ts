import { timestamp } from '../../base/clock.js'

/** The members that every condition of the workload APIs has. */
export interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
  lastTransitionTime?: string
  lastUpdateTime?: string
}

/** The list with this condition set. The transition time moves only when the status does; an equal condition changes nothing. */
export function withCondition<C extends Condition>(conditions: readonly C[] | undefined, condition: C, nowMs: number): C[] {
  const list = conditions ?? []
  const old = list.find((each) => each.type === condition.type)
  if (old && old.status === condition.status && old.reason === condition.reason && old.message === condition.message) return [...list]
  const lastTransitionTime = old && old.status === condition.status ? old.lastTransitionTime : timestamp(nowMs)
  return [...list.filter((each) => each.type !== condition.type), { ...condition, lastTransitionTime }]
}

export function withoutCondition<C extends Condition>(conditions: readonly C[] | undefined, type: string): C[] {
  return (conditions ?? []).filter((each) => each.type !== type)
}
