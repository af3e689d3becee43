import { describe, expect, it } from 'vitest'
import type { DaemonSet, DaemonSetSpec } from '../../api/types/apps-v1.js'
import type { Node, Pod } from '../../api/types/core-v1.js'
import { timestamp } from '../../base/clock.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { makeDaemonPod, podsByNode } from './daemon-pods.js'
import { FailedPods } from './failed-pods.js'
import { placementOf } from './nodes.js'
import { daemonSetStatus, manage, rollingUpdate, type Scene } from './plan.js'

const nowMs = Date.UTC(2026, 0, 1)
const setOf = (spec: Partial<DaemonSetSpec> = {}, podSpec: object = {}): DaemonSet => ({
  metadata: { name: 'd', namespace: 'n', uid: 'u', generation: 2, annotations: { 'deprecated.daemonset.template.generation': '2' } },
  spec: { selector: { matchLabels: { app: 'd' } }, template: { spec: { containers: [], ...podSpec } }, ...spec },
})
const node = (name: string, more: { labels?: Record<string, string>; taints?: object[] } = {}): Node => ({
  metadata: { name, labels: more.labels ?? {} },
  ...(more.taints ? { spec: { taints: more.taints as never } } : {}),
})
interface Made {
  hash?: string
  readyForSeconds?: number
  phase?: 'Running' | 'Failed' | 'Succeeded'
  ending?: boolean
  name?: string
  age?: number
}
const pod = (on: string, made: Made = {}): Pod => ({
  metadata: {
    name: made.name ?? `pod-${on}`,
    creationTimestamp: timestamp(nowMs - (made.age ?? 0) * 1000),
    labels: { 'controller-revision-hash': made.hash ?? 'new' },
    ...(made.ending ? { deletionTimestamp: timestamp(nowMs) } : {}),
  },
  spec: { containers: [], nodeName: on },
  status: {
    phase: made.phase ?? 'Running',
    conditions: [
      {
        type: 'Ready',
        status: (made.readyForSeconds ?? 10) >= 0 ? 'True' : 'False',
        lastTransitionTime: timestamp(nowMs - (made.readyForSeconds ?? 10) * 1000),
      },
    ],
  },
})
const scene = (set: DaemonSet, nodes: Node[], pods: Pod[]): Scene => ({
  ...{ set, nodes, pods: podsByNode(pods), placement: placementOf(set), hash: 'new', nowMs },
})
const names = (steps: { create: readonly string[]; delete: readonly Pod[] }) => ({
  create: [...steps.create],
  delete: steps.delete.map((each) => each.metadata.name),
})
const managed = (set: DaemonSet, nodes: Node[], pods: Pod[], mayReplace = true) => names(manage(scene(set, nodes, pods), () => mayReplace))
const rolled = (set: DaemonSet, nodes: Node[], pods: Pod[]) => names(rollingUpdate(scene(set, nodes, pods)))
const nothing = { create: [], delete: [] }
const old = { hash: 'old' }
const unready = { readyForSeconds: -1 }

