/**
 * What a proxy needs to know of one port of a Service in one address family. Headless Services and ExternalName have none: nothing
 * of them is load-balanced.
 */
import type { IpFamily } from '../../api/ip.js'
import type { Service, ServiceSpec } from '../../api/types/core-v1.js'
import { addressOf, cidrOf } from './address.js'

export type Protocol = 'tcp' | 'udp' | 'sctp'

export interface ServicePort {
  readonly namespace: string
  readonly service: string
  /** '' for the only port of a Service, which needs no name. */
  readonly portName: string
  readonly protocol: Protocol
  readonly port: number
  readonly clusterIp: string
  readonly externalIps: readonly string[]
  /** Ingress addresses of a load balancer that delivers packets with them as destination (KEP-1860: ipMode VIP). */
  readonly loadBalancerIps: readonly string[]
  /** Who may use the load balancer's addresses; empty: everybody. */
  readonly sourceRanges: readonly string[]
  /** 0: none. */
  readonly nodePort: number
  readonly internalLocal: boolean
  readonly externalLocal: boolean
  /** Whether anything of it can be reached from outside the cluster. */
  readonly external: boolean
  /** How long a client keeps its endpoint; undefined: no affinity. */
  readonly affinitySeconds: number | undefined
}

const affinitySecondsDefault = 10_800
const protocols: Readonly<Record<string, Protocol>> = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' }

export function servicePorts(service: Service, family: IpFamily): ServicePort[] {
  const { spec, status, metadata } = service
  const clusterIp = spec && clusterIpOf(spec, family)
  if (!spec || !clusterIp) return []
  const addresses = (texts: readonly (string | undefined)[]) => unique(texts.flatMap((text) => addressOf(family, text) ?? []))
  const ingress = status?.loadBalancer?.ingress ?? []
  const external = spec.type === 'NodePort' || spec.type === 'LoadBalancer' || (spec.externalIPs ?? []).length > 0
  const ranges = (spec.loadBalancerSourceRanges ?? []).map((range) => range.trim())
  const common = {
    ...{ namespace: metadata.namespace ?? '', service: metadata.name ?? '', clusterIp, external },
    externalIps: addresses(spec.externalIPs ?? []),
    loadBalancerIps: addresses(ingress.map(({ ip, ipMode }) => (ipMode === 'Proxy' ? undefined : ip))),
    sourceRanges: rangesOf(ranges, family),
    internalLocal: spec.internalTrafficPolicy === 'Local',
    externalLocal: external && spec.externalTrafficPolicy === 'Local',
    affinitySeconds:
      spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? affinitySecondsDefault) : undefined,
  }
  return (spec.ports ?? []).flatMap(({ name = '', protocol = 'TCP', port, nodePort = 0 }) => {
    const known = protocols[protocol]
    return known ? [{ ...common, portName: name, protocol: known, port, nodePort }] : []
  })
}

/** "namespace/name:port", upstream's name of a service port in logs and comments. */
export function servicePortName({ namespace, service, portName }: ServicePort): string {
  return portName === '' ? `${namespace}/${service}` : `${namespace}/${service}:${portName}`
}

export function isProxied({ spec }: Service): boolean {
  return spec !== undefined && spec.type !== 'ExternalName' && spec.clusterIP !== undefined && !['', 'None'].includes(spec.clusterIP)
}

function clusterIpOf(spec: ServiceSpec, family: IpFamily): string | undefined {
  if (spec.type === 'ExternalName' || spec.clusterIP === 'None') return undefined
  const all = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP]
  for (const text of all) {
    const address = addressOf(family, text)
    if (address) return address
  }
  return undefined
}

/** Ranges of the other family alone leave nobody of this one: a range that nothing of this family is in says so. */
function rangesOf(ranges: readonly string[], family: IpFamily): string[] {
  const own = unique(ranges.flatMap((range) => cidrOf(family, range) ?? []))
  return own.length > 0 || ranges.length === 0 ? own : [family === 'IPv4' ? '0.0.0.0/32' : '::/128']
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}
