/** The taints that a node's conditions stand for. Pure, and one function that writes them. */
import type { Node, Taint } from '../../api/types/core-v1.js'
import { hasReason } from '../../api/status.js'
import { notReadyTaint, unreachableTaint, unschedulableTaint } from '../../api/well-known.js'
import { timestamp } from '../../base/clock.js'
import { resources } from '../../client/resources.js'
import { sameTaint } from '../common/taints.js'
import type { View } from '../controller.js'

/** Condition type → status → key of the NoSchedule taint (KEP-382). */
const conditionTaints: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: notReadyTaint, Unknown: unreachableTaint },
  MemoryPressure: { True: 'node.kubernetes.io/memory-pressure' },
  DiskPressure: { True: 'node.kubernetes.io/disk-pressure' },
  PIDPressure: { True: 'node.kubernetes.io/pid-pressure' },
  NetworkUnavailable: { True: 'node.kubernetes.io/network-unavailable' },
}
const ownKeys: ReadonlySet<string> = new Set([
  unschedulableTaint,
  ...Object.values(conditionTaints).flatMap((byStatus) => Object.values(byStatus)),
])

export interface TaintChange {
  readonly add: readonly Taint[]
  readonly remove: readonly Taint[]
}

/** The NoSchedule taints of conditions and of cordoning, against those the node has. Others' taints are left alone. */
export function noScheduleChange(node: Node): TaintChange {
  const wanted: Taint[] = []
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = conditionTaints[type]?.[status]
    if (key) wanted.push({ key, effect: 'NoSchedule' })
  }
  if (node.spec?.unschedulable) wanted.push({ key: unschedulableTaint, effect: 'NoSchedule' })
  const present = (node.spec?.taints ?? []).filter(({ key, effect }) => effect === 'NoSchedule' && ownKeys.has(key))
  return { add: without(wanted, present), remove: without(present, wanted) }
}

const notReady: Taint = { key: notReadyTaint, effect: 'NoExecute' }
const unreachable: Taint = { key: unreachableTaint, effect: 'NoExecute' }
const noExecuteChanges: Readonly<Record<string, TaintChange>> = {
  True: { add: [], remove: [notReady, unreachable] },
  False: { add: [notReady], remove: [unreachable] },
  Unknown: { add: [unreachable], remove: [notReady] },
}

/** Not-ready and unreachable exclude each other as NoExecute taints: which one a Ready condition stands for. */
export function noExecuteChange(readyStatus: string): TaintChange {
  return noExecuteChanges[readyStatus] ?? { add: [], remove: [] }
}

export const hasTaint = (node: Node, taint: Taint): boolean => node.spec?.taints?.some((each) => sameTaint(each, taint)) ?? false

const without = (taints: readonly Taint[], others: readonly Taint[]): Taint[] =>
  taints.filter((taint) => !others.some((other) => sameTaint(taint, other)))

/** The taints after a change; undefined when nothing changes. */
export function changedTaints(taints: readonly Taint[], { add, remove }: TaintChange, nowMs: number): Taint[] | undefined {
  const kept = without(taints, remove)
  const added = without(add, kept)
  if (kept.length === taints.length && added.length === 0) return undefined
  return [...kept, ...added.map((taint) => ({ ...taint, timeAdded: timestamp(nowMs) }))]
}

const triesMax = 5

/** Writes the change on the newest node, so that no taint of anybody else is lost. A node that has gone needs none. */
export async function writeTaints(view: View, node: Node, change: TaintChange): Promise<void> {
  const nodes = view.client.resource<Node>(resources.nodes)
  const { name = '', uid } = node.metadata
  let latest = node
  for (let tries = 1; ; tries++) {
    const taints = changedTaints(latest.spec?.taints ?? [], change, view.clock.now())
    if (!taints) return
    const { resourceVersion } = latest.metadata
    try {
      await nodes.patch('', name, { type: 'merge', body: { metadata: { resourceVersion, uid }, spec: { taints } } })
      return
    } catch (error) {
      if (hasReason(error, 'NotFound')) return
      if (!hasReason(error, 'Conflict') || tries === triesMax) throw error
      latest = await nodes.get('', name)
      if (latest.metadata.uid !== uid) return
    }
  }
}
