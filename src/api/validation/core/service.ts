/** Services (core/v1). Addresses and node ports are allocated after this: what is absent here may be filled in yet. */
import type { LoadBalancerIngress, Service, ServicePort, ServiceSpec } from '../../types/core-v1.js'
import { parseIp } from '../../ip.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import {
  mustBeCidr,
  mustBeIp,
  mustBeLabel,
  mustBeLabels,
  mustBePort,
  mustBePortOrName,
  mustBeQualified,
  mustBeSubdomain,
} from '../names.js'
import { protocols } from './container-parts.js'
import { clusterIpsFaults, clusterIpsUpdate } from './service-addresses.js'
import { specialAddressFaults } from './special-address.js'

const affinities = new Set(['ClientIP', 'None'])
const types = new Set(['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'])
const trafficPolicies = new Set(['Cluster', 'Local'])
const distributions = new Set(['PreferClose', 'PreferSameNode', 'PreferSameZone'])
const ipModes = new Set(['Proxy', 'VIP'])
const affinitySecondsMax = 86400
const sourceRanges = 'service.beta.kubernetes.io/load-balancer-source-ranges'
const topologyHints = 'service.kubernetes.io/topology-aware-hints'
const topologyMode = 'service.kubernetes.io/topology-mode'

const isHeadless = ({ clusterIPs }: ServiceSpec) => clusterIPs?.length === 1 && clusterIPs[0] === 'None'

function serviceFaults(faults: Faults, service: Service): void {
  const { metadata, spec = {} } = service
  const hints = metadata.annotations?.[topologyHints]
  const mode = metadata.annotations?.[topologyMode]
  if (mode !== undefined && hints !== undefined && mode !== hints)
    faults.invalid(`metadata.annotations[${topologyMode}]`, mode, `must match annotations[${topologyHints}] when both are specified`)
  if (!spec.ports?.length && !isHeadless(spec) && spec.type !== 'ExternalName') faults.required('spec.ports')
  typeFaults(faults, spec)
  portsFaults(faults, spec)
  mustBeLabels(faults, 'spec.selector', spec.selector)
  affinityFaults(faults, spec)
  for (const [i, ip] of (spec.externalIPs ?? []).entries()) {
    if (!parseIp(ip)) mustBeIp(faults, `spec.externalIPs[${i}]`, ip)
    else specialAddressFaults(faults, `spec.externalIPs[${i}]`, ip)
  }
  balancerFaults(faults, service)
  trafficFaults(faults, spec)
}

