/** The metrics APIs that extension servers offer: of pods' use (metrics.k8s.io), of anything in the cluster, of anything outside. */
import type { LabelSelector } from '../../api/types/meta-v1.js'
import type { CrossVersionObjectReference } from '../../api/types/autoscaling-v2.js'
import { labelSelectorOf } from '../../api/selectors/label.js'
import { parseApiVersion } from '../../api/object.js'
import { quantityMilliValue } from '../../api/quantity.js'
import type { Client } from '../../client/client.js'
import { parseResponse } from '../../client/rest-client.js'
import type { PodMetric } from './replicas.js'

interface PodMetricsList {
  readonly items?: readonly {
    readonly metadata: { readonly name?: string }
    readonly timestamp: string
    readonly window: string
    readonly containers?: readonly { readonly name: string; readonly usage: Readonly<Record<string, string>> }[]
  }[]
}

interface MetricValueList {
  readonly items?: readonly {
    readonly describedObject?: { readonly name?: string }
    readonly timestamp?: string
    readonly windowSeconds?: number
    readonly value: string
  }[]
}

async function ask<T>(client: Client, path: string, query: Readonly<Record<string, string>>): Promise<T> {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString()
  return parseResponse<T>(
    await client.raw({ method: 'GET', path: text ? `${path}?${text}` : path, headers: { accept: 'application/json' } }),
  )
}

/** A resource's use by pod: of one container, or of all. A pod whose containers are not all measured is left out. */
export async function resourceUse(
  client: Client,
  { namespace, selector, resource, container }: { namespace: string; selector: string; resource: string; container?: string },
): Promise<Map<string, PodMetric>> {
  const list = await ask<PodMetricsList>(client, `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`, { labelSelector: selector })
  const found = new Map<string, PodMetric>()
  for (const { metadata, timestamp, window, containers = [] } of list.items ?? []) {
    const concerned = container === undefined ? containers : containers.filter(({ name }) => name === container)
    const uses = concerned.map(({ usage }) => usage[resource])
    if (uses.length === 0 || uses.some((use) => use === undefined)) continue
    const value = uses.reduce((sum, use) => sum + quantityMilliValue(use), 0)
    found.set(metadata.name ?? '', { value, atMs: Date.parse(timestamp), windowMs: secondsOf(window) * 1000 })
  }
  if (found.size === 0) throw new Error('no metrics returned from resource metrics API')
  return found
}

export async function podsMetric(
  client: Client,
  { namespace, selector, metric, metricSelector }: { namespace: string; selector: string; metric: string; metricSelector?: LabelSelector },
): Promise<Map<string, PodMetric>> {
  const path = `/apis/custom.metrics.k8s.io/v1beta2/namespaces/${namespace}/pods/*/${metric}`
  const list = await ask<MetricValueList>(client, path, { labelSelector: selector, metricLabelSelector: selectorText(metricSelector) })
  const found = new Map<string, PodMetric>()
  for (const { describedObject, timestamp, windowSeconds = 60, value } of list.items ?? [])
    found.set(describedObject?.name ?? '', {
      value: quantityMilliValue(value),
      atMs: Date.parse(timestamp ?? ''),
      windowMs: windowSeconds * 1000,
    })
  if (found.size === 0) throw new Error('no metrics returned from custom metrics API')
  return found
}

/** In thousandths. `resource`: the object's, "deployments". */
export async function objectMetric(
  client: Client,
  of: { namespace: string; object: CrossVersionObjectReference; resource: string; metric: string; metricSelector?: LabelSelector },
): Promise<number> {
  const { group } = parseApiVersion(of.object.apiVersion ?? 'v1')
  const what = group ? `${of.resource}.${group}` : of.resource
  const path = `/apis/custom.metrics.k8s.io/v1beta2/namespaces/${of.namespace}/${what}/${of.object.name}/${of.metric}`
  const list = await ask<MetricValueList>(client, path, { metricLabelSelector: selectorText(of.metricSelector) })
  const [first] = list.items ?? []
  if (!first) throw new Error('no metrics returned from custom metrics API')
  return quantityMilliValue(first.value)
}

export async function externalMetric(
  client: Client,
  { namespace, metric, metricSelector }: { namespace: string; metric: string; metricSelector?: LabelSelector },
): Promise<number> {
  const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${metric}`
  const list = await ask<MetricValueList>(client, path, { labelSelector: selectorText(metricSelector) })
  if (!list.items?.length) throw new Error('no metrics returned from external metrics API')
  return list.items.reduce((sum, { value }) => sum + quantityMilliValue(value), 0)
}

function selectorText(selector: LabelSelector | undefined): string {
  return selector ? labelSelectorOf(selector).text : ''
}

/** "30s", "1m30s". */
function secondsOf(text: string): number {
  let seconds = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
    seconds += Number(amount) * ({ ms: 0.001, s: 1, m: 60, h: 3600 }[unit as 'ms' | 's' | 'm' | 'h'] ?? 0)
  return seconds
}
