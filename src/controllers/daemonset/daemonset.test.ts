import { afterEach, describe, expect, it } from 'vitest'
import type { ControllerRevision, DaemonSet } from '../../api/types/apps-v1.js'
import type { Node, Pod } from '../../api/types/core-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { defaultServiceAccount, play, type Play } from '../testdata/pods.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { targetNode } from './daemon-pods.js'
import { daemonSetController } from './daemonset.js'

describe('daemonset-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  async function start(spec: object, nodes = ['a', 'b']) {
    const clock = new VirtualClock()
    const made = await runTestControllers({ controllers: [daemonSetController()], clock, prepare: defaultServiceAccount })
    running = made
    const sets = made.client.resource<DaemonSet>(resources.daemonSets)
    const nodeClient = made.client.resource<Node>(resources.nodes)
    /** New nodes are tainted as not ready; here they are well at once. */
    const addNode = async (name: string, labels: Record<string, string> = {}) => {
      await nodeClient.create({ metadata: { name, labels } })
      await nodeClient.patch('', name, { type: 'merge', body: { spec: { taints: null } } })
      await made.settled()
    }
    for (const name of nodes) await addNode(name)
    const template = { metadata: { labels: { app: 'd', v: 'a' } }, spec: { containers: [{ name: 'c', image: 'one' }] } }
    const body = { selector: { matchLabels: { app: 'd' } }, template, ...spec }
    await sets.create({ metadata: { name: 'd', namespace: 'default' }, spec: body } as DaemonSet)
    await made.settled()
    /** Pods by node and version: "a:v1". */
    const all = () => made.list<Pod>(resources.pods, 'default')
    return {
      ...made,
      clock,
      nodeClient,
      addNode,
      where: async () => (await all()).map((pod) => `${targetNode(pod)}:${pod.metadata.labels?.v}`).sort(),
      status: async () => (await sets.get('default', 'd')).status,
      revisions: async () =>
        (await made.list<ControllerRevision>(resources.controllerRevisions, 'default')).map((each) => each.revision).sort(),
      async patch(change: object) {
        await sets.patch('default', 'd', { type: 'merge', body: { spec: change } })
        await made.settled()
      },
      /** Sets the status of the pods of this version (on this node). */
      async play(what: Play, version: string, node?: string) {
        const chosen = (await all()).filter((pod) => pod.metadata.labels?.v === version && (!node || targetNode(pod) === node))
        await play(made.client, clock, chosen, what)
        await made.settled()
      },
    }
  }

  it('follows nodes that come, change and go', async () => {
    const set = await start({
      template: {
        metadata: { labels: { app: 'd', v: 'a' } },
        spec: { containers: [{ name: 'c', image: 'one' }], nodeSelector: { group: 'x' } },
      },
    })
    expect(await set.where()).toEqual([])
    expect(await set.status()).toMatchObject({ desiredNumberScheduled: 0, observedGeneration: 1 })
    await set.addNode('new', { group: 'x' })
    expect(await set.where()).toEqual(['new:a'])
    await set.nodeClient.patch('', 'a', { type: 'merge', body: { metadata: { labels: { group: 'x' } } } })
    await set.settled()
    await set.play('ready', 'a')
    expect(await set.where()).toEqual(['a:a', 'new:a'])
    expect(await set.status()).toMatchObject({ desiredNumberScheduled: 2, currentNumberScheduled: 2, numberReady: 2, numberAvailable: 2 })
    await set.nodeClient.patch('', 'a', { type: 'merge', body: { metadata: { labels: { group: null } } } })
    await set.settled()
    await set.play('gone', 'a', 'a')
    expect(await set.where()).toEqual(['new:a'])
    expect(await set.status()).toMatchObject({ desiredNumberScheduled: 1, currentNumberScheduled: 1, numberMisscheduled: 0 })
  })

  it('replaces old pods one by one, and keeps the history', async () => {
    const set = await start({})
    await set.play('ready', 'a')
    await set.patch({ template: { metadata: { labels: { v: 'b' } } } })
    // The pod that was ended is gone only when its kubelet says so.
    for (let rounds = 0; rounds < 6; rounds++) {
      const pods = await set.list<Pod>(resources.pods, 'default')
      const ending = pods.filter((pod) => pod.metadata.deletionTimestamp)
      expect(ending.length).toBeLessThanOrEqual(1)
      await play(set.client, set.clock, ending, 'gone')
      await set.settled()
      await set.play('ready', 'b')
    }
    expect(await set.where()).toEqual(['a:b', 'b:b'])
    expect(await set.status()).toMatchObject({ updatedNumberScheduled: 2, numberAvailable: 2 })
    expect(await set.revisions()).toEqual([1, 2])
  })

  it('surges: the old pod goes once the new one is available', async () => {
    const set = await start({ updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }, ['a'])
    await set.play('ready', 'a')
    await set.patch({ template: { metadata: { labels: { v: 'b' } } } })
    expect(await set.where()).toEqual(['a:a', 'a:b'])
    await set.play('ready', 'b')
    await set.play('gone', 'a')
    expect(await set.where()).toEqual(['a:b'])
    expect(await set.status()).toMatchObject({ desiredNumberScheduled: 1, currentNumberScheduled: 1, updatedNumberScheduled: 1 })
  })

  it('OnDelete waits for somebody to delete the pods', async () => {
    const set = await start({ updateStrategy: { type: 'OnDelete' } })
    await set.play('ready', 'a')
    await set.patch({ template: { metadata: { labels: { v: 'b' } } } })
    expect(await set.where()).toEqual(['a:a', 'b:a'])
    await set.play('gone', 'a', 'b')
    expect(await set.where()).toEqual(['a:a', 'b:b'])
  })

  it('replaces a failed pod at once, and the next one after a second', async () => {
    const set = await start({}, ['a'])
    const phases = async () => (await set.list<Pod>(resources.pods, 'default')).map((pod) => pod.status?.phase)
    await set.play('failed', 'a')
    expect(await phases()).toEqual(['Pending'])
    await set.play('failed', 'a')
    expect(await phases()).toEqual(['Failed'])
    await set.clock.advance(1_500)
    await set.settled()
    expect(await phases()).toEqual(['Pending'])
  })
})
