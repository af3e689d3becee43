import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Deployment } from '../../api/types/apps-v1.js'
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec } from '../../api/types/autoscaling-v2.js'
import type { Event, Pod } from '../../api/types/core-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { defaultControllerOptions } from '../options.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { horizontalPodAutoscalerController } from './horizontal-pod-autoscaler.js'
import { limitReplicas, type LimitsInput } from './limits.js'
import { type Asked, replicasByAverage, replicasByUtilization } from './replicas.js'

const labels = { app: 'web' }
const deployment = (replicas: number): Deployment => ({
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
})
const autoscaler = (spec: Partial<HorizontalPodAutoscalerSpec> = {}): HorizontalPodAutoscaler => ({
  metadata: { name: 'web', namespace: 'default' },
  spec: { minReplicas: 2, maxReplicas: 5, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, ...spec },
})

describe('horizontal-pod-autoscaler-controller', () => {
  let clock: VirtualClock
  let running: TestControllers
  beforeEach(async () => {
    clock = new VirtualClock()
    running = await runTestControllers({
      controllers: [horizontalPodAutoscalerController(defaultControllerOptions.horizontalPodAutoscaler)],
      clock,
    })
  })
  afterEach(() => running.stop())

  const create = async (replicas: number | undefined, spec?: Partial<HorizontalPodAutoscalerSpec>) => {
    if (replicas !== undefined) await running.client.resource<Deployment>(resources.deployments).create(deployment(replicas))
    await running.client.resource<HorizontalPodAutoscaler>(resources.horizontalPodAutoscalers).create(autoscaler(spec))
    await clock.advance(1_000)
    await running.settled()
  }
  const status = async () => (await running.get<HorizontalPodAutoscaler>(resources.horizontalPodAutoscalers, 'default', 'web')).status
  const size = async () => (await running.get<Deployment>(resources.deployments, 'default', 'web')).spec?.replicas
  const reasons = async () =>
    Object.fromEntries(((await status())?.conditions ?? []).map(({ type, status: is, reason }) => [type, `${is} ${reason}`]))

  it('says that its target is missing', async () => {
    await create(undefined)
    expect(await reasons()).toEqual({ AbleToScale: 'False FailedGetScale' })
  })

  it('brings a target that is out of bounds back, without any metric', async () => {
    await create(9)
    expect(await size()).toBe(5)
    expect(await status()).toMatchObject({ currentReplicas: 9, desiredReplicas: 5, lastScaleTime: expect.any(String) as string })
    expect(await reasons()).toEqual({ AbleToScale: 'True SucceededRescale' })
    const events = await running.list<Event>(resources.events, 'default')
    expect(events.map(({ reason, message }) => `${reason}: ${message}`)).toContain(
      'SuccessfulRescale: New size: 5; reason: Current number of replicas above Spec.MaxReplicas',
    )
  })

  it('leaves a target of size zero off', async () => {
    await create(0)
    expect(await size()).toBe(0)
    expect(await reasons()).toEqual({ AbleToScale: 'True SucceededGetScale', ScalingActive: 'False ScalingDisabled' })
  })

  it('leaves the size alone when metrics cannot be had, and says so', async () => {
    await create(3, { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }] })
    expect(await size()).toBe(3)
    expect(await status()).toMatchObject({ currentReplicas: 3, desiredReplicas: 0 })
    expect(await reasons()).toEqual({ AbleToScale: 'True SucceededGetScale', ScalingActive: 'False FailedGetResourceMetric' })
  })

  it('looks again every sync period', async () => {
    await create(3, { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }] })
    await running.client.resource(resources.deployments).patch('default', 'web', { type: 'merge', body: { spec: { replicas: 9 } } })
    await clock.advance(15_000)
    await running.settled()
    expect(await size()).toBe(5)
  })
})

const pod = (name: string, more: Partial<Pod['status']> = {}): Pod => ({
  metadata: { name },
  status: {
    phase: 'Running',
    startTime: '2026-01-01T00:00:00Z',
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:10Z' }],
    ...more,
  },
})
const nowMs = Date.parse('2026-01-01T01:00:00Z')

