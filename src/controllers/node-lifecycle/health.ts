/**
 * Whether a node is alive. Pure. A node shows life by its Lease or by a status with a new heartbeat time; when neither came for
 * the grace period, its conditions become Unknown. When signs of life were seen is measured on the controller's own clock, so
 * that a node whose clock is wrong is not taken for dead (KEP-589).
 */
import type { Lease } from '../../api/types/coordination-v1.js'
import type { Node, NodeCondition } from '../../api/types/core-v1.js'
import { timestamp } from '../../base/clock.js'

export interface NodeHealth {
  /** The last sign of life, on the monotonic clock. */
  probedMs: number
  /** The Ready condition and the Lease as they were then. */
  ready: NodeCondition | undefined
  renewTime: string | undefined
}

export interface GracePeriods {
  /** --node-monitor-grace-period */
  readonly monitorMs: number
  /** --node-startup-grace-period: for a node that has never reported. */
  readonly startupMs: number
}

export interface Now {
  readonly wallMs: number
  readonly monotonicMs: number
}

export interface Verdict {
  readonly health: NodeHealth
  /** The Ready condition before and after this look; `observed` is Unknown for a node without one. */
  readonly observed: NodeCondition
  readonly current: NodeCondition | undefined
  /** The node's conditions, when they must be written. */
  readonly conditions?: NodeCondition[]
}

/** NetworkUnavailable is left out: the control plane sets it, not the node. */
const nodeConditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']

export const readyOf = (node: Node): NodeCondition | undefined => node.status?.conditions?.find(({ type }) => type === 'Ready')

export function judge(node: Node, lease: Lease | undefined, known: NodeHealth | undefined, grace: GracePeriods, now: Now): Verdict {
  const ready = readyOf(node)
  const created = node.metadata.creationTimestamp
  const observed = ready ?? { type: 'Ready', status: 'Unknown', lastHeartbeatTime: created, lastTransitionTime: created }
  const health = probe(ready, lease, known, now, created)
  const graceMs = ready ? grace.monitorMs : grace.startupMs
  if (now.monotonicMs - health.probedMs <= graceMs) return { health, observed, current: ready }
  const conditions = silenced(node, now.wallMs)
  const current = conditions.find(({ type }) => type === 'Ready')
  if (ready?.status === 'Unknown') return { health, observed, current }
  return { health: { ...health, ready: current }, observed, current, conditions }
}

function probe(
  ready: NodeCondition | undefined,
  lease: Lease | undefined,
  known: NodeHealth | undefined,
  now: Now,
  created: string | undefined,
): NodeHealth {
  const renewTime = lease?.spec?.renewTime
  const isRenewed =
    renewTime !== undefined &&
    renewTime !== known?.renewTime &&
    (known?.renewTime === undefined || Date.parse(renewTime) > Date.parse(known.renewTime))
  if (!known) {
    // A node that has never reported is judged by its age, whichever controller manager saw it first.
    const ageMs = created ? Math.max(0, now.wallMs - Date.parse(created)) : 0
    return { probedMs: now.monotonicMs - (ready || isRenewed ? 0 : ageMs), ready, renewTime }
  }
  const isHeartbeat = Boolean(known.ready) !== Boolean(ready) || known.ready?.lastHeartbeatTime !== ready?.lastHeartbeatTime
  const isAlive = isHeartbeat || isRenewed
  return {
    probedMs: isAlive ? now.monotonicMs : known.probedMs,
    ready: isHeartbeat ? ready : known.ready,
    renewTime: isRenewed ? renewTime : known.renewTime,
  }
}

function silenced(node: Node, wallMs: number): NodeCondition[] {
  const conditions = (node.status?.conditions ?? []).map((condition) => {
    if (!nodeConditions.includes(condition.type) || condition.status === 'Unknown') return condition
    return {
      ...condition,
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
      lastTransitionTime: timestamp(wallMs),
    }
  })
  for (const type of nodeConditions) {
    if (conditions.some((condition) => condition.type === type)) continue
    conditions.push({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: node.metadata.creationTimestamp,
      lastTransitionTime: timestamp(wallMs),
    })
  }
  return conditions
}
