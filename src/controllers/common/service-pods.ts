/**
 * Which Services a pod belongs to, and what of a pod its Services show: shared by the controllers that publish endpoints.
 * A pod finds its Services through an index, never by looking at all of them.
 */
import type { KubeObject } from '../../api/object.js'
import { keyOf } from '../../api/object.js'
import type { Pod, Service, ServicePort } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import type { View } from '../controller.js'
import { isPodFinished, isPodReady } from './pods.js'
import { sameJson } from '../../api/same-json.js'

/** Put on Endpoints and slices of a Service without a cluster IP, so that proxies need not look at them. */
export const headlessLabel = 'service.kubernetes.io/headless'
/** When the change happened that the object shows: the start of the network programming latency (SLI). */
export const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time'

const selectorIndex = 'selectorPair'

/**
 * One index value a Service: the longest of its selector's pairs, for long values tell most apart. A pod that the Service
 * selects has every pair, so it has this one.
 */
function selectorPair(service: Service): readonly string[] {
  let longest = ''
  for (const [key, value] of Object.entries(service.spec?.selector ?? {})) {
    const pair = `${key}=${value}`
    if (pair.length > longest.length) longest = pair
  }
  return longest === '' ? [] : [`${service.metadata.namespace}/${longest}`]
}

export function selects(service: Service, pod: Pod): boolean {
  const selector = service.spec?.selector
  if (!selector) return false
  const labels = pod.metadata.labels ?? {}
  for (const key in selector) if (!Object.hasOwn(labels, key) || labels[key] !== selector[key]) return false
  return true
}

/** Keys of the Services that select the pod. */
export function servicesOfPod(pod: Pod, view: View): readonly string[] {
  const services = view.lister<Service>(resources.services)
  const keys: string[] = []
  for (const [key, value] of Object.entries(pod.metadata.labels ?? {})) {
    for (const service of services.by(selectorIndex, `${pod.metadata.namespace}/${key}=${value}`)) {
      if (selects(service, pod)) keys.push(keyOf(service))
    }
  }
  return keys
}

/** Call it in `start`, before the first pod is looked up. */
export function indexServices(view: View): void {
  view.informer<Service>(resources.services).addIndex(selectorIndex, selectorPair)
}

/** True when a pod's update can change what its Services show. */
export function changesEndpoints(object: KubeObject, previous: KubeObject): boolean {
  const [pod, old] = [object as Pod, previous as Pod]
  return (
    isPodReady(pod) !== isPodReady(old) ||
    Boolean(pod.metadata.deletionTimestamp) !== Boolean(old.metadata.deletionTimestamp) ||
    isPodFinished(pod) !== isPodFinished(old) ||
    pod.spec?.nodeName !== old.spec?.nodeName ||
    pod.status?.podIP !== old.status?.podIP ||
    !sameJson(pod.status?.podIPs, old.status?.podIPs) ||
    !sameJson(pod.metadata.labels, old.metadata.labels)
  )
}

/** A pod without an address or that has ended is nobody's endpoint; one that is ending is, where asked for. */
export function isEndpoint(pod: Pod, includeTerminating: boolean): boolean {
  if (isPodFinished(pod)) return false
  if (!pod.status?.podIP && !pod.status?.podIPs?.length) return false
  return includeTerminating || !pod.metadata.deletionTimestamp
}

export const isHeadless = (service: Service): boolean => service.spec?.clusterIP === 'None'
export const hasClusterIp = (service: Service): boolean => Boolean(service.spec?.clusterIP) && !isHeadless(service)

/** The container port that a Service port leads to; undefined when the pod names no such port. Sidecars count as containers. */
export function targetPort(pod: Pod, port: ServicePort): number | undefined {
  const wanted = port.targetPort ?? port.port
  if (typeof wanted === 'number') return wanted === 0 ? port.port : wanted
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always')
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    for (const { name, containerPort, protocol } of container.ports ?? []) {
      if (name === wanted && (protocol ?? 'TCP') === (port.protocol ?? 'TCP')) return containerPort
    }
  }
  return undefined
}

/** A pod that names a host and this Service as its subdomain has a DNS name of its own (the specification of cluster DNS). */
export function hostnameIn(service: Service, pod: Pod): string | undefined {
  return pod.spec?.hostname && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined
}

export function podIps(pod: Pod): readonly string[] {
  const ips = pod.status?.podIPs
  return ips?.length ? ips.map(({ ip }) => ip) : pod.status?.podIP ? [pod.status.podIP] : []
}

export type Family = 'IPv4' | 'IPv6'
export const familyOf = (ip: string): Family => (ip.includes(':') ? 'IPv6' : 'IPv4')

/**
 * Keys for now, or put on the queue for later when changes of pods are to be gathered (--*-updates-batch-period): one that waits
 * already is not put off again.
 */
export function batched(keys: readonly string[], periodMs: number, view: View): readonly string[] {
  if (periodMs <= 0) return keys
  for (const key of keys) view.enqueue(key, periodMs)
  return []
}