describe('which nodes a DaemonSet runs on', () => {
  const place = (podSpec: object, on: Node) => placementOf(setOf({}, podSpec))(on)
  it('follows the node selector, required affinity and node name', () => {
    expect(place({ nodeSelector: { a: 'b' } }, node('x'))).toEqual({ run: false, stay: false })
    expect(place({ nodeSelector: { a: 'b' } }, node('x', { labels: { a: 'b' } }))).toEqual({ run: true, stay: true })
    expect(place({ nodeName: 'y' }, node('x'))).toEqual({ run: false, stay: false })
  })
  it('a new NoSchedule taint ends no pod, a NoExecute taint does', () => {
    expect(place({}, node('x', { taints: [{ key: 'k', effect: 'NoSchedule' }] }))).toEqual({ run: false, stay: true })
    expect(place({}, node('x', { taints: [{ key: 'k', effect: 'NoExecute' }] }))).toEqual({ run: false, stay: false })
    expect(place({}, node('x', { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] }))).toEqual({ run: true, stay: true })
  })
  it('runs on nodes that are cordoned or in trouble', () => {
    const taints = [
      { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' },
      { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' },
      { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' },
    ]
    expect(place({}, node('x', { taints }))).toEqual({ run: true, stay: true })
    const network = { taints: [{ key: 'node.kubernetes.io/network-unavailable', effect: 'NoSchedule' }] }
    expect(place({}, node('x', network)).run).toBe(false)
    expect(place({ hostNetwork: true }, node('x', network)).run).toBe(true)
  })
})

describe('a daemon pod', () => {
  it('is meant for one node and says what it was made from', () => {
    const tolerations = [{ key: 'mine', operator: 'Exists' }]
    const made = makeDaemonPod(setOf({}, { tolerations, affinity: { podAffinity: {} } }), 'x', 'abc')
    expect(made.metadata.labels).toEqual({ 'controller-revision-hash': 'abc', 'pod-template-generation': '2' })
    expect(made.spec?.affinity).toEqual({
      podAffinity: {},
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['x'] }] }],
        },
      },
    })
    expect(made.spec?.tolerations?.map((each) => each.key)).toEqual([
      'mine',
      ...['not-ready', 'unreachable', 'disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable'].map(
        (key) => `node.kubernetes.io/${key}`,
      ),
    ])
    expect(podsByNode([made]).get('x')).toEqual([made])
  })
})

describe('managing', () => {
  const tainted = node('t', { taints: [{ key: 'k', effect: 'NoSchedule' }] })
  it('makes a pod where one should run, and ends those that may not stay', () => {
    expect(managed(setOf(), [node('a'), node('b'), tainted], [pod('a')])).toEqual({ create: ['b'], delete: [] })
    expect(managed(setOf(), [tainted], [pod('t')])).toEqual(nothing)
    expect(managed(setOf({}, { nodeSelector: { a: 'b' } }), [node('a')], [pod('a')])).toEqual({ create: [], delete: ['pod-a'] })
  })
  it('keeps the oldest of several', () => {
    const pods = [pod('a', { name: 'young' }), pod('a', { name: 'older', age: 9 })]
    expect(managed(setOf(), [node('a')], pods)).toEqual({ create: [], delete: ['young'] })
  })
  it('replaces pods that have ended, failed ones when they have waited', () => {
    const pods = [pod('a', { phase: 'Failed' }), pod('b', { phase: 'Succeeded' })]
    expect(managed(setOf(), [node('a'), node('b')], pods)).toEqual({ create: [], delete: ['pod-a', 'pod-b'] })
    expect(managed(setOf(), [node('a'), node('b')], pods, false)).toEqual({ create: [], delete: ['pod-b'] })
    expect(managed(setOf(), [node('a')], [pod('a', { phase: 'Failed', ending: true })])).toEqual({ create: ['a'], delete: [] })
    expect(managed(setOf(), [node('a')], [pod('a', { ending: true })])).toEqual(nothing)
  })
  it('ends pods that wait for a node that has gone', () => {
    const waiting = makeDaemonPod(setOf(), 'gone', 'new')
    expect(managed(setOf(), [], [{ ...waiting, metadata: { ...waiting.metadata, name: 'w' } }, pod('other')])).toEqual({
      create: [],
      delete: ['w'],
    })
  })
  it('while surging keeps a ready old pod beside a new one that is not available', () => {
    const set = setOf({ updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } })
    const both = (before: Made, after: Made) => [pod('a', { ...old, ...before, name: 'old', age: 9 }), pod('a', { ...after, name: 'new' })]
    expect(managed(set, [node('a')], both({}, unready))).toEqual(nothing)
    expect(managed(set, [node('a')], both(unready, unready))).toEqual({ create: [], delete: ['old'] })
    expect(managed(set, [node('a')], both({}, {}))).toEqual({ create: [], delete: ['old'] })
    expect(managed(set, [node('a')], [pod('a', { ending: true })])).toEqual({ create: ['a'], delete: [] })
  })
})