function typeFaults(faults: Faults, spec: ServiceSpec): void {
  faults.word('spec.type', spec.type, types)
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && isHeadless(spec))
    faults.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`)
  if (spec.type !== 'ExternalName') return
  const detail = 'may not be set for ExternalName services'
  if (spec.clusterIPs?.length) faults.forbidden('spec.clusterIPs', detail)
  if (spec.ipFamilies?.length) faults.forbidden('spec.ipFamilies', detail)
  if (spec.ipFamilyPolicy !== undefined) faults.forbidden('spec.ipFamilyPolicy', detail)
  const name = (spec.externalName ?? '').replace(/\.$/, '')
  if (name) mustBeSubdomain(faults, 'spec.externalName', name)
  else faults.required('spec.externalName')
}

function portsFaults(faults: Faults, { ports = [], type }: ServiceSpec): void {
  const names = new Set<string>()
  const nodePorts = new Set<string>()
  const numbers = new Set<string>()
  for (const [i, port] of ports.entries()) {
    const at = `spec.ports[${i}]`
    portFaults(faults, at, port, ports.length > 1, names)
    const { protocol = '', nodePort = 0, port: number = 0 } = port
    if (nodePort !== 0) {
      if (type === 'ClusterIP') faults.forbidden(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'")
      // Where node ports are allocated the second one finds the first.
      if (type !== 'NodePort' && type !== 'LoadBalancer' && nodePorts.has(`${protocol}/${nodePort}`))
        faults.duplicate(`${at}.nodePort`, nodePort)
      nodePorts.add(`${protocol}/${nodePort}`)
    }
    if (numbers.has(`${protocol}/${number}`)) faults.duplicate(at, { protocol, port: number })
    numbers.add(`${protocol}/${number}`)
  }
}

function portFaults(faults: Faults, path: string, port: ServicePort, needsName: boolean, names: Set<string>): void {
  const { name = '', port: number = 0, protocol, targetPort, appProtocol } = port
  if (name === '') {
    if (needsName) faults.required(`${path}.name`)
  } else {
    mustBeLabel(faults, `${path}.name`, name)
    if (names.has(name)) faults.duplicate(`${path}.name`, name)
    names.add(name)
  }
  mustBePort(faults, `${path}.port`, number)
  faults.word(`${path}.protocol`, protocol, protocols)
  mustBePortOrName(faults, `${path}.targetPort`, targetPort)
  if (appProtocol !== undefined) mustBeQualified(faults, `${path}.appProtocol`, appProtocol)
}

function affinityFaults(faults: Faults, { sessionAffinity, sessionAffinityConfig }: ServiceSpec): void {
  const path = 'spec.sessionAffinityConfig'
  faults.word('spec.sessionAffinity', sessionAffinity, affinities)
  if (sessionAffinity === 'None' && sessionAffinityConfig) faults.forbidden(path, 'must not be set when session affinity is None')
  if (sessionAffinity !== 'ClientIP') return
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds
  if (!sessionAffinityConfig) faults.required(path)
  else if (!sessionAffinityConfig.clientIP) faults.required(`${path}.clientIP`)
  else if (seconds === undefined) faults.required(`${path}.clientIP.timeoutSeconds`)
  else if (seconds <= 0 || seconds > affinitySecondsMax)
    faults.invalid(`${path}.clientIP.timeoutSeconds`, seconds, `must be greater than 0 and less than ${affinitySecondsMax}`)
}

function balancerFaults(faults: Faults, { metadata, spec = {} }: Service): void {
  const isBalanced = spec.type === 'LoadBalancer'
  const only = "may only be used when `type` is 'LoadBalancer'"
  const annotation = metadata.annotations?.[sourceRanges]
  // Upstream writes this field with a capital, and allows blanks around the ranges.
  if (spec.loadBalancerSourceRanges?.length) {
    const path = 'spec.LoadBalancerSourceRanges'
    if (!isBalanced) faults.forbidden(path, only)
    for (const [i, range] of spec.loadBalancerSourceRanges.entries()) mustBeCidr(faults, `${path}[${i}]`, range.trim())
  } else if (annotation !== undefined) {
    const path = `metadata.annotations[${sourceRanges}]`
    if (!isBalanced) faults.forbidden(path, only)
    if (annotation.trim()) for (const range of annotation.split(',')) mustBeCidr(faults, path, range.trim())
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isBalanced) faults.forbidden('spec.allocateLoadBalancerNodePorts', only)
  if (spec.loadBalancerClass === undefined) return
  if (isBalanced) mustBeQualified(faults, 'spec.loadBalancerClass', spec.loadBalancerClass)
  else faults.forbidden('spec.loadBalancerClass', only)
}

function trafficFaults(faults: Faults, spec: ServiceSpec): void {
  const { type, externalTrafficPolicy: external, internalTrafficPolicy: internal, healthCheckNodePort = 0 } = spec
  const accessible = type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0)
  if (accessible) faults.word('spec.externalTrafficPolicy', external, trafficPolicies)
  else if (external) faults.invalid('spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services')
  if (healthCheckNodePort !== 0) {
    if (type !== 'LoadBalancer' || external !== 'Local')
      faults.invalid(
        'spec.healthCheckNodePort',
        healthCheckNodePort,
        "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      )
    else mustBePort(faults, 'spec.healthCheckNodePort', healthCheckNodePort)
  }
  if (internal === undefined) {
    if (type !== 'ExternalName' && types.has(type ?? '')) faults.required('spec.internalTrafficPolicy')
  } else faults.optionalWord('spec.internalTrafficPolicy', internal, trafficPolicies)
  faults.optionalWord('spec.trafficDistribution', spec.trafficDistribution, distributions)
}

function ingressFaults(faults: Faults, path: string, { ip = '', hostname = '', ipMode }: LoadBalancerIngress): void {
  if (ip) mustBeIp(faults, `${path}.ip`, ip)
  if (ipMode === undefined) {
    if (ip) faults.required(`${path}.ipMode`, 'must be specified when `ip` is set')
  } else if (!ip) faults.forbidden(`${path}.ipMode`, 'may not be specified when `ip` is not set')
  else faults.optionalWord(`${path}.ipMode`, ipMode, ipModes)
  if (!hostname) return
  mustBeSubdomain(faults, `${path}.hostname`, hostname)
  if (parseIp(hostname)) faults.invalid(`${path}.hostname`, hostname, 'must be a DNS name, not an IP address')
}

/** Addresses are judged first and alone: nothing else is looked at while they are wrong. */
function firstAddresses(faults: Faults, service: Service): boolean {
  const before = faults.count
  clusterIpsFaults(faults, service.spec ?? {})
  return faults.count === before
}

export const serviceRules: KindRules<Service> = {
  create(faults, service) {
    if (firstAddresses(faults, service)) serviceFaults(faults, service)
  },
  update(faults, service, old) {
    const [spec, before] = [service.spec ?? {}, old.spec ?? {}]
    if (!firstAddresses(faults, service)) return
    clusterIpsUpdate(faults, spec, before)
    if (spec.type === 'LoadBalancer' && before.type === 'LoadBalancer') {
      if (spec.loadBalancerClass !== before.loadBalancerClass)
        faults.invalid('spec.loadBalancerClass', spec.loadBalancerClass ?? null, 'may not change once set')
      const checked = spec.externalTrafficPolicy === 'Local' && before.externalTrafficPolicy === 'Local'
      if (checked && spec.healthCheckNodePort !== before.healthCheckNodePort)
        faults.forbidden('spec.healthCheckNodePort', 'field is immutable')
    }
    serviceFaults(faults, service)
  },
  status(faults, { spec, status }) {
    const ingress = status?.loadBalancer?.ingress ?? []
    if (spec?.type !== 'LoadBalancer' && ingress.length > 0)
      return faults.forbidden('status.loadBalancer.ingress', "may only be used when `spec.type` is 'LoadBalancer'")
    for (const [i, one] of ingress.entries()) ingressFaults(faults, `status.loadBalancer.ingress[${i}]`, one)
  },
  warnings({ metadata, spec = {} }) {
    const warnings: string[] = []
    if (metadata.annotations?.[topologyHints] !== undefined)
      warnings.push(`annotations[${topologyHints}] is deprecated, please use annotations[${topologyMode}] instead`)
    if (isHeadless(spec)) {
      if (spec.loadBalancerIP) warnings.push('spec.loadBalancerIP is ignored for headless services')
      if (spec.externalIPs?.length) warnings.push('spec.externalIPs is ignored for headless services')
      if (spec.sessionAffinity && spec.sessionAffinity !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services')
    }
    if (spec.externalIPs?.length) warnings.push('spec.externalIPs is deprecated since v1.36')
    if (spec.externalName && spec.type !== 'ExternalName')
      warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"')
    if (spec.trafficDistribution === 'PreferClose') warnings.push('spec.trafficDistribution: PreferClose is deprecated, use PreferSameZone')
    return warnings
  },
}
