/** Ports, environment, probes and hooks of a container (core/v1). */
import type {
  ContainerPort,
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  ExecAction,
  GRPCAction,
  HTTPGetAction,
  Lifecycle,
  ObjectFieldSelector,
  Probe,
  ResourceFieldSelector,
  SleepAction,
  TCPSocketAction,
} from '../../types/core-v1.js'
import type { Faults } from '../faults.js'
import {
  isConfigKey,
  isEnvName,
  isHeaderName,
  isPortName,
  mustBePort,
  mustBePortName,
  mustBePortOrName,
  mustBeQualified,
  mustBeSubdomain,
} from '../names.js'

export const protocols: ReadonlySet<string> = new Set(['SCTP', 'TCP', 'UDP'])
const schemes = new Set(['HTTP', 'HTTPS'])
const envFields = new Set([
  ...['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName'],
  ...['status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'],
])
const containerAmounts = new Set(['cpu', 'memory', 'ephemeral-storage'].flatMap((name) => [`limits.${name}`, `requests.${name}`]))
/** Everything that the downward API can name at all (a label or an annotation with its key in brackets besides). */
const knownFields = new Set([
  ...envFields,
  ...['metadata.annotations', 'metadata.labels', 'spec.restartPolicy', 'spec.schedulerName', 'status.phase', 'spec.host'],
])
const sizeDivisors = new Set(['1', ...['k', 'M', 'G', 'T', 'P', 'E', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((unit) => `1${unit}`)])
const cpuDivisors = new Set(['1m', '1'])

export function portsFaults(faults: Faults, path: string, ports: readonly ContainerPort[] | undefined): void {
  if (!ports) return
  const names = new Set<string>()
  for (let i = 0; i < ports.length; i++) {
    const { name, containerPort = 0, hostPort = 0, protocol } = ports[i] as ContainerPort
    const at = `${path}[${i}]`
    if (name) {
      if (!isPortName(name)) mustBePortName(faults, `${at}.name`, name)
      else if (names.has(name)) faults.duplicate(`${at}.name`, name)
      names.add(name)
    }
    if (containerPort === 0) faults.required(`${at}.containerPort`)
    else mustBePort(faults, `${at}.containerPort`, containerPort)
    if (hostPort !== 0) mustBePort(faults, `${at}.hostPort`, hostPort)
    faults.word(`${at}.protocol`, protocol, protocols)
  }
}

export function envFaults(faults: Faults, path: string, variables: readonly EnvVar[] | undefined): void {
  if (!variables) return
  for (let i = 0; i < variables.length; i++) {
    const { name, value, valueFrom } = variables[i] as EnvVar
    if (!name) faults.required(`${path}[${i}].name`)
    else if (!isEnvName(name))
      faults.invalid(
        `${path}[${i}].name`,
        name,
        "a valid environment variable name must consist only of printable ASCII characters other than '='",
      )
    if (valueFrom) valueFromFaults(faults, `${path}[${i}].valueFrom`, valueFrom, value)
  }
}

function valueFromFaults(faults: Faults, path: string, source: EnvVarSource, value: string | undefined): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source
  if (fieldRef) fieldRefFaults(faults, `${path}.fieldRef`, fieldRef, envFields)
  if (resourceFieldRef) resourceRefFaults(faults, `${path}.resourceFieldRef`, resourceFieldRef, false)
  if (configMapKeyRef) keyRefFaults(faults, `${path}.configMapKeyRef`, configMapKeyRef)
  if (secretKeyRef) keyRefFaults(faults, `${path}.secretKeyRef`, secretKeyRef)
  if (fileKeyRef) {
    faults.text(`${path}.fileKeyRef.volumeName`, fileKeyRef.volumeName)
    faults.text(`${path}.fileKeyRef.path`, fileKeyRef.path)
    faults.text(`${path}.fileKeyRef.key`, fileKeyRef.key)
  }
  const sources = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter((source) => source !== undefined).length
  if (sources === 0)
    faults.invalid(path, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`')
  else if (value) faults.invalid(path, '', 'may not be specified when `value` is not empty')
  else if (sources > 1) faults.invalid(path, '', 'may not have more than one field specified at a time')
}

function keyRefFaults(faults: Faults, path: string, { name = '', key }: { name?: string; key?: string }): void {
  mustBeSubdomain(faults, `${path}.name`, name)
  if (!key) faults.required(`${path}.key`)
  else if (!isConfigKey(key))
    faults.invalid(`${path}.key`, key, "a valid config key must consist of alphanumeric characters, '-', '_' or '.'")
}

export function fieldRefFaults(faults: Faults, path: string, ref: ObjectFieldSelector, allowed: ReadonlySet<string>): void {
  const { apiVersion = '', fieldPath = '' } = ref
  if (apiVersion === '') return faults.required(`${path}.apiVersion`)
  if (fieldPath === '') return faults.required(`${path}.fieldPath`)
  const subscript = /^([^[]+)\['([^']*)'\]$/.exec(fieldPath)
  if (subscript) {
    const [, of = '', key = ''] = subscript
    if (of === 'metadata.annotations') mustBeQualified(faults, path, key.toLowerCase())
    else if (of === 'metadata.labels') mustBeQualified(faults, path, key)
    else faults.invalid(`${path}.fieldPath`, fieldPath, 'does not support subscript')
  } else if (apiVersion !== 'v1' || !knownFields.has(fieldPath))
    faults.invalid(`${path}.fieldPath`, fieldPath, `field label not supported: ${fieldPath}`)
  else if (!allowed.has(fieldPath)) faults.notSupported(`${path}.fieldPath`, fieldPath, allowed)
}

export function resourceRefFaults(faults: Faults, path: string, ref: ResourceFieldSelector, inVolume: boolean): void {
  const { containerName, resource = '', divisor = '0' } = ref
  const isHugePages = resource.startsWith('limits.hugepages-') || resource.startsWith('requests.hugepages-')
  if (inVolume && !containerName) faults.required(`${path}.containerName`)
  else if (resource === '') faults.required(`${path}.resource`)
  else if (!containerAmounts.has(resource) && !isHugePages) faults.notSupported(`${path}.resource`, resource, containerAmounts)
  if (divisor === '0') return
  const divisors = resource.endsWith('.cpu') ? cpuDivisors : containerAmounts.has(resource) || isHugePages ? sizeDivisors : undefined
  if (divisors && !divisors.has(divisor))
    faults.invalid(`${path}.divisor`, resource, `only these divisors are supported: ${[...divisors].join(', ')}`)
}

export function envFromFaults(faults: Faults, path: string, sources: readonly EnvFromSource[] | undefined): void {
  if (!sources) return
  for (const [i, { prefix, configMapRef, secretRef }] of sources.entries()) {
    if (prefix && !isEnvName(prefix)) faults.invalid(`${path}[${i}].prefix`, prefix, 'must consist of printable ASCII characters without =')
    if (configMapRef) envSourceFaults(faults, `${path}[${i}].configMapRef`, configMapRef)
    if (secretRef) envSourceFaults(faults, `${path}[${i}].secretRef`, secretRef)
    if (!configMapRef && !secretRef) faults.invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`')
    else if (configMapRef && secretRef) faults.invalid(path, '', 'may not have more than one field specified at a time')
  }
}

