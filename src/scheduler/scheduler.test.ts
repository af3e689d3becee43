import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Pod } from '../api/types/core-v1.js'
import { resources } from '../client/resources.js'
import { createNode, createPod, node, pod, type TestScheduler, testScheduler } from './testdata/scheduler.js'

describe('scheduler', () => {
  let scheduler: TestScheduler
  afterEach(() => scheduler.stop())

  const get = (name: string) => scheduler.client.resource<Pod>(resources.pods).get('default', name)
  const until = async (name: string, check: (pod: Pod) => void) =>
    vi.waitFor(async () => check(await get(name)), { interval: 5, timeout: 5_000 })
  const account = async (client: TestScheduler['client']) => {
    await client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })
  }

  it('binds a pod to the node with room, by the binding subresource, and says so', async () => {
    scheduler = await testScheduler({}, account)
    await createNode(scheduler.client, node('small', { allocatable: { cpu: '1' } }))
    await createNode(scheduler.client, node('large'))
    await createPod(scheduler.client, pod('p', { requests: { cpu: '2' } }))
    await until('p', ({ spec, status }) => {
      expect(spec?.nodeName).toBe('large')
      expect(status?.conditions?.find(({ type }) => type === 'PodScheduled')?.status).toBe('True')
    })
    expect(scheduler.events).toContain('Scheduled p: Successfully assigned default/p to large')
  })

  it('says why no node takes a pod, and tries again when a node that does comes', async () => {
    scheduler = await testScheduler({}, account)
    await createNode(scheduler.client, node('a', { allocatable: { cpu: '1' } }))
    await createNode(scheduler.client, node('b', { spec: { taints: [{ key: 'only', value: 'db', effect: 'NoSchedule' }] } }))
    await createPod(scheduler.client, pod('p', { requests: { cpu: '2' } }))
    await until('p', ({ status }) => {
      const condition = status?.conditions?.find(({ type }) => type === 'PodScheduled')
      expect(condition).toMatchObject({ status: 'False', reason: 'Unschedulable' })
      expect(condition?.message).toContain('0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {only: db}.')
    })
    await createNode(scheduler.client, node('c'))
    await until('p', ({ spec }) => expect(spec?.nodeName).toBe('c'))
  })

  it('leaves pods of other schedulers and gated pods alone, and takes a gated pod once its gates are gone', async () => {
    scheduler = await testScheduler({}, account)
    await createNode(scheduler.client, node('a'))
    await createPod(scheduler.client, pod('foreign', { schedulerName: 'other' }))
    await createPod(scheduler.client, pod('gated', { schedulingGates: [{ name: 'wait.test/it' }] }))
    await createPod(scheduler.client, pod('plain'))
    await until('plain', ({ spec }) => expect(spec?.nodeName).toBe('a'))
    expect((await get('foreign')).spec?.nodeName).toBeUndefined()
    expect((await get('gated')).spec?.nodeName).toBeUndefined()
    await scheduler.client
      .resource<Pod>(resources.pods)
      .patch('default', 'gated', { type: 'merge', body: { spec: { schedulingGates: null } } })
    await until('gated', ({ spec }) => expect(spec?.nodeName).toBe('a'))
  })

  it('gives the room of a node away once, however many pods ask at once', async () => {
    scheduler = await testScheduler({}, account)
    await createNode(scheduler.client, node('a', { allocatable: { pods: '3' } }))
    await Promise.all(Array.from({ length: 8 }, (_, i) => createPod(scheduler.client, pod(`p${i}`))))
    await vi.waitFor(
      async () => {
        const { items } = await scheduler.client.resource<Pod>(resources.pods).list()
        expect(items.filter(({ spec }) => spec?.nodeName === 'a')).toHaveLength(3)
        const refused = items.filter(({ status }) => status?.conditions?.some(({ reason }) => reason === 'Unschedulable'))
        expect(refused).toHaveLength(5)
      },
      { interval: 10, timeout: 5_000 },
    )
  })
})