function asked(uses: readonly (number | undefined)[], more: Partial<Asked> = {}): Asked {
  const pods = uses.map((_, i) => pod(`p${i}`))
  const metrics = new Map(uses.flatMap((value, i) => (value === undefined ? [] : [[`p${i}`, { value, atMs: nowMs, windowMs: 30_000 }]])))
  const readiness = { cpuInitializationMs: 300_000, initialReadinessDelayMs: 30_000 }
  return { current: uses.length, pods, metrics, isCpu: true, readiness, tolerance: 0.1, nowMs, ...more }
}
const requests = new Map(Array.from({ length: 10 }, (_, i) => [`p${i}`, 1000] as const))

describe('replicas by metric', () => {
  it('scales by the ratio of use to target', () => {
    expect(replicasByUtilization(asked([900, 900, 900]), requests, 30)).toEqual({ replicas: 9, utilization: 90, average: 900 })
    expect(replicasByAverage(asked([100, 300]), 100).replicas).toBe(4)
  })
  it('does nothing within the tolerance', () => {
    expect(replicasByUtilization(asked([540, 540]), requests, 50).replicas).toBe(2)
  })
  it('takes a pod without a metric for idle when growing, and for fully used when shrinking', () => {
    expect(replicasByUtilization(asked([1000, 1000, undefined]), requests, 50).replicas).toBe(4)
    expect(replicasByUtilization(asked([100, 100, undefined]), requests, 50).replicas).toBe(3)
  })
  it('takes pods that are not ready for idle when growing', () => {
    const input = asked([1000, 1000])
    const unready = { ...input, current: 3, pods: [...input.pods, pod('p2', { phase: 'Pending' })] }
    expect(replicasByUtilization(unready, requests, 50).replicas).toBe(4)
  })
  it('says nothing without any pod that counts', () => {
    expect(() => replicasByUtilization(asked([undefined]), requests, 50)).toThrow('did not receive metrics for targeted pods')
  })
})

describe('limits of scaling', () => {
  const input = (more: Partial<LimitsInput>): LimitsInput => ({
    ...{ current: 10, proposed: 10, min: 1, max: 100, behavior: undefined, downscaleStabilizationMs: 300_000, nowMs },
    past: { recommendations: [], ups: [], downs: [] },
    ...more,
  })
  const outcome = (more: Partial<LimitsInput>) => {
    const { replicas, conditions } = limitReplicas(input(more))
    return [replicas, ...conditions.map(({ status, reason }) => `${status} ${reason}`)]
  }
  const recommended = (replicas: number, secondsAgo: number) => ({ replicas, atMs: nowMs - secondsAgo * 1000 })

  it('at most doubles without rules of its own', () => {
    expect(outcome({ proposed: 50 })).toEqual([20, 'True ReadyForNewScale', 'True ScaleUpLimit'])
    expect(outcome({ current: 1, proposed: 50 })).toEqual([4, 'True ReadyForNewScale', 'True ScaleUpLimit'])
    expect(outcome({ proposed: 18, max: 15 })).toEqual([15, 'True ReadyForNewScale', 'True TooManyReplicas'])
  })
  it('shrinks only when nothing higher was recommended in five minutes', () => {
    const past = { recommendations: [recommended(8, 100), recommended(30, 400)], ups: [], downs: [] }
    expect(outcome({ proposed: 3, past })).toEqual([8, 'True ScaleDownStabilized', 'False DesiredWithinRange'])
    expect(outcome({ proposed: 3, past: { ...past, recommendations: [] } })).toEqual([
      3,
      'True ReadyForNewScale',
      'False DesiredWithinRange',
    ])
  })
  it('keeps to the rate of its policies over their periods', () => {
    const scaleUp = { policies: [{ type: 'Pods', value: 3, periodSeconds: 60 }] }
    const ups = [{ atMs: nowMs - 30_000, by: 2 }]
    expect(outcome({ proposed: 20, behavior: { scaleUp } })[0]).toBe(13)
    expect(outcome({ proposed: 20, behavior: { scaleUp }, past: { recommendations: [], ups, downs: [] } })[0]).toBe(11)
    const scaleDown = {
      selectPolicy: 'Min',
      policies: [
        { type: 'Pods', value: 4, periodSeconds: 60 },
        { type: 'Percent', value: 10, periodSeconds: 60 },
      ],
    }
    expect(outcome({ proposed: 1, behavior: { scaleDown } })).toEqual([9, 'True ReadyForNewScale', 'True ScaleDownLimit'])
    expect(outcome({ proposed: 1, behavior: { scaleDown: { selectPolicy: 'Disabled' } } })[0]).toBe(10)
  })
})