function envSourceFaults(faults: Faults, path: string, { name }: { name?: string }): void {
  if (!name) faults.required(`${path}.name`)
  else mustBeSubdomain(faults, `${path}.name`, name)
}

export type ProbeKind = 'liveness' | 'readiness' | 'startup'

export function probeFaults(
  faults: Faults,
  path: string,
  probe: Probe | undefined,
  kind: ProbeKind,
  graceSeconds: number | undefined,
): void {
  if (!probe) return
  handlerFaults(faults, path, probe, graceSeconds)
  faults.nonNegative(`${path}.initialDelaySeconds`, probe.initialDelaySeconds)
  faults.nonNegative(`${path}.timeoutSeconds`, probe.timeoutSeconds)
  faults.nonNegative(`${path}.periodSeconds`, probe.periodSeconds)
  faults.nonNegative(`${path}.successThreshold`, probe.successThreshold)
  faults.nonNegative(`${path}.failureThreshold`, probe.failureThreshold)
  const { terminationGracePeriodSeconds: grace, successThreshold } = probe
  if (grace !== undefined && grace <= 0) faults.invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0')
  if (kind === 'readiness') {
    if (grace !== undefined) faults.invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes')
  } else if (successThreshold !== 1) faults.invalid(`${path}.successThreshold`, successThreshold, 'must be 1')
}

export function lifecycleFaults(faults: Faults, path: string, lifecycle: Lifecycle | undefined, graceSeconds: number | undefined): void {
  if (lifecycle?.postStart) handlerFaults(faults, `${path}.postStart`, lifecycle.postStart, graceSeconds)
  if (lifecycle?.preStop) handlerFaults(faults, `${path}.preStop`, lifecycle.preStop, graceSeconds)
}

interface Handler {
  readonly exec?: ExecAction
  readonly httpGet?: HTTPGetAction
  readonly tcpSocket?: TCPSocketAction
  readonly grpc?: GRPCAction
  readonly sleep?: SleepAction
}

/** Exactly one way; of several the first is judged and the others are refused. */
function handlerFaults(faults: Faults, path: string, handler: Handler, graceSeconds: number | undefined): void {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler
  let found = false
  const isFirst = (name: keyof Handler) => {
    if (found) faults.forbidden(`${path}.${name}`, 'may not specify more than 1 handler type')
    const first = !found
    found = true
    return first
  }
  if (exec && isFirst('exec') && !exec.command?.length) faults.required(`${path}.exec.command`)
  if (httpGet && isFirst('httpGet')) httpGetFaults(faults, `${path}.httpGet`, httpGet)
  if (tcpSocket && isFirst('tcpSocket')) mustBePortOrName(faults, `${path}.tcpSocket.port`, tcpSocket.port)
  if (grpc && isFirst('grpc')) mustBePort(faults, `${path}.grpc.port`, grpc.port ?? 0)
  if (sleep && isFirst('sleep') && graceSeconds !== undefined) {
    const seconds = sleep.seconds ?? 0
    if (seconds < 0 || seconds > graceSeconds)
      faults.invalid(`${path}.sleep`, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`)
  }
  if (!found) faults.required(path, 'must specify a handler type')
}

function httpGetFaults(faults: Faults, path: string, { path: url, port, scheme, httpHeaders = [] }: HTTPGetAction): void {
  if (!url) faults.required(`${path}.path`)
  mustBePortOrName(faults, `${path}.port`, port)
  if (!schemes.has(scheme ?? '')) faults.notSupported(`${path}.scheme`, scheme, schemes)
  for (const { name = '' } of httpHeaders)
    if (!isHeaderName(name))
      faults.invalid(`${path}.httpHeaders`, name, "a valid HTTP header must consist of alphanumeric characters or '-'")
}
