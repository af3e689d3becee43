/** The kubernetes plugin's lines, checked. */
import { parseLabelSelector } from '../../../api/selectors/label.js'
import { messageOf } from '../../../base/errors.js'
import { isReverseZone } from '../../corefile/address.js'
import type { Directive } from '../../corefile/corefile.js'
import { duration, type Fallthrough, fallthrough, integer, noFallthrough, zonesOrServer } from '../../corefile/values.js'
import { argsOf, argumentError, type ClusterAccessOptions, fault, notImplemented, onlyOne, unknownProperty } from '../../plugin.js'
import type { PodMode } from './names.js'

export interface KubernetesOptions {
  readonly zones: readonly string[]
  readonly primaryZone: string
  readonly pods: PodMode
  readonly endpointPodNames: boolean
  readonly ttl: number
  readonly fallthrough: Fallthrough
  readonly namespaces: ReadonlySet<string> | undefined
  readonly labelSelector: string
  readonly namespaceLabelSelector: string
  readonly endpoints: boolean
  readonly ignoreEmptyService: boolean
  readonly startupTimeoutMs: number
  readonly access: ClusterAccessOptions
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const others = new Set(['multicluster', 'zonal', 'apiserver_qps', 'apiserver_burst', 'apiserver_max_inflight'])

export function kubernetesOptions(directives: readonly Directive[], serverZones: readonly string[]): KubernetesOptions {
  const directive = onlyOne(directives)
  const zones = zonesOrServer(directive, directive.args, serverZones)
  const primaryZone = zones.find((zone) => !isReverseZone(zone))
  if (primaryZone === undefined) throw fault(directive, 'non-reverse zone name must be used')
  const options: Mutable<KubernetesOptions> = {
    zones,
    primaryZone,
    pods: 'disabled',
    endpointPodNames: false,
    ttl: 5,
    fallthrough: noFallthrough,
    namespaces: undefined,
    labelSelector: '',
    namespaceLabelSelector: '',
    endpoints: true,
    ignoreEmptyService: false,
    startupTimeoutMs: 5_000,
    access: {},
  }
  for (const property of directive.block ?? []) read(property, options)
  if (options.namespaces && options.namespaceLabelSelector !== '')
    throw fault(directive, 'namespaces and namespace_labels cannot both be set')
  return options
}

function read(property: Directive, options: Mutable<KubernetesOptions>): void {
  const { name, args } = property
  const [first = ''] = args
  switch (name) {
    case 'pods': {
      argsOf(property, 1)
      if (first !== 'disabled' && first !== 'insecure' && first !== 'verified')
        throw fault(property, `wrong value for pods: ${first}, must be one of: disabled, verified, insecure`)
      options.pods = first
      return
    }
    case 'endpoint_pod_names':
      argsOf(property, 0)
      options.endpointPodNames = true
      return
    case 'namespaces':
      if (args.length === 0) throw argumentError(property)
      options.namespaces = new Set([...(options.namespaces ?? []), ...args])
      return
    case 'labels':
      options.labelSelector = selector(property)
      return
    case 'namespace_labels':
      options.namespaceLabelSelector = selector(property)
      return
    case 'fallthrough':
      options.fallthrough = fallthrough(property)
      return
    case 'ttl':
      argsOf(property, 1)
      options.ttl = integer(property, first)
      if (options.ttl > 3600) throw fault(property, `ttl must be in range [0, 3600]: ${first}`)
      return
    case 'noendpoints':
      argsOf(property, 0)
      options.endpoints = false
      return
    case 'ignore':
      argsOf(property, 1)
      if (first !== 'empty_service') throw fault(property, `unable to parse ignore value: '${first}'`)
      options.ignoreEmptyService = true
      return
    case 'startup_timeout':
      argsOf(property, 1)
      options.startupTimeoutMs = duration(property, first)
      return
    default:
      options.access = { ...options.access, ...access(property) }
  }
}

function access(property: Directive): ClusterAccessOptions {
  const { name, args } = property
  const [first = '', second = '', third = ''] = args
  switch (name) {
    case 'endpoint':
      argsOf(property, 1)
      return { endpoint: first }
    case 'kubeconfig':
      argsOf(property, 1, 2)
      return { kubeconfig: first, ...(second === '' ? {} : { context: second }) }
    case 'tls':
      argsOf(property, 3)
      return { tls: { cert: first, key: second, ca: third } }
    default:
      if (others.has(name)) throw notImplemented(property)
      throw unknownProperty(property)
  }
}

function selector(property: Directive): string {
  if (property.args.length === 0) throw argumentError(property)
  const text = property.args.join(' ')
  try {
    return parseLabelSelector(text).text
  } catch (error) {
    throw fault(property, `unable to parse label selector value: '${text}': ${messageOf(error)}`)
  }
}
