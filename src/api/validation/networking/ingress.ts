/** Ingresses and their classes (networking.k8s.io/v1). */
import type { HTTPIngressPath, Ingress, IngressBackend, IngressClass, IngressLoadBalancerIngress } from '../../types/networking-v1.js'
import { parseIp } from '../../ip.js'
import { sameJson } from '../../same-json.js'
import { type Faults, immutable } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import {
  isDomainPrefixedPath,
  isLabel1035,
  isSubdomain,
  isWildcardSubdomain,
  mustBeIp,
  mustBeLabel,
  mustBePort,
  mustBePortName,
  mustBeSubdomain,
  mustBePathSegment,
} from '../names.js'

const pathTypes = new Set(['Exact', 'ImplementationSpecific', 'Prefix'])
const oddSequences = ['//', '/./', '/../', '%2f', '%2F']
const oddEndings = ['/..', '/.']
const classAnnotation = 'kubernetes.io/ingress.class'
const controllerLengthMax = 250

function hostFaults(faults: Faults, path: string, host: string, mayBeIp = false): void {
  if (!mayBeIp && parseIp(host)) faults.invalid(path, host, 'must be a DNS name, not an IP address')
  if (host.includes('*')) {
    if (!isWildcardSubdomain(host))
      faults.invalid(path, host, "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain")
  } else if (!isSubdomain(host)) mustBeSubdomain(faults, path, host)
}

function ingressFaults(faults: Faults, { metadata, spec = {} }: Ingress, old?: Ingress): void {
  const { rules = [], defaultBackend, tls = [], ingressClassName } = spec
  if (rules.length === 0 && !defaultBackend) faults.invalid('spec', rules, 'either `defaultBackend` or `rules` must be specified')
  if (defaultBackend) backendFaults(faults, 'spec.defaultBackend', defaultBackend)
  for (const [i, { host, http }] of rules.entries()) {
    const at = `spec.rules[${i}]`
    if (host) hostFaults(faults, `${at}.host`, host)
    if (!http) continue
    if (!http.paths?.length) faults.required(`${at}.http.paths`)
    for (const [j, path] of (http.paths ?? []).entries()) pathFaults(faults, `${at}.http.paths[${j}]`, path)
  }
  for (const [i, { hosts = [], secretName }] of tls.entries()) {
    for (const [j, host] of hosts.entries()) hostFaults(faults, `spec.tls[${i}].hosts[${j}]`, host, true)
    const unchanged = old?.spec?.tls?.[i]?.secretName === secretName
    if (secretName && !unchanged) mustBeSubdomain(faults, `spec.tls[${i}].secretName`, secretName)
  }
  if (ingressClassName !== undefined) mustBeSubdomain(faults, 'spec.ingressClassName', ingressClassName)
  const annotation = metadata.annotations?.[classAnnotation]
  if (!old && annotation !== undefined && ingressClassName !== undefined && annotation !== ingressClassName)
    faults.invalid(`metadata.annotations.${classAnnotation}`, annotation, 'must match `ingressClassName` when both are specified')
}

function pathFaults(faults: Faults, path: string, { path: given = '', pathType, backend }: HTTPIngressPath): void {
  if (pathType === undefined) return faults.required(`${path}.pathType`, 'pathType must be specified')
  if (pathType === 'Exact' || pathType === 'Prefix') {
    if (!given.startsWith('/')) faults.invalid(`${path}.path`, given, 'must be an absolute path')
    if (given) {
      for (const odd of oddSequences) if (given.includes(odd)) faults.invalid(`${path}.path`, given, `must not contain '${odd}'`)
      for (const odd of oddEndings) if (given.endsWith(odd)) faults.invalid(`${path}.path`, given, `cannot end with '${odd}'`)
    }
  } else if (pathType === 'ImplementationSpecific') {
    if (given && !given.startsWith('/')) faults.invalid(`${path}.path`, given, 'must be an absolute path')
  } else faults.notSupported(`${path}.pathType`, pathType, pathTypes)
  backendFaults(faults, `${path}.backend`, backend ?? {})
}

