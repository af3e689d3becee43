import { describe, expect, it } from 'vitest'
import type { Lease } from '../../api/types/coordination-v1.js'
import type { Node, NodeCondition } from '../../api/types/core-v1.js'
import { judge, type NodeHealth } from './health.js'
import { changedTaints, noExecuteChange, noScheduleChange } from './taints.js'

const grace = { monitorMs: 50_000, startupMs: 60_000 }
const start = Date.UTC(2026, 0, 1)
const at = (ms: number) => ({ wallMs: start + ms, monotonicMs: ms })
const node = (...conditions: NodeCondition[]): Node => ({
  metadata: { name: 'n', creationTimestamp: '2026-01-01T00:00:00Z' },
  ...(conditions.length ? { status: { conditions } } : {}),
})
const ready = (status: string, lastHeartbeatTime?: string): NodeCondition => ({
  type: 'Ready',
  status,
  ...(lastHeartbeatTime ? { lastHeartbeatTime } : {}),
})
const lease = (renewTime: string): Lease => ({ metadata: { name: 'n' }, spec: { renewTime } })
const look = (of: Node, ms: number, known?: NodeHealth, renewed?: Lease) => judge(of, renewed, known, grace, at(ms))
const brief = (conditions: NodeCondition[] | undefined) => conditions?.map(({ type, status, reason }) => [type, status, reason])

describe('a node that goes silent', () => {
  it('gets Unknown conditions after the grace period, NetworkUnavailable left as it is', () => {
    const up = node(ready('True'), { type: 'MemoryPressure', status: 'False' }, { type: 'NetworkUnavailable', status: 'False' })
    const first = look(up, 0)
    expect(look(up, 50_000, first.health).conditions).toBeUndefined()
    const { conditions, observed, current } = look(up, 50_001, first.health)
    expect([observed.status, current?.status]).toEqual(['True', 'Unknown'])
    expect(brief(conditions)).toEqual([
      ['Ready', 'Unknown', 'NodeStatusUnknown'],
      ['MemoryPressure', 'Unknown', 'NodeStatusUnknown'],
      ['NetworkUnavailable', 'False', undefined],
      ['DiskPressure', 'Unknown', 'NodeStatusNeverUpdated'],
      ['PIDPressure', 'Unknown', 'NodeStatusNeverUpdated'],
    ])
  })
  it('is written once', () => {
    const first = look(node(ready('True')), 0)
    const second = look(node(ready('True')), 60_000, first.health)
    expect(look(node(...(second.conditions ?? [])), 65_000, second.health).conditions).toBeUndefined()
  })
  it('is alive by a new heartbeat time in its status, or by its lease alone', () => {
    const first = look(node(ready('True', 'a')), 0)
    const second = look(node(ready('True', 'b')), 40_000, first.health)
    expect(look(node(ready('True', 'b')), 80_000, second.health).conditions).toBeUndefined()
    const leased = look(node(ready('True', 'b')), 85_000, second.health, lease('2026-01-01T00:01:20.000000Z'))
    expect(look(node(ready('True', 'b')), 130_000, leased.health, lease('2026-01-01T00:01:20.000000Z')).conditions).toBeUndefined()
    expect(look(node(ready('True', 'b')), 136_000, leased.health, lease('2026-01-01T00:01:20.000000Z')).conditions).toBeDefined()
  })
  it('that never reported has the startup grace period from its creation on', () => {
    expect(look(node(), 59_000).conditions).toBeUndefined()
    const { observed, conditions } = look(node(), 61_000)
    expect(observed.status).toBe('Unknown')
    expect(brief(conditions)?.map(([, , reason]) => reason)).toEqual(Array(4).fill('NodeStatusNeverUpdated'))
  })
  it('gets the whole grace period from a controller that has just started', () => {
    expect(look(node(ready('True', 'long ago')), 1_000_000).conditions).toBeUndefined()
  })
})

describe('taints of conditions (KEP-382)', () => {
  const tainted = (taints: NonNullable<Node['spec']>['taints'], ...conditions: NodeCondition[]): Node => ({
    ...node(...conditions),
    spec: { taints },
  })
  it('come and go with them; others stay', () => {
    const change = noScheduleChange(
      tainted(
        [
          { key: 'own', effect: 'NoSchedule' },
          { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' },
          { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' },
        ],
        ready('False'),
        { type: 'DiskPressure', status: 'True' },
        { type: 'MemoryPressure', status: 'False' },
      ),
    )
    expect(change.add.map(({ key }) => key)).toEqual(['node.kubernetes.io/not-ready', 'node.kubernetes.io/disk-pressure'])
    expect(change.remove.map(({ key }) => key)).toEqual(['node.kubernetes.io/memory-pressure'])
  })
  it('include cordoning', () => {
    expect(noScheduleChange({ ...node(), spec: { unschedulable: true } }).add).toEqual([
      { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' },
    ])
  })
  it('swap not-ready and unreachable, noting when', () => {
    const taints = changedTaints([{ key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' }], noExecuteChange('Unknown'), start)
    expect(taints).toEqual([{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: '2026-01-01T00:00:00Z' }])
    expect(changedTaints(taints ?? [], noExecuteChange('Unknown'), start)).toBeUndefined()
  })
})