describe('a rolling update', () => {
  const nodes = ['a', 'b', 'c', 'd'].map((name) => node(name))
  const unavailable = (maxUnavailable: number | string) => setOf({ updateStrategy: { rollingUpdate: { maxUnavailable, maxSurge: 0 } } })
  it('replaces as many old pods as may be unavailable', () => {
    const pods = nodes.map((each) => pod(each.metadata.name ?? '', old))
    expect(rolled(setOf(), nodes, pods)).toEqual({ create: [], delete: ['pod-a'] })
    expect(rolled(unavailable('50%'), nodes, pods)).toEqual({ create: [], delete: ['pod-a', 'pod-b'] })
    // Neither surge nor unavailability allowed would never move.
    expect(rolled(unavailable(0), nodes, pods)).toEqual({ create: [], delete: ['pod-a'] })
    expect(rolled(setOf({ updateStrategy: { type: 'OnDelete' } }), nodes, pods)).toEqual(nothing)
  })
  it('counts what is unavailable already, and replaces broken old pods in any case', () => {
    expect(rolled(unavailable(2), nodes, [pod('a', unready), pod('b', old), pod('c', old), pod('d', old)])).toEqual({
      create: [],
      delete: ['pod-b'],
    })
    expect(rolled(unavailable(1), nodes, [pod('b', old), pod('c', old), pod('d', old)])).toEqual(nothing)
    expect(
      rolled(unavailable(1), nodes, [pod('a', old), pod('b', { ...old, ...unready }), pod('c', { ...old, ...unready }), pod('d')]),
    ).toEqual({
      create: [],
      delete: ['pod-b', 'pod-c'],
    })
  })
  it('surges: a new pod first, the old one goes when the new one is available', () => {
    const set = setOf({ updateStrategy: { rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 } } })
    const pods = nodes.map((each) => pod(each.metadata.name ?? '', old))
    expect(rolled(set, nodes, pods)).toEqual({ create: ['a'], delete: [] })
    expect(rolled(set, nodes, [...pods, pod('a', { ...unready, name: 'new' })])).toEqual(nothing)
    expect(rolled(set, nodes, [...pods, pod('a', { name: 'new' })])).toEqual({ create: ['b'], delete: ['pod-a'] })
    expect(rolled(set, nodes, [pod('a', { ...old, ...unready }), ...pods.slice(1)])).toEqual({ create: ['a', 'b'], delete: [] })
  })
})

describe('status', () => {
  it('counts nodes, not pods', () => {
    const nodes = [node('a'), node('b'), node('c'), node('t', { taints: [{ key: 'k', effect: 'NoSchedule' }] })]
    const pods = [pod('a'), pod('a', { ...old, name: 'young', age: -5 }), pod('b', { ...old, ...unready }), pod('t')]
    expect(daemonSetStatus(scene(setOf(), nodes, pods), true)).toEqual({
      ...{ desiredNumberScheduled: 3, currentNumberScheduled: 2, numberMisscheduled: 1, numberReady: 1 },
      ...{ updatedNumberScheduled: 1, numberAvailable: 1, numberUnavailable: 2, observedGeneration: 2 },
    })
  })
})

describe('replacing failed pods', () => {
  it('waits ever longer on one node', async () => {
    const clock = new VirtualClock()
    const failed = new FailedPods(clock)
    expect(failed.waitMs('x')).toBe(0)
    expect(failed.waitMs('x')).toBe(1000)
    expect(failed.waitMs('y')).toBe(0)
    await clock.advance(1000)
    expect(failed.waitMs('x')).toBe(0)
    expect(failed.waitMs('x')).toBe(2000)
  })
})