function backendFaults(faults: Faults, path: string, { service, resource }: IngressBackend): void {
  if (service && resource) return faults.invalid(path, '', 'cannot set both resource and service backends')
  if (resource) {
    if (resource.apiGroup !== undefined && !isSubdomain(resource.apiGroup))
      mustBeSubdomain(faults, `${path}.resource.apiGroup`, resource.apiGroup)
    segmentFaults(faults, `${path}.resource.kind`, resource.kind)
    segmentFaults(faults, `${path}.resource.name`, resource.name)
    return
  }
  if (!service) return faults.required(path, 'port name or number is required')
  if (!service.name) faults.required(`${path}.service.name`)
  else if (!isLabel1035(service.name)) mustBeLabel(faults, `${path}.service.name`, service.name)
  const { name = '', number = 0 } = service.port ?? {}
  if (name && number) faults.invalid(path, '', 'cannot set both port name & port number')
  else if (name) mustBePortName(faults, `${path}.service.port.name`, name)
  else if (number) mustBePort(faults, `${path}.service.port.number`, number)
  else faults.required(path, 'port name or number is required')
}

function segmentFaults(faults: Faults, path: string, text: string | undefined): void {
  if (!text) faults.required(path)
  else mustBePathSegment(faults, path, text)
}

function statusFaults(faults: Faults, path: string, { ip, hostname }: IngressLoadBalancerIngress): void {
  if (ip) mustBeIp(faults, `${path}.ip`, ip)
  if (!hostname) return
  mustBeSubdomain(faults, `${path}.hostname`, hostname)
  if (parseIp(hostname)) faults.invalid(`${path}.hostname`, hostname, 'must be a DNS name, not an IP address')
}

export const ingressRules: KindRules<Ingress> = {
  create(faults, ingress) {
    ingressFaults(faults, ingress)
  },
  update: ingressFaults,
  status(faults, { status }) {
    for (const [i, one] of (status?.loadBalancer?.ingress ?? []).entries()) statusFaults(faults, `status.loadBalancer.ingress[${i}]`, one)
  },
  warnings({ metadata }, old) {
    const has = metadata.annotations?.[classAnnotation] !== undefined
    return has && !old ? [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`] : []
  },
}

function classFaults(faults: Faults, { spec }: IngressClass): void {
  const { controller = '', parameters } = spec ?? {}
  if (controller.length > controllerLengthMax) faults.tooLong('spec.controller', controllerLengthMax)
  if (controller === '') faults.required('spec.controller')
  else if (!isDomainPrefixedPath(controller))
    faults.invalid('spec.controller', controller, 'must be a domain-prefixed path (such as "acme.io/foo")')
  if (!parameters) return
  const { apiGroup, kind, name, scope, namespace } = parameters
  if (apiGroup !== undefined) mustBeSubdomain(faults, 'spec.parameters.apiGroup', apiGroup)
  segmentFaults(faults, 'spec.parameters.kind', kind)
  segmentFaults(faults, 'spec.parameters.name', name)
  if (!scope) return faults.required('spec.parameters.scope')
  faults.optionalWord('spec.parameters.scope', scope, new Set(['Cluster', 'Namespace']))
  if (scope === 'Namespace') {
    if (!namespace) faults.required('spec.parameters.namespace', "`parameters.scope` is set to 'Namespace'")
    else mustBePathSegment(faults, 'spec.parameters.namespace', namespace)
  } else if (scope === 'Cluster' && namespace !== undefined)
    faults.forbidden('spec.parameters.namespace', "`parameters.scope` is set to 'Cluster'")
}

export const ingressClassRules: KindRules<IngressClass> = {
  create: classFaults,
  update(faults, one, old) {
    classFaults(faults, one)
    if (!sameJson(one.spec?.controller, old.spec?.controller)) faults.invalid('spec.controller', one.spec?.controller, immutable)
  },
}
