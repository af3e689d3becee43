/** HorizontalPodAutoscalers, in the form of autoscaling/v2. */
import type { HorizontalPodAutoscaler, HPAScalingRules, MetricIdentifier, MetricSpec, MetricTarget } from '../../types/autoscaling-v2.js'
import { amountOf } from '../../resource-usage/amount.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { mustBePathSegment } from '../names.js'
import { labelSelectorFaults } from '../selectors.js'

const windowSecondsMax = 3600
const periodSecondsMax = 1800
const selections = new Set(['Disabled', 'Max', 'Min'])
const policyTypes = new Set(['Percent', 'Pods'])
const sources = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
} as const
const targetTypes = new Set(['AverageValue', 'Utilization', 'Value'])

function autoscalerFaults(faults: Faults, { spec }: HorizontalPodAutoscaler): void {
  const { minReplicas, maxReplicas = 0, metrics = [], behavior } = spec ?? {}
  if (minReplicas !== undefined && minReplicas < 1) faults.invalid('spec.minReplicas', minReplicas, 'must be greater than or equal to 1')
  if (maxReplicas === 0) faults.required('spec.maxReplicas')
  if (maxReplicas < 1) faults.invalid('spec.maxReplicas', maxReplicas, 'must be greater than 0')
  if (minReplicas !== undefined && maxReplicas < minReplicas)
    faults.invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`')
  const target = spec?.scaleTargetRef
  referenceFaults(faults, 'spec.scaleTargetRef', target ?? {})
  for (const [i, metric] of metrics.entries()) metricFaults(faults, `spec.metrics[${i}]`, metric)
  if (minReplicas === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External'))
    faults.forbidden('spec.metrics', 'must specify at least one Object or External metric to support scaling to zero replicas')
  if (behavior?.scaleUp) scalingFaults(faults, 'spec.behavior.scaleUp', behavior.scaleUp)
  if (behavior?.scaleDown) scalingFaults(faults, 'spec.behavior.scaleDown', behavior.scaleDown)
}

function referenceFaults(faults: Faults, path: string, ref: { kind?: string; name?: string; apiVersion?: string }): void {
  segmentFaults(faults, `${path}.kind`, ref.kind)
  segmentFaults(faults, `${path}.name`, ref.name)
  if ((ref.apiVersion ?? '').split('/').length > 2) faults.invalid(`${path}.apiVersion`, ref.apiVersion, 'unexpected GroupVersion string')
}

function segmentFaults(faults: Faults, path: string, text: string | undefined): void {
  if (!text) faults.required(path)
  else mustBePathSegment(faults, path, text)
}

function scalingFaults(faults: Faults, path: string, rules: HPAScalingRules): void {
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules
  faults.nonNegative(`${path}.stabilizationWindowSeconds`, window)
  if (window !== undefined && window > windowSecondsMax)
    faults.invalid(`${path}.stabilizationWindowSeconds`, window, `must be less than or equal to ${windowSecondsMax}`)
  faults.optionalWord(`${path}.selectPolicy`, selectPolicy, selections)
  if (tolerance !== undefined && amountOf(tolerance).nanos < 0n)
    faults.invalid(`${path}.tolerance`, tolerance, 'must be greater than or equal to 0')
  if (policies.length === 0) faults.required(`${path}.policies`, 'must specify at least one Policy')
  for (const [i, { type, value = 0, periodSeconds = 0 }] of policies.entries()) {
    const at = `${path}.policies[${i}]`
    if (!policyTypes.has(type)) faults.notSupported(`${at}.type`, type, policyTypes)
    if (value <= 0) faults.invalid(`${at}.value`, value, 'must be greater than zero')
    if (periodSeconds <= 0) faults.invalid(`${at}.periodSeconds`, periodSeconds, 'must be greater than zero')
    if (periodSeconds > periodSecondsMax)
      faults.invalid(`${at}.periodSeconds`, periodSeconds, `must be less than or equal to ${periodSecondsMax}`)
  }
}

function metricFaults(faults: Faults, path: string, metric: MetricSpec): void {
  const { type = '' } = metric
  if (type === '') faults.required(`${path}.type`, 'must specify a metric source type')
  const own = Object.hasOwn(sources, type) ? sources[type as keyof typeof sources] : undefined
  if (type !== '' && !own) faults.notSupported(`${path}.type`, type, Object.keys(sources))
  for (const name of Object.values(sources))
    if (metric[name] && own && name !== own) faults.forbidden(`${path}.${name}`, 'must populate the given metric source only')
  if (own && !metric[own]) faults.required(`${path}.${own}`, 'must populate information for the given metric source')
  const { object, pods, resource, containerResource, external } = metric
  if (object) {
    referenceFaults(faults, `${path}.object.describedObject`, object.describedObject ?? {})
    sourceFaults(faults, `${path}.object`, object)
    eitherFaults(faults, `${path}.object.target`, object.target, false)
  }
  if (external) {
    sourceFaults(faults, `${path}.external`, external)
    eitherFaults(faults, `${path}.external.target`, external.target, true)
  }
  if (pods) {
    sourceFaults(faults, `${path}.pods`, pods)
    if (!pods.target?.averageValue || amountOf(pods.target.averageValue).nanos <= 0n)
      faults.required(`${path}.pods.target.averageValue`, 'must specify a positive target averageValue')
  }
  if (resource) resourceFaults(faults, `${path}.resource`, resource)
  if (containerResource) {
    faults.text(`${path}.containerResource.container`, containerResource.container)
    resourceFaults(faults, `${path}.containerResource`, containerResource)
  }
}

function sourceFaults(faults: Faults, path: string, { metric, target }: { metric?: MetricIdentifier; target?: MetricTarget }): void {
  segmentFaults(faults, `${path}.metric.name`, metric?.name)
  labelSelectorFaults(faults, `${path}.metric.selector`, metric?.selector)
  targetFaults(faults, `${path}.target`, target)
}

function targetFaults(faults: Faults, path: string, target: MetricTarget | undefined): void {
  const { type, value, averageValue, averageUtilization } = target ?? {}
  if (!type) faults.required(`${path}.type`, 'must specify a metric target type')
  else if (!targetTypes.has(type)) faults.invalid(`${path}.type`, type, 'must be either Utilization, Value, or AverageValue')
  if (value !== undefined && amountOf(value).nanos <= 0n) faults.invalid(`${path}.value`, value, 'must be positive')
  if (averageValue !== undefined && amountOf(averageValue).nanos <= 0n)
    faults.invalid(`${path}.averageValue`, averageValue, 'must be positive')
  if (averageUtilization !== undefined && averageUtilization < 1)
    faults.invalid(`${path}.averageUtilization`, averageUtilization, 'must be greater than 0')
}

function eitherFaults(faults: Faults, path: string, target: MetricTarget | undefined, exclusive: boolean): void {
  if (target?.value === undefined && target?.averageValue === undefined)
    faults.required(`${path}.averageValue`, 'must set either a target value or an average value')
  else if (exclusive && target.value !== undefined && target.averageValue !== undefined)
    faults.forbidden(`${path}.value`, 'may not set both a target value for metric and a per-pod target')
}

function resourceFaults(faults: Faults, path: string, { name, target }: { name?: string; target?: MetricTarget }): void {
  faults.text(`${path}.name`, name)
  targetFaults(faults, `${path}.target`, target)
  const { averageUtilization, averageValue } = target ?? {}
  if (averageUtilization === undefined && averageValue === undefined)
    faults.required(`${path}.target.averageUtilization`, 'must set either a target raw value or a target utilization')
  else if (averageUtilization !== undefined && averageValue !== undefined)
    faults.forbidden(`${path}.target.averageValue`, 'may not set both a target raw value and a target utilization')
}

export const horizontalPodAutoscalerRules: KindRules<HorizontalPodAutoscaler> = {
  create: autoscalerFaults,
  update: (faults, autoscaler) => autoscalerFaults(faults, autoscaler),
  status(faults, { status }) {
    faults.nonNegative('status.currentReplicas', status?.currentReplicas)
    faults.nonNegative('status.desiredReplicas', status?.desiredReplicas)
  },
}
