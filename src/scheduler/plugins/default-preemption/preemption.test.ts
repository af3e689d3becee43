import { describe, expect, it } from 'vitest'
import type { PodDisruptionBudget } from '../../../api/types/policy-v1.js'
import type { Pod } from '../../../api/types/core-v1.js'
import { seededRandom } from '../../../base/random.js'
import { PodInfo } from '../../cache/pod-info.js'
import { TestCluster } from '../../testdata/cluster.js'
import { node, pod } from '../../testdata/scheduler.js'
import { findPreemption } from './find.js'

const half = { requests: { cpu: '2' } }
const preemptor = pod('preemptor', { priority: 100, ...half })

/** "node: victims", or the message. */
function preempt(cluster: TestCluster, of: Pod, budgets: readonly PodDisruptionBudget[] = [], nominated = ''): string {
  const result = cluster.result(of)
  if (result.kind === 'fits') return 'fits'
  const { cycle, snapshot } = cluster
  const run = { cycle, snapshot, pod: new PodInfo(of), failure: result.failure, budgets, nowMs: Date.UTC(2026, 0, 2) }
  const found = findPreemption(run, { minCandidateNodesAbsolute: 100, minCandidateNodesPercentage: 10 }, seededRandom(1), nominated)
  if (found.kind !== 'preempt') return found.message
  const { slot, victims } = found.candidate
  return `${cluster.cache.nodes.names[slot]}: ${victims.map(({ name }) => name).join(' ')}`
}

const started = (name: string, priority: number, startTime: string, more: Partial<Pod['metadata']> = {}): Pod => ({
  ...pod(name, { priority, ...half }, more),
  status: { startTime },
})

describe('preemption', () => {
  it('takes as few as needed, the least important first, and leaves the cluster as it was', () => {
    const cluster = new TestCluster([node('a')])
    cluster.runs('a', pod('low', { priority: 1, ...half }))
    cluster.runs('a', pod('lower', { priority: 0, ...half }))
    expect(preempt(cluster, preemptor)).toBe('a: lower')
    expect(cluster.cache.nodes.cpu.requested[0]).toBe(4_000)
    expect(preempt(cluster, preemptor)).toBe('a: lower')
  })

  it('prefers the node whose most important victim matters least, then the smaller sum, then fewer victims', () => {
    const cluster = new TestCluster([node('a'), node('b'), node('c')])
    cluster.runs('a', pod('a1', { priority: 5, requests: { cpu: '4' } }))
    cluster.runs('b', pod('b1', { priority: 3, requests: { cpu: '3' } }))
    cluster.runs('b', pod('b2', { priority: 3, requests: { cpu: '1' } }))
    cluster.runs('c', pod('c1', { priority: 3, requests: { cpu: '2' } }))
    cluster.runs('c', pod('c2', { priority: 2, requests: { cpu: '2' } }))
    // Of b only the large one must go, of c both would be more: the victims are b1 (3) or c2 (2).
    expect(preempt(cluster, preemptor)).toBe('c: c2')
  })

  it('spares the pods that have run longest when all else is equal', () => {
    const cluster = new TestCluster([node('a', { allocatable: { cpu: '2' } }), node('b', { allocatable: { cpu: '2' } })])
    cluster.runs('a', started('old', 1, '2026-01-01T00:00:00Z'))
    cluster.runs('b', started('young', 1, '2026-01-01T12:00:00Z'))
    expect(preempt(cluster, preemptor)).toBe('b: young')
  })

  it('breaks a disruption budget only when there is no other way', () => {
    const budget: PodDisruptionBudget = {
      metadata: { name: 'keep', namespace: 'default' },
      spec: { selector: { matchLabels: { app: 'db' } } },
      status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
    }
    const cluster = new TestCluster([node('a', { allocatable: { cpu: '2' } }), node('b', { allocatable: { cpu: '2' } })])
    cluster.runs('a', pod('db', { priority: 1, ...half }, { labels: { app: 'db' } }))
    cluster.runs('b', pod('more-important', { priority: 9, ...half }))
    expect(preempt(cluster, preemptor, [budget])).toBe('b: more-important')
    cluster.cache.removeNode('b')
    expect(preempt(cluster, preemptor, [budget])).toBe('a: db')
  })

  it('is not for pods that may not, and not while victims are leaving the nominated node', () => {
    const cluster = new TestCluster([node('a')])
    cluster.runs('a', pod('low', { priority: 1, requests: { cpu: '4' } }))
    const meek = pod('meek', { priority: 100, preemptionPolicy: 'Never', ...half })
    expect(preempt(cluster, meek)).toBe('preemption: not eligible due to preemptionPolicy=Never.')
    const conditions = [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }]
    const leaving = pod('low', { priority: 1, requests: { cpu: '4' } }, { deletionTimestamp: '2026-01-01T00:00:00Z' })
    cluster.runs('a', { ...leaving, status: { conditions } })
    expect(preempt(cluster, preemptor, [], 'a')).toBe('preemption: not eligible due to a terminating pod on the nominated node.')
  })

  it('says why it would not help', () => {
    const tainted = node('b', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } })
    const cluster = new TestCluster([node('a'), tainted])
    cluster.runs('a', pod('equal', { priority: 100, requests: { cpu: '4' } }))
    expect(preempt(cluster, preemptor)).toBe(
      'preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
    )
  })

  it('sees anti-affinity end with the pod that holds it', () => {
    const cluster = new TestCluster([node('a')])
    const shy = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } } }
    const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [shy] } }
    cluster.runs('a', pod('shy', { priority: 1, affinity }))
    cluster.runs('a', pod('bystander', { priority: 0 }))
    expect(preempt(cluster, pod('web', { priority: 100 }, { labels: { app: 'web' } }))).toBe('a: shy')
  })
})
