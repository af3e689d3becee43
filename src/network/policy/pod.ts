/** What NetworkPolicy needs to know of a pod. */
import { formatIp, type IpFamily, parseIp } from '../../api/ip.js'
import { keyOf } from '../../api/object.js'
import type { Labels } from '../../api/selectors/label.js'
import type { Container, Pod } from '../../api/types/core-v1.js'
import type { Protocol } from '../ruleset/rule.js'

export interface PolicyPod {
  readonly key: string
  readonly namespace: string
  readonly labels: Labels
  /** None while its network is being made. */
  readonly addresses: readonly { readonly family: IpFamily; readonly text: string }[]
  readonly ports: readonly { readonly name: string; readonly protocol: Protocol; readonly port: number }[]
  /** Runs on this node: policies that select it are enforced here. */
  readonly local: boolean
}

/**
 * undefined for what policies neither select nor name: a pod in its host's network (it has its node's address), one that has ended
 * (its address may be another's by now), one of another node without an address. A pod of this node counts from its binding on: it
 * is isolated before its first container starts.
 */
export function policyPodOf(pod: Pod, nodeName: string): PolicyPod | undefined {
  const { spec, status, metadata } = pod
  if (spec?.hostNetwork || status?.phase === 'Succeeded' || status?.phase === 'Failed') return undefined
  const texts = status?.podIPs?.map(({ ip }) => ip) ?? [status?.podIP]
  const addresses = texts.flatMap((text) => {
    const ip = text ? parseIp(text) : undefined
    return ip ? [{ family: ip.family, text: formatIp(ip) }] : []
  })
  const local = spec?.nodeName === nodeName
  if (addresses.length === 0 && !local) return undefined
  return {
    key: keyOf(pod),
    namespace: metadata.namespace ?? '',
    labels: metadata.labels ?? {},
    addresses,
    ports: portsOf(pod),
    local,
  }
}

/** Of containers and sidecars; init containers that end serve nothing later. */
function portsOf({ spec }: Pod): PolicyPod['ports'] {
  const sidecars = spec?.initContainers?.filter(({ restartPolicy }) => restartPolicy === 'Always') ?? []
  const containers: readonly Container[] = [...(spec?.containers ?? []), ...sidecars]
  return containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ name, protocol = 'TCP', containerPort }) =>
      name ? [{ name, protocol: protocol as Protocol, port: containerPort }] : [],
    ),
  )
}

/** Keeps of a pod what policies need: a cache of all pods of a cluster is on every node. */
export function slimPod(pod: Pod): void {
  const { metadata, spec, status } = pod
  const { name, namespace, uid, resourceVersion, labels } = metadata
  const slim = (containers: readonly Container[] = []) =>
    containers.flatMap(({ ports, restartPolicy }) => {
      const named = ports?.filter((port) => port.name) ?? []
      return named.length > 0 ? [{ name: '', ports: named, ...(restartPolicy ? { restartPolicy } : {}) }] : []
    })
  pod.metadata = { name, namespace, uid, resourceVersion, ...(labels ? { labels } : {}) } as Pod['metadata']
  const initContainers = slim(spec?.initContainers)
  pod.spec = {
    containers: slim(spec?.containers),
    ...(initContainers.length > 0 ? { initContainers } : {}),
    ...(spec?.nodeName ? { nodeName: spec.nodeName } : {}),
    ...(spec?.hostNetwork ? { hostNetwork: true } : {}),
  }
  const { phase, podIP, podIPs } = status ?? {}
  pod.status = { ...(phase ? { phase } : {}), ...(podIP ? { podIP } : {}), ...(podIPs ? { podIPs } : {}) }
}
