import { describe, expect, test } from 'vitest'
import type { Container, Pod } from '../../api/types/core-v1.js'
import type { RuntimeContainer, RuntimePod } from '../runtime.js'
import { type PodView, planRun, planStop } from './plan.js'
import { RestartBackoff } from './restart-backoff.js'

const nowMs = Date.UTC(2026, 0, 1)
const container = (name: string, more: Partial<Container> = {}): Container => ({ name, image: name, ...more })
const sidecar = (name: string) => container(name, { restartPolicy: 'Always' })

function podOf(containers: Container[], initContainers: Container[] = [], restartPolicy: 'Always' | 'OnFailure' | 'Never' = 'Always'): Pod {
  return { metadata: { name: 'p', uid: 'u' }, spec: { containers, initContainers, restartPolicy } }
}

const state = (name: string, of: Partial<RuntimeContainer>): RuntimeContainer => ({
  ...{ name, id: name, image: name, imageId: name, attempt: 0, state: 'running' },
  ...of,
})
const exited = (name: string, exitCode: number, attempt = 0) => state(name, { state: 'exited', exitCode, attempt, finishedAtMs: nowMs })

function viewOf(pod: Pod, states: RuntimeContainer[], more: Partial<PodView> = {}): PodView {
  const runtime: RuntimePod = { uid: 'u', namespace: 'n', name: 'p', ips: ['10.0.0.1'], containers: states }
  const probes = { started: () => true, ready: () => true, alive: () => true }
  return { pod, runtime, probes, backoff: new RestartBackoff(), restartsBefore: () => 0, nowMs, ...more }
}

const starts = (view: PodView) => planRun(view).start.map(({ container: { name }, attempt }) => `${name}#${attempt}`)

describe('a pod that is meant to run', () => {
  test('first gets its sandbox', () => {
    expect(planRun({ ...viewOf(podOf([container('a')]), []), runtime: undefined })).toMatchObject({ sandbox: true, start: [] })
  })

  test('starts init containers one after another, then all main containers', () => {
    const pod = podOf([container('a'), container('b')], [container('i1'), container('i2')])
    expect(starts(viewOf(pod, []))).toEqual(['i1#0'])
    expect(starts(viewOf(pod, [state('i1', {})]))).toEqual([])
    expect(starts(viewOf(pod, [exited('i1', 0)]))).toEqual(['i2#0'])
    expect(starts(viewOf(pod, [exited('i1', 0), exited('i2', 0)]))).toEqual(['a#0', 'b#0'])
  })

  test('goes on past a sidecar once it has started (KEP-753)', () => {
    const pod = podOf([container('a')], [sidecar('s')])
    const notStarted = { started: () => false, ready: () => false, alive: () => true }
    expect(starts(viewOf(pod, [state('s', {})], { probes: notStarted }))).toEqual([])
    expect(starts(viewOf(pod, [state('s', {})]))).toEqual(['a#0'])
  })

  test('restarts what the restart policy says: the first time at once, then after 10 s', () => {
    const pod = podOf([container('a')])
    const backoff = new RestartBackoff()
    expect(starts(viewOf(pod, [exited('a', 0)], { backoff }))).toEqual(['a#1'])
    backoff.restarted('a', nowMs, nowMs)
    const again = planRun(viewOf(pod, [exited('a', 1, 1)], { backoff }))
    expect(again.start).toEqual([])
    expect(again.backingOff).toEqual([{ container: 'a', delayMs: 10_000, untilMs: nowMs + 10_000 }])
    expect(starts(viewOf(pod, [exited('a', 1, 1)], { backoff, nowMs: nowMs + 10_000 }))).toEqual(['a#2'])
  })

  test('does not restart a success under OnFailure, and nothing under Never', () => {
    expect(starts(viewOf(podOf([container('a')], [], 'OnFailure'), [exited('a', 0)]))).toEqual([])
    expect(starts(viewOf(podOf([container('a')], [], 'OnFailure'), [exited('a', 1)]))).toEqual(['a#1'])
    expect(starts(viewOf(podOf([container('a')], [], 'Never'), [exited('a', 1)]))).toEqual([])
  })

  test('restarts by rules of the exit code (KEP-5307)', () => {
    const rules = [{ action: 'Restart' as const, exitCodes: { operator: 'In' as const, values: [42] } }]
    const pod = podOf([container('a', { restartPolicy: 'Never', restartPolicyRules: rules })], [], 'Never')
    expect(starts(viewOf(pod, [exited('a', 42)]))).toEqual(['a#1'])
    expect(starts(viewOf(pod, [exited('a', 1)]))).toEqual([])
  })

  test('stops a container that its liveness probe gave up', () => {
    const probes = { started: () => true, ready: () => false, alive: () => false }
    expect(planRun(viewOf(podOf([container('a')]), [state('a', {})], { probes })).stop).toMatchObject([
      { container: { name: 'a' }, why: 'unhealthy' },
    ])
  })

  test('ends its sidecars when its main containers are over', () => {
    const pod = podOf([container('a')], [sidecar('s')], 'Never')
    expect(planRun(viewOf(pod, [state('s', {}), exited('a', 0)])).stop).toMatchObject([{ container: { name: 's' }, why: 'pod-ends' }])
  })
})

test('a pod that must end: main containers together, then sidecars from the last to the first (KEP-753)', () => {
  const pod = podOf([container('a'), container('b')], [sidecar('s1'), sidecar('s2')])
  const stops = (states: RuntimeContainer[]) => planStop(viewOf(pod, states)).stop.map(({ container: { name } }) => name)
  const sidecars = [state('s1', {}), state('s2', {})]
  expect(stops([...sidecars, state('a', {}), state('b', {})])).toEqual(['a', 'b'])
  expect(stops([...sidecars, exited('a', 0), exited('b', 0)])).toEqual(['s2'])
  expect(stops([state('s1', {}), exited('s2', 0), exited('a', 0), exited('b', 0)])).toEqual(['s1'])
})

test('back-off doubles to five minutes and is forgotten by a container that lasted', () => {
  const backoff = new RestartBackoff()
  const delays: number[] = []
  for (let i = 0, at = nowMs; i < 8; i++) {
    backoff.restarted('a', at, at)
    delays.push(backoff.delayOf('a', at))
    at += delays.at(-1) ?? 0
  }
  expect(delays.map((ms) => ms / 1000)).toEqual([10, 20, 40, 80, 160, 300, 300, 300])
  expect(backoff.delayOf('a', nowMs + 3_600_000)).toBe(0)
})
