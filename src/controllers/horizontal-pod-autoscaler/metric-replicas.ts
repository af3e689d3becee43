/** What each metric of an autoscaler asks for, and what is shown of it in the status. */
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget } from '../../api/types/autoscaling-v2.js'
import type { Container, Pod } from '../../api/types/core-v1.js'
import { quantityMilliValue } from '../../api/quantity.js'
import { formatAmount } from '../../api/resource-usage/amount.js'
import { messageOf } from '../../base/errors.js'
import type { Client } from '../../client/client.js'
import { isPodReady } from '../common/pods.js'
import { externalMetric, objectMetric, podsMetric, resourceUse } from './metrics-api.js'
import { type Asked, replicasByAverage, replicasByUtilization, replicasByValue, type Readiness } from './replicas.js'

export interface MetricsInput {
  readonly client: Client
  readonly autoscaler: HorizontalPodAutoscaler
  /** Of the target, as its scale says it. */
  readonly selector: string
  readonly current: number
  readonly statusReplicas: number
  readonly pods: readonly Pod[]
  readonly readiness: Readiness
  readonly tolerance: number
  readonly nowMs: number
  /** The resource of a kind ("deployments"). */
  resourceOf(apiVersion: string, kind: string): Promise<string>
}

export interface MetricProposal {
  readonly replicas: number
  /** "cpu resource utilization (percentage of request)": for events. */
  readonly name: string
  readonly status: MetricStatus
}

/** A metric that could not be used: the reason of the ScalingActive condition. */
export class MetricFailure extends Error {
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(message)
  }
}

const failures: Readonly<Record<string, string>> = {
  Resource: 'FailedGetResourceMetric',
  ContainerResource: 'FailedGetContainerResourceMetric',
  Pods: 'FailedGetPodsMetric',
  Object: 'FailedGetObjectMetric',
  External: 'FailedGetExternalMetric',
}

/** Throws MetricFailure. */
export async function proposalOf(spec: MetricSpec, input: MetricsInput): Promise<MetricProposal> {
  const reason = failures[spec.type]
  if (!reason) throw new MetricFailure('InvalidMetricSourceType', `unknown metric source type ${JSON.stringify(spec.type)}`)
  try {
    if (spec.resource) return await ofResource(spec, spec.resource, input)
    if (spec.containerResource) return await ofResource(spec, spec.containerResource, input, spec.containerResource.container)
    if (spec.pods) return await ofPods(spec.pods, input)
    if (spec.object) return await ofObject(spec.object, input)
    if (spec.external) return await ofExternal(spec.external, input)
  } catch (error) {
    throw new MetricFailure(reason, `failed to get ${nounOf(spec)}: ${messageOf(error)}`)
  }
  throw new MetricFailure('InvalidMetricSourceType', `the metric of type ${spec.type} says nothing`)
}

function nounOf({ type, resource, containerResource }: MetricSpec): string {
  const name = resource?.name ?? containerResource?.name
  return name === undefined
    ? `${type.toLowerCase()} metric value`
    : `${name} ${type === 'Resource' ? 'utilization' : 'container utilization'}`
}

async function ofResource(
  { type }: MetricSpec,
  { name, target }: { name: string; target: MetricTarget },
  input: MetricsInput,
  container?: string,
): Promise<MetricProposal> {
  const { client, autoscaler, selector, pods } = input
  const namespace = autoscaler.metadata.namespace ?? ''
  const what = { namespace, selector, resource: name, ...(container === undefined ? {} : { container }) }
  const metrics = await resourceUse(client, what).catch((error: unknown) => {
    throw new Error(`unable to get metrics for resource ${name}: unable to fetch metrics from resource metrics API: ${messageOf(error)}`)
  })
  const asked = askedOf(input, metrics, name === 'cpu')
  const member = type === 'Resource' ? 'resource' : 'containerResource'
  const status = (current: object) =>
    ({ type, [member]: { name, ...(container === undefined ? {} : { container }), current } }) as MetricStatus
  if (target.averageUtilization === undefined) {
    const { replicas, average } = replicasByAverage(asked, quantityMilliValue(target.averageValue))
    return { replicas, name: `${name} resource`, status: status({ averageValue: milliText(average) }) }
  }
  const requests = requestsOf(pods, name, container)
  const { replicas, average, utilization } = replicasByUtilization(asked, requests, target.averageUtilization)
  const current = { averageValue: milliText(average), averageUtilization: utilization }
  return { replicas, name: `${name} resource utilization (percentage of request)`, status: status(current) }
}

