/** Metrics as autoscaling/v1 writes them into an annotation: the form of before v2, with a field a kind of target. */
import type { HorizontalPodAutoscalerCondition, MetricSpec, MetricStatus, MetricTarget } from '../types/autoscaling-v2.js'

interface Annotated {
  readonly type: MetricSpec['type']
  readonly resource?: { readonly name: string } & Targets
  readonly containerResource?: { readonly name: string; readonly container: string } & Targets
  readonly pods?: { readonly metricName: string; readonly selector?: object; readonly targetAverageValue: string }
  readonly object?: {
    readonly target: object
    readonly metricName: string
    readonly targetValue: string
    readonly selector?: object
    readonly averageValue?: string
  }
  readonly external?: {
    readonly metricName: string
    readonly metricSelector?: object
    readonly targetValue?: string
    readonly targetAverageValue?: string
  }
}

interface Targets {
  readonly targetAverageUtilization?: number
  readonly targetAverageValue?: string
}

const present = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T

export function annotatedMetric(metric: MetricSpec): Annotated {
  const { type, resource, containerResource, pods, object, external } = metric
  const targets = (target: MetricTarget | undefined): Targets =>
    ({
      targetAverageUtilization: target?.averageUtilization,
      targetAverageValue: target?.averageValue,
    }) as Targets
  return present({
    type,
    object:
      object &&
      present({
        target: object.describedObject,
        metricName: object.metric.name,
        targetValue: object.target.value ?? '0',
        selector: object.metric.selector,
        averageValue: object.target.averageValue,
      }),
    pods:
      pods &&
      present({ metricName: pods.metric.name, targetAverageValue: pods.target.averageValue ?? '0', selector: pods.metric.selector }),
    resource: resource && present({ name: resource.name, ...targets(resource.target) }),
    containerResource:
      containerResource &&
      present({ name: containerResource.name, ...targets(containerResource.target), container: containerResource.container }),
    external:
      external &&
      present({
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        targetValue: external.target.value,
        targetAverageValue: external.target.averageValue,
      }),
  }) as Annotated
}

export function metricOf(value: unknown): MetricSpec {
  const { type, resource, containerResource, pods, object, external } = value as Annotated
  const byTargets = ({ targetAverageUtilization, targetAverageValue }: Targets): MetricTarget =>
    present({
      type: targetAverageUtilization === undefined ? 'AverageValue' : 'Utilization',
      averageUtilization: targetAverageUtilization,
      averageValue: targetAverageValue,
    }) as MetricTarget
  const identifier = (name: string, selector: object | undefined) => present({ name, selector })
  return present({
    type,
    object: object && {
      describedObject: object.target,
      target: present({
        type: object.averageValue === undefined ? 'Value' : 'AverageValue',
        value: object.averageValue === undefined ? object.targetValue : undefined,
        averageValue: object.averageValue,
      }),
      metric: identifier(object.metricName, object.selector),
    },
    pods: pods && {
      metric: identifier(pods.metricName, pods.selector),
      target: { type: 'AverageValue', averageValue: pods.targetAverageValue },
    },
    resource: resource && { name: resource.name, target: byTargets(resource) },
    containerResource: containerResource && {
      name: containerResource.name,
      target: byTargets(containerResource),
      container: containerResource.container,
    },
    external: external && {
      metric: identifier(external.metricName, external.metricSelector),
      target: present({
        type: external.targetAverageValue === undefined ? 'Value' : 'AverageValue',
        value: external.targetValue,
        averageValue: external.targetAverageValue,
      }),
    },
  }) as unknown as MetricSpec
}

export function annotatedCondition(condition: HorizontalPodAutoscalerCondition): object {
  const { type, status, lastTransitionTime, reason, message } = condition
  return { type, status, lastTransitionTime: lastTransitionTime ?? null, ...(reason ? { reason } : {}), ...(message ? { message } : {}) }
}

interface AnnotatedStatus {
  readonly type: MetricStatus['type']
  readonly resource?: { readonly name: string; readonly currentAverageUtilization?: number; readonly currentAverageValue: string }
  readonly pods?: { readonly metricName: string; readonly currentAverageValue: string; readonly selector?: object }
  readonly external?: {
    readonly metricName: string
    readonly metricSelector?: object
    readonly currentValue: string
    readonly currentAverageValue?: string
  }
}

export function annotatedStatus({ type, resource, pods, external }: MetricStatus): AnnotatedStatus {
  return present({
    type,
    pods:
      pods &&
      present({ metricName: pods.metric.name, currentAverageValue: pods.current.averageValue ?? '0', selector: pods.metric.selector }),
    resource:
      resource &&
      present({
        name: resource.name,
        currentAverageUtilization: resource.current.averageUtilization,
        currentAverageValue: resource.current.averageValue ?? '0',
      }),
    external:
      external &&
      present({
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        currentValue: external.current.value ?? '0',
        currentAverageValue: external.current.averageValue,
      }),
  }) as AnnotatedStatus
}

export function statusOf(value: unknown): MetricStatus {
  const { type, resource, pods, external } = value as AnnotatedStatus
  return present({
    type,
    pods: pods && {
      metric: present({ name: pods.metricName, selector: pods.selector }),
      current: { averageValue: pods.currentAverageValue },
    },
    resource: resource && {
      name: resource.name,
      current: present({ averageUtilization: resource.currentAverageUtilization, averageValue: resource.currentAverageValue }),
    },
    external: external && {
      metric: present({ name: external.metricName, selector: external.metricSelector }),
      current: present({ value: external.currentValue, averageValue: external.currentAverageValue }),
    },
  }) as unknown as MetricStatus
}
