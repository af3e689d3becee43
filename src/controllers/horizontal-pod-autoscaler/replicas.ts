/**
 * How many pods a metric asks for (HorizontalPodAutoscaler documentation, "Algorithm details"): the ratio of use to target, with
 * pods that are not ready, and those without a metric, counted so that they never make the change bigger. Pure.
 */
import type { Pod } from '../../api/types/core-v1.js'
import { podCondition } from '../common/pods.js'

/** Of one pod, in thousandths. */
export interface PodMetric {
  readonly value: number
  readonly atMs: number
  readonly windowMs: number
}

export interface Readiness {
  readonly cpuInitializationMs: number
  readonly initialReadinessDelayMs: number
}

export interface Asked {
  readonly current: number
  readonly pods: readonly Pod[]
  /** By pod name. */
  readonly metrics: ReadonlyMap<string, PodMetric>
  readonly isCpu: boolean
  readonly readiness: Readiness
  /** How far from 1 the ratio may be without any change. */
  readonly tolerance: number
  readonly nowMs: number
}

export interface Answer {
  readonly replicas: number
  /** Percent of the requests, where the target is one. */
  readonly utilization?: number
  /** Of all pods that count, in thousandths. */
  readonly average: number
}

interface Groups {
  readonly ready: Map<string, number>
  readonly unready: readonly string[]
  readonly missing: readonly string[]
}

function groupPods({ pods, metrics, isCpu, readiness, nowMs }: Asked): Groups {
  const ready = new Map<string, number>()
  const unready: string[] = []
  const missing: string[] = []
  for (const pod of pods) {
    const name = pod.metadata.name ?? ''
    if (pod.metadata.deletionTimestamp || pod.status?.phase === 'Failed') continue
    const metric = metrics.get(name)
    if (pod.status?.phase === 'Pending') unready.push(name)
    else if (!metric) missing.push(name)
    else if (isCpu && isStarting(pod, metric, readiness, nowMs)) unready.push(name)
    else ready.set(name, metric.value)
  }
  return { ready, unready, missing }
}

/** Its CPU use says nothing yet: it starts, or was measured before it was ready. */
function isStarting(pod: Pod, metric: PodMetric, { cpuInitializationMs, initialReadinessDelayMs }: Readiness, nowMs: number): boolean {
  const condition = podCondition(pod, 'Ready')
  if (!condition || !pod.status?.startTime) return true
  const startMs = Date.parse(pod.status.startTime)
  const changedMs = Date.parse(condition.lastTransitionTime ?? pod.status.startTime)
  const isReady = condition.status === 'True'
  if (startMs + cpuInitializationMs > nowMs) return !isReady || metric.atMs < changedMs + metric.windowMs
  return !isReady && startMs + initialReadinessDelayMs > changedMs
}

/** `requests` in thousandths by pod name. Throws with upstream's words when nothing can be said. */
export function replicasByUtilization(asked: Asked, requests: ReadonlyMap<string, number>, targetPercent: number): Answer {
  const measure = (values: ReadonlyMap<string, number>) => {
    let used = 0
    let requested = 0
    for (const [name, value] of values) {
      const request = requests.get(name)
      if (request === undefined) continue
      used += value
      requested += request
    }
    if (requested === 0) throw new Error('no metrics returned matched known pods')
    const utilization = Math.trunc((used * 100) / requested)
    return { ratio: utilization / targetPercent, utilization, average: Math.trunc(used / values.size) }
  }
  // A pod that is not measured is taken to use all that it asks for before others are ended for want of use.
  const full = (name: string) => ((requests.get(name) ?? 0) * Math.max(100, targetPercent)) / 100
  return replicasOf(asked, measure, full)
}

export function replicasByAverage(asked: Asked, target: number): Answer {
  const measure = (values: ReadonlyMap<string, number>) => {
    const average = Math.trunc([...values.values()].reduce((sum, value) => sum + value, 0) / values.size)
    return { ratio: average / target, average }
  }
  return replicasOf(asked, measure, () => target)
}

type Measure = (values: ReadonlyMap<string, number>) => { ratio: number; average: number; utilization?: number }

function replicasOf(asked: Asked, measure: Measure, assumedWhenLow: (pod: string) => number): Answer {
  const { current, tolerance } = asked
  const { ready, unready, missing } = groupPods(asked)
  if (ready.size === 0) throw new Error('did not receive metrics for targeted pods (pods might be unready)')
  const { ratio, ...seen } = measure(ready)
  const isNear = (value: number) => Math.abs(1 - value) <= tolerance
  const countsUnready = unready.length > 0 && ratio > 1
  if (!countsUnready && missing.length === 0) return { replicas: isNear(ratio) ? current : Math.ceil(ratio * ready.size), ...seen }
  const values = new Map(ready)
  if (ratio < 1) for (const name of missing) values.set(name, assumedWhenLow(name))
  else if (ratio > 1) for (const name of missing) values.set(name, 0)
  if (countsUnready) for (const name of unready) values.set(name, 0)
  const careful = measure(values).ratio
  const turned = (ratio < 1 && careful > 1) || (ratio > 1 && careful < 1)
  const replicas = Math.ceil(careful * values.size)
  const against = (careful < 1 && replicas > current) || (careful > 1 && replicas < current)
  return { replicas: isNear(careful) || turned || against ? current : replicas, ...seen }
}

/** For a value of something else than the pods: `ready` pods share it. */
export function replicasByValue({ current, tolerance }: Pick<Asked, 'current' | 'tolerance'>, ratio: number, ready: number): number {
  if (current === 0) return Math.ceil(ratio)
  return Math.abs(1 - ratio) <= tolerance ? current : Math.ceil(ratio * ready)
}