async function ofPods({ metric, target }: NonNullable<MetricSpec['pods']>, input: MetricsInput): Promise<MetricProposal> {
  const { client, autoscaler, selector } = input
  const namespace = autoscaler.metadata.namespace ?? ''
  const metrics = await podsMetric(client, {
    ...{ namespace, selector, metric: metric.name },
    ...(metric.selector ? { metricSelector: metric.selector } : {}),
  })
  const { replicas, average } = replicasByAverage(askedOf(input, metrics, false), quantityMilliValue(target.averageValue))
  return {
    replicas,
    name: `pods metric ${metric.name}`,
    status: { type: 'Pods', pods: { metric, current: { averageValue: milliText(average) } } },
  }
}

async function ofObject(
  { describedObject, metric, target }: NonNullable<MetricSpec['object']>,
  input: MetricsInput,
): Promise<MetricProposal> {
  const use = await objectMetric(input.client, {
    ...{ namespace: input.autoscaler.metadata.namespace ?? '', object: describedObject, metric: metric.name },
    resource: await input.resourceOf(describedObject.apiVersion ?? 'v1', describedObject.kind),
    ...(metric.selector ? { metricSelector: metric.selector } : {}),
  })
  const { replicas, current } = sharedUse(use, target, input)
  return {
    replicas,
    name: `${describedObject.kind} metric ${metric.name}`,
    status: { type: 'Object', object: { describedObject, metric, current } },
  }
}

async function ofExternal({ metric, target }: NonNullable<MetricSpec['external']>, input: MetricsInput): Promise<MetricProposal> {
  const use = await externalMetric(input.client, {
    ...{ namespace: input.autoscaler.metadata.namespace ?? '', metric: metric.name },
    ...(metric.selector ? { metricSelector: metric.selector } : {}),
  })
  const { replicas, current } = sharedUse(use, target, input)
  return { replicas, name: `external metric ${metric.name}`, status: { type: 'External', external: { metric, current } } }
}

/** A value that all pods share: held at a value, or at so much a pod. */
function sharedUse(use: number, target: MetricTarget, { current, statusReplicas, pods, tolerance }: MetricsInput) {
  if (target.averageValue !== undefined) {
    const each = quantityMilliValue(target.averageValue)
    const ratio = use / (each * statusReplicas)
    const isNear = statusReplicas > 0 && Math.abs(1 - ratio) <= tolerance
    const average = milliText(statusReplicas > 0 ? Math.ceil(use / statusReplicas) : 0)
    return { replicas: isNear ? statusReplicas : Math.ceil(use / each), current: { averageValue: average } }
  }
  const ready = pods.filter(isPodReady).length
  const ratio = use / quantityMilliValue(target.value)
  return { replicas: replicasByValue({ current, tolerance }, ratio, ready), current: { value: milliText(use) } }
}

function askedOf({ current, pods, readiness, tolerance, nowMs }: MetricsInput, metrics: Asked['metrics'], isCpu: boolean): Asked {
  return { current, pods, metrics, isCpu, readiness, tolerance, nowMs }
}

/** What the pods ask for, in thousandths. A container that asks for nothing makes a percentage meaningless. */
function requestsOf(pods: readonly Pod[], resource: string, only?: string): Map<string, number> {
  const requests = new Map<string, number>()
  for (const pod of pods) {
    const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')
    const containers: Container[] = [...(pod.spec?.containers ?? []), ...sidecars].filter(({ name }) => only === undefined || name === only)
    let sum = 0
    for (const container of containers) {
      const request = container.resources?.requests?.[resource]
      if (request === undefined)
        throw new Error(`missing request for ${resource} in container ${container.name} of Pod ${pod.metadata.name ?? ''}`)
      sum += quantityMilliValue(request)
    }
    requests.set(pod.metadata.name ?? '', sum)
  }
  return requests
}

function milliText(value: number): string {
  return formatAmount({ nanos: BigInt(Math.round(value)) * 1_000_000n, format: 'decimal' })
}
