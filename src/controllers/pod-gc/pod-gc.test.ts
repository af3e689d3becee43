import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Node, Pod } from '../../api/types/core-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { surplusEnded } from './garbage.js'
import { podGarbageCollectorController } from './pod-gc.js'

describe('pods that have ended', () => {
  const ended = (name: string, second: number, reason?: string): Pod => ({
    metadata: { name, creationTimestamp: `2026-01-01T00:00:0${second}Z` },
    status: { phase: 'Failed', ...(reason ? { reason } : {}) },
  })
  it('beyond the threshold go, evicted ones first, then the oldest', () => {
    const pods: Pod[] = [
      ended('new', 9),
      ended('old', 1),
      ended('evicted', 5, 'Evicted'),
      { metadata: { name: 'runs' }, status: { phase: 'Running' } },
    ]
    expect(surplusEnded(pods, 1).map(({ metadata }) => metadata.name)).toEqual(['evicted', 'old'])
    expect([surplusEnded(pods, 3), surplusEnded(pods, 0)]).toEqual([[], []])
  })
})

describe('pod-garbage-collector-controller', () => {
  let clock: VirtualClock
  let run: TestControllers
  beforeEach(async () => {
    clock = new VirtualClock()
    run = await runTestControllers({
      controllers: [podGarbageCollectorController()],
      clock,
      prepare: async (client) => {
        await client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })
        await client.resource<Node>(resources.nodes).create({ metadata: { name: 'n' } })
      },
    })
  })
  afterEach(() => run.stop())

  const make = (name: string, spec: Partial<NonNullable<Pod['spec']>>, finalizers: string[] = []) =>
    run.client.resource<Pod>(resources.pods).create({
      metadata: { name, namespace: 'default', finalizers },
      spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
    })
  const names = async () => (await run.list<Pod>(resources.pods, 'default')).map(({ metadata }) => metadata.name)
  const pass = async (ms: number) => {
    await run.settled()
    await clock.advance(ms)
    await run.settled()
  }

  it('fails and removes the pods of a node that is gone, after a quarantine', async () => {
    await make('orphan', { nodeName: 'n' }, ['example.com/hold'])
    await run.client.resource(resources.nodes).delete('', 'n')
    await pass(40_000)
    expect((await run.get<Pod>(resources.pods, 'default', 'orphan')).metadata.deletionTimestamp).toBeUndefined()
    await pass(20_000)
    const orphan = await run.get<Pod>(resources.pods, 'default', 'orphan')
    expect([orphan.status?.phase, orphan.metadata.deletionTimestamp !== undefined]).toEqual(['Failed', true])
    expect(orphan.status?.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'DeletionByPodGC',
    })
  })

  it('leaves them when the node comes back', async () => {
    await make('p', { nodeName: 'n' })
    await run.client.resource(resources.nodes).delete('', 'n')
    await pass(40_000)
    await run.client.resource<Node>(resources.nodes).create({ metadata: { name: 'n' } })
    await pass(60_000)
    expect(await names()).toEqual(['p'])
  })

  it('removes ending pods of a node out of service (KEP-2268), and those of no node', async () => {
    await make('ending', { nodeName: 'n', terminationGracePeriodSeconds: 600 })
    await make('nowhere', {}, ['example.com/hold'])
    await run.client.resource(resources.pods).delete('default', 'ending')
    await run.client.resource(resources.pods).delete('default', 'nowhere')
    await pass(20_000)
    expect(await names()).toEqual(['ending', 'nowhere'])
    expect((await run.get<Pod>(resources.pods, 'default', 'nowhere')).status?.phase).toBe('Failed')
    const taints = [{ key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' }]
    await run.client.resource(resources.nodes).patch('', 'n', { type: 'merge', body: { spec: { taints } } })
    await pass(20_000)
    expect(await names()).toEqual(['nowhere'])
  })
})
