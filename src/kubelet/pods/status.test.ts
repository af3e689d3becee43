import { describe, expect, test } from 'vitest'
import type { Container, Pod, PodStatus } from '../../api/types/core-v1.js'
import type { RuntimeContainer, RuntimePod } from '../runtime.js'
import { jsonEqual } from './equal.js'
import { statusOf, type StatusInput } from './status.js'
import { statusPatch } from './status-patch.js'

const nowMs = Date.UTC(2026, 0, 1)
const probes = { started: () => true, ready: ({ state }: RuntimeContainer) => state === 'running', alive: () => true }
const container = (name: string): Container => ({ name, image: name })
const podOf = (names: string[], more: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name: 'p', uid: 'u', generation: 1 },
  spec: { containers: names.map(container), ...more },
})
const state = (name: string, of: Partial<RuntimeContainer> = {}): RuntimeContainer => ({
  ...{ name, id: `sim://${name}`, image: name, imageId: name, attempt: 0, state: 'running', startedAtMs: nowMs },
  ...of,
})
const exited = (name: string, exitCode: number) => state(name, { state: 'exited', exitCode, finishedAtMs: nowMs })

function statusWith(pod: Pod, states: RuntimeContainer[] | undefined, more: Partial<StatusInput> = {}): PodStatus {
  const runtime: RuntimePod | undefined = states && { uid: 'u', namespace: 'n', name: 'p', ips: ['10.0.0.1'], containers: states }
  return statusOf({
    ...{ pod, old: {}, runtime, probes, waiting: new Map(), verdict: undefined, ending: false, isStatic: false },
    ...{ hostIps: ['172.18.0.2'], nowMs },
    ...more,
  })
}

const conditions = (status: PodStatus) =>
  Object.fromEntries((status.conditions ?? []).map(({ type, status: is, reason }) => [type, reason ? `${is} ${reason}` : is]))

describe('the status of a pod', () => {
  test('before its sandbox: Pending, containers are being created', () => {
    const status = statusWith(podOf(['a']), undefined)
    expect(status.phase).toBe('Pending')
    expect(status.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'ContainerCreating' } })
    expect(conditions(status)).toMatchObject({ PodReadyToStartContainers: 'False', Ready: 'False ContainersNotReady', Initialized: 'True' })
  })

  test('running: Ready, with addresses and the start time', () => {
    const status = statusWith(podOf(['a']), [state('a')])
    expect(status).toMatchObject({ phase: 'Running', podIP: '10.0.0.1', hostIP: '172.18.0.2', startTime: '2026-01-01T00:00:00Z' })
    expect(conditions(status)).toEqual({
      ...{ PodReadyToStartContainers: 'True', Initialized: 'True', Ready: 'True', ContainersReady: 'True', PodScheduled: 'True' },
    })
  })

  test('one container of two runs: still Pending', () => {
    expect(statusWith(podOf(['a', 'b']), [state('a')]).phase).toBe('Pending')
  })

  test('over: Succeeded only when every exit was 0, Failed when one was not', () => {
    const never = { restartPolicy: 'Never' as const }
    expect(statusWith(podOf(['a', 'b'], never), [exited('a', 0), exited('b', 0)]).phase).toBe('Succeeded')
    expect(statusWith(podOf(['a', 'b'], never), [exited('a', 0), exited('b', 1)]).phase).toBe('Failed')
    expect(conditions(statusWith(podOf(['a'], never), [exited('a', 0)]))).toMatchObject({
      Ready: 'False PodCompleted',
      PodReadyToStartContainers: 'False',
    })
  })

  test('waits for its next attempt: CrashLoopBackOff, and how the last one ended', () => {
    const waiting = new Map([['a', { reason: 'CrashLoopBackOff', message: 'back-off 10s' }]])
    const status = statusWith(podOf(['a']), [exited('a', 1)], { waiting })
    expect(status.phase).toBe('Running')
    expect(status.containerStatuses?.[0]).toMatchObject({
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 1, reason: 'Error' } },
    })
  })

  test('a phase that ended stays, and is not told before the last container has ended', () => {
    const verdict = { reason: 'DeadlineExceeded', message: 'too long' }
    const input = { verdict, ending: true, old: { phase: 'Running' as const } }
    expect(statusWith(podOf(['a']), [state('a')], input)).toMatchObject({ phase: 'Running', reason: 'DeadlineExceeded' })
    expect(statusWith(podOf(['a']), [exited('a', 143)], input).phase).toBe('Failed')
    expect(statusWith(podOf(['a']), [state('a')], { old: { phase: 'Failed' } }).phase).toBe('Failed')
  })

  test('Ready waits for readiness gates (KEP-580)', () => {
    const pod = podOf(['a'], { readinessGates: [{ conditionType: 'example.com/gate' }] })
    expect(conditions(statusWith(pod, [state('a')])).Ready).toBe('False ReadinessGatesNotReady')
    const old: PodStatus = { conditions: [{ type: 'example.com/gate', status: 'True' }] }
    expect(conditions(statusWith(pod, [state('a')], { old })).Ready).toBe('True')
  })

  test('lastTransitionTime stays while the status of a condition does', () => {
    const old = statusWith(podOf(['a']), [state('a')])
    const later = statusWith(podOf(['a']), [state('a')], { old, nowMs: nowMs + 60_000 })
    expect(later.conditions).toEqual(old.conditions)
    expect(statusPatch('u', old, later)).toBeUndefined()
  })
})

test('a patch has only what differs, and takes away a reason that is no longer there', () => {
  const old = statusWith(podOf(['a']), undefined)
  const patch = statusPatch('u', old, statusWith(podOf(['a']), [state('a')])) as unknown as { status: PodStatus; metadata: object }
  expect(patch.metadata).toEqual({ uid: 'u' })
  expect(Object.keys(patch.status).sort()).toEqual(['conditions', 'containerStatuses', 'phase', 'podIP', 'podIPs'])
  expect(patch.status.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True', reason: null, message: null })
})

test('what Go writes out as empty says nothing', () => {
  expect(jsonEqual({ name: 'a', lastState: {}, list: [] }, { name: 'a' })).toBe(true)
  expect(jsonEqual({ name: 'a', lastState: {} }, { name: 'a', lastState: { running: { startedAt: 't' } } })).toBe(false)
  expect(jsonEqual({ a: 0 }, {})).toBe(false)
})
