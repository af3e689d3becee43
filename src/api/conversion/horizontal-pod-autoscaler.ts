/** autoscaling/v1 knows CPU alone; what else a v2 autoscaler has rides along in annotations, as upstream does it. */
import type { UnknownObject } from '../object.js'
import { annotatedCondition, annotatedMetric, annotatedStatus, metricOf, statusOf } from './autoscaler-metrics.js'
import type {
  HorizontalPodAutoscalerSpec as SpecV2,
  HorizontalPodAutoscalerStatus as StatusV2,
  MetricSpec,
} from '../types/autoscaling-v2.js'

const annotations = {
  metrics: 'autoscaling.alpha.kubernetes.io/metrics',
  currentMetrics: 'autoscaling.alpha.kubernetes.io/current-metrics',
  conditions: 'autoscaling.alpha.kubernetes.io/conditions',
  behavior: 'autoscaling.alpha.kubernetes.io/behavior',
} as const

interface SpecV1 {
  scaleTargetRef: SpecV2['scaleTargetRef']
  minReplicas?: number
  maxReplicas: number
  targetCPUUtilizationPercentage?: number
}

const isCpu = (metric: MetricSpec) =>
  metric.type === 'Resource' && metric.resource?.name === 'cpu' && metric.resource.target?.type === 'Utilization'

const defaultUtilization = 80
const cpuMetric = (averageUtilization: number): MetricSpec =>
  ({ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } }) as MetricSpec

export function autoscalerFromV2(object: UnknownObject): UnknownObject {
  const { metrics = [], behavior, ...spec } = (object.spec ?? { maxReplicas: 0, scaleTargetRef: { kind: '', name: '' } }) as SpecV2
  const { currentMetrics, conditions, ...status } = (object.status ?? {}) as Partial<StatusV2>
  const cpu = metrics.find(isCpu)
  const others = metrics.filter((metric) => metric !== cpu)
  const utilization = cpu?.resource?.target?.averageUtilization
  const current = currentMetrics?.find((metric) => metric.resource?.name === 'cpu')?.resource?.current?.averageUtilization
  const extra: Record<string, string> = {}
  if (others.length) extra[annotations.metrics] = JSON.stringify(others.map(annotatedMetric))
  if (currentMetrics?.length) extra[annotations.currentMetrics] = JSON.stringify(currentMetrics.map(annotatedStatus))
  if (conditions?.length) extra[annotations.conditions] = JSON.stringify(conditions.map(annotatedCondition))
  if (behavior) extra[annotations.behavior] = JSON.stringify(behavior)
  const kept = { ...object.metadata.annotations, ...extra }
  return {
    ...object,
    apiVersion: 'autoscaling/v1',
    metadata: { ...object.metadata, ...(Object.keys(kept).length ? { annotations: kept } : {}) },
    spec: { ...spec, ...(utilization === undefined ? {} : { targetCPUUtilizationPercentage: utilization }) },
    status: {
      currentReplicas: 0,
      desiredReplicas: 0,
      ...status,
      ...(current === undefined ? {} : { currentCPUUtilizationPercentage: current }),
    },
  }
}

export function autoscalerToV2(object: UnknownObject): UnknownObject {
  const { targetCPUUtilizationPercentage: utilization, ...spec } = (object.spec ?? {}) as SpecV1
  const { currentCPUUtilizationPercentage: _, ...status } = (object.status ?? {}) as Record<string, unknown>
  const kept = { ...object.metadata.annotations }
  const take = (name: string): unknown => {
    const text = kept[name]
    delete kept[name]
    if (text === undefined) return undefined
    try {
      return JSON.parse(text) as unknown
    } catch {
      // Written by hand: it says nothing.
      return undefined
    }
  }
  const cpu = utilization === undefined ? [] : [cpuMetric(utilization)]
  const others = take(annotations.metrics)
  const given = [...(Array.isArray(others) ? others.map(metricOf) : []), ...cpu]
  // Whether there is anything to scale by is only known here, with the annotations read.
  const metrics = given.length > 0 ? given : [cpuMetric(defaultUtilization)]
  const behavior = take(annotations.behavior)
  const currentMetrics = take(annotations.currentMetrics)
  const conditions = take(annotations.conditions)
  const { annotations: __, ...metadata } = object.metadata
  return {
    ...object,
    apiVersion: 'autoscaling/v2',
    metadata: { ...metadata, ...(Object.keys(kept).length ? { annotations: kept } : {}) },
    spec: { ...spec, ...(metrics.length ? { metrics } : {}), ...(behavior ? { behavior } : {}) },
    status: {
      ...status,
      currentMetrics: Array.isArray(currentMetrics) ? currentMetrics.map(statusOf) : null,
      ...(conditions ? { conditions } : {}),
    },
  }
}
