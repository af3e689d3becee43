import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Event, Node, NodeCondition, Pod, Toleration } from '../../api/types/core-v1.js'
import type { Lease } from '../../api/types/coordination-v1.js'
import { microTimestamp } from '../../base/clock.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { taintEvictionController } from '../taint-eviction/taint-eviction.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { nodeLifecycleController } from './node-lifecycle.js'

describe('nodes and the pods on them, on an API server', () => {
  let clock: VirtualClock
  let run: TestControllers
  beforeEach(async () => {
    clock = new VirtualClock()
    run = await runTestControllers({
      controllers: [nodeLifecycleController(), taintEvictionController()],
      clock,
      prepare: async (client) => {
        await client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })
      },
    })
  })
  afterEach(() => run.stop())

  const conditions = (...list: NodeCondition[]) => ({ type: 'strategic', body: { status: { conditions: list } } }) as const
  const report = (name: string, ...list: NodeCondition[]) =>
    run.client.resource<Node>(resources.nodes).patch('', name, conditions(...list), { subresource: 'status' })
  const makeNode = async (name: string, ready = 'True', labels: Record<string, string> = {}) => {
    await run.client.resource<Node>(resources.nodes).create({ metadata: { name, labels } })
    await report(name, { type: 'Ready', status: ready })
    await run.settled()
  }
  const makePod = async (name: string, node: string, tolerations: Toleration[] = []) => {
    await run.client.resource<Pod>(resources.pods).create({
      metadata: { name, namespace: 'default' },
      spec: { nodeName: node, tolerations, terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'i' }] },
    })
    await run.client
      .resource<Pod>(resources.pods)
      .patch('default', name, conditions({ type: 'Ready', status: 'True' }), { subresource: 'status' })
  }
  const beat = (name: string) => {
    const leases = run.client.resource<Lease>(resources.leases)
    const body = { spec: { renewTime: microTimestamp(clock.now()) } }
    return leases.patch('kube-node-lease', name, { type: 'merge', body })
  }
  const taints = async (name: string) =>
    ((await run.get<Node>(resources.nodes, '', name)).spec?.taints ?? []).map(({ key, effect }) => `${key.split('/')[1]}:${effect}`).sort()
  const ready = async (name: string) =>
    (await run.get<Node>(resources.nodes, '', name)).status?.conditions?.find(({ type }) => type === 'Ready')?.status
  const podNames = async () => (await run.list<Pod>(resources.pods, 'default')).map(({ metadata }) => metadata.name).sort()
  const podReady = async (name: string) =>
    (await run.get<Pod>(resources.pods, 'default', name)).status?.conditions?.find(({ type }) => type === 'Ready')?.status
  const events = async (reason: string) => (await run.list<Event>(resources.events)).filter((event) => event.reason === reason)
  const pass = async (ms: number) => {
    await clock.advance(ms)
    await run.settled()
  }

  it('a silent node becomes Unknown and is tainted; its pods are marked and leave as they tolerate it', async () => {
    await makeNode('up')
    await makeNode('n')
    await run.client.resource<Lease>(resources.leases).create({ metadata: { name: 'up', namespace: 'kube-node-lease' }, spec: {} })
    await makePod('quick', 'n', [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 }])
    await makePod('patient', 'n', [{ operator: 'Exists' }])
    for (let at = 0; at < 60; at += 10) {
      await beat('up')
      await pass(10_000)
    }
    expect([await ready('up'), await ready('n'), await taints('up')]).toEqual(['True', 'Unknown', []])
    expect(await taints('n')).toEqual(['unreachable:NoExecute', 'unreachable:NoSchedule'])
    expect([await podReady('quick'), await podReady('patient')]).toEqual(['False', 'False'])
    expect((await events('NodeNotReady')).map(({ involvedObject }) => involvedObject.name).sort()).toEqual(['n', 'patient', 'quick'])
    for (let at = 0; at < 40; at += 10) {
      await beat('up')
      await pass(10_000)
    }
    expect(await podNames()).toEqual(['patient'])
    await report('n', { type: 'Ready', status: 'True', lastHeartbeatTime: '2026-01-01T00:02:00Z' })
    await pass(5_000)
    expect(await taints('n')).toEqual([])
  })

  it('conditions and cordoning become NoSchedule taints at once', async () => {
    await makeNode('n')
    await report('n', { type: 'DiskPressure', status: 'True' }, { type: 'NetworkUnavailable', status: 'True' })
    await run.client.resource(resources.nodes).patch('', 'n', { type: 'merge', body: { spec: { unschedulable: true } } })
    await run.settled()
    expect(await taints('n')).toEqual(['disk-pressure:NoSchedule', 'network-unavailable:NoSchedule', 'unschedulable:NoSchedule'])
    await report('n', { type: 'DiskPressure', status: 'False' }, { type: 'NetworkUnavailable', status: 'False' })
    await run.client.resource(resources.nodes).patch('', 'n', { type: 'merge', body: { spec: { unschedulable: null } } })
    await run.settled()
    expect(await taints('n')).toEqual([])
  })

  it('the beta labels of system and architecture follow the stable ones', async () => {
    await makeNode('n', 'True', { 'kubernetes.io/os': 'linux' })
    expect((await run.get<Node>(resources.nodes, '', 'n')).metadata.labels).toMatchObject({ 'beta.kubernetes.io/os': 'linux' })
  })

  it('nodes of one zone are tainted one every ten seconds', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await makeNode(name)
    await pass(5_000)
    for (const name of ['a', 'b']) await report(name, { type: 'Ready', status: 'False' })
    const noExecute = async () => (await Promise.all(['a', 'b'].map(taints))).filter((list) => list.includes('not-ready:NoExecute')).length
    await pass(5_000)
    expect(await noExecute()).toBe(1)
    await pass(5_000)
    expect(await noExecute()).toBe(1)
    await pass(5_000)
    expect(await noExecute()).toBe(2)
  })

  it('when every node is down nothing is tainted NoExecute', async () => {
    await makeNode('a')
    await makeNode('b')
    await pass(5_000)
    for (const name of ['a', 'b']) await report(name, { type: 'Ready', status: 'False' })
    await pass(30_000)
    expect([...(await taints('a')), ...(await taints('b'))]).toEqual(['not-ready:NoSchedule', 'not-ready:NoSchedule'])
  })

  describe('a NoExecute taint', () => {
    const taint = (...list: { key: string; value?: string; effect: 'NoExecute' }[]) =>
      run.client.resource(resources.nodes).patch('', 'n', { type: 'merge', body: { spec: { taints: list } } })
    const out = { key: 'out', value: 'x', effect: 'NoExecute' } as const

    it('ends pods that do not tolerate it at once, others when their time is over', async () => {
      await makeNode('n')
      await makePod('plain', 'n')
      await makePod('soon', 'n', [{ key: 'out', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 4 }])
      await makePod('stays', 'n', [{ key: 'out', operator: 'Equal', value: 'x', effect: 'NoExecute' }])
      await run.client
        .resource(resources.pods)
        .patch('default', 'plain', { type: 'merge', body: { metadata: { finalizers: ['example.com/hold'] } } })
      await taint(out)
      await run.settled()
      const plain = await run.get<Pod>(resources.pods, 'default', 'plain')
      expect(plain.metadata.deletionTimestamp).toBeDefined()
      expect(plain.status?.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({
        status: 'True',
        reason: 'DeletionByTaintManager',
      })
      await pass(3_900)
      expect(await podNames()).toEqual(['plain', 'soon', 'stays'])
      await pass(200)
      expect(await podNames()).toEqual(['plain', 'stays'])
    })

    it('that is taken off calls the eviction off, and says so once', async () => {
      await makeNode('n')
      await makePod('p', 'n', [{ key: 'out', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }])
      await taint(out)
      await pass(1_500)
      await taint()
      await pass(10_000)
      expect(await podNames()).toEqual(['p'])
      expect((await events('TaintManagerEviction')).map(({ message }) => message)).toEqual(['Cancelling deletion of Pod default/p'])
    })

    it('meets pods that come later too', async () => {
      await makeNode('n')
      await taint(out)
      await makePod('p', 'n').catch(() => undefined)
      await run.settled()
      expect(await podNames()).toEqual([])
    })
  })
})
