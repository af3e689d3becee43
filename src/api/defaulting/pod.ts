/** Defaults of pods and pod templates (core/v1 API reference: "defaults to"). In place. */
import type { Container, PodSpec, Probe, ResourceRequirements, Volume } from '../types/core-v1.js'
import { roundAmounts, roundRequirements } from './amounts.js'
import { setDefault } from './set.js'

export function defaultPodSpec(spec: PodSpec, isPod = false): void {
  setDefault(spec, 'dnsPolicy', 'ClusterFirst')
  setDefault(spec, 'restartPolicy', 'Always')
  setDefault(spec, 'terminationGracePeriodSeconds', 30)
  setDefault(spec, 'schedulerName', 'default-scheduler')
  setDefault(spec, 'securityContext', {})
  if (isPod) setDefault(spec, 'enableServiceLinks', true)
  // Both spellings of the account mean one thing.
  if (spec.serviceAccountName) setDefault(spec, 'serviceAccount', spec.serviceAccountName)
  else if (spec.serviceAccount) spec.serviceAccountName = spec.serviceAccount
  const hostNetwork = spec.hostNetwork === true
  for (const container of spec.initContainers ?? []) defaultContainer(container, hostNetwork)
  for (const container of spec.containers ?? []) defaultContainer(container, hostNetwork)
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container, hostNetwork)
  for (const volume of spec.volumes ?? []) defaultVolume(volume)
  roundAmounts(spec.overhead)
  roundRequirements(spec.resources)
  if (!isPod) return
  // Of a pod, not of a template: there the request that follows its limit is each pod's own.
  for (const { resources } of [...(spec.initContainers ?? []), ...(spec.containers ?? []), spec]) defaultRequests(resources)
}

/** A request that is not given follows its limit. */
function defaultRequests(resources: ResourceRequirements | undefined): void {
  if (resources?.limits) resources.requests = { ...resources.limits, ...resources.requests }
}

function defaultContainer(container: Omit<Container, 'name'>, hostNetwork: boolean): void {
  if (!container.imagePullPolicy) container.imagePullPolicy = isLatest(container.image) ? 'Always' : 'IfNotPresent'
  setDefault(container, 'terminationMessagePath', '/dev/termination-log')
  setDefault(container, 'terminationMessagePolicy', 'File')
  setDefault(container, 'resources', {})
  roundRequirements(container.resources)
  for (const port of container.ports ?? []) {
    setDefault(port, 'protocol', 'TCP')
    if (hostNetwork) setDefault(port, 'hostPort', port.containerPort)
  }
  for (const variable of container.env ?? []) {
    if (variable.valueFrom?.fieldRef) setDefault(variable.valueFrom.fieldRef, 'apiVersion', 'v1')
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) if (probe) defaultProbe(probe)
  for (const handler of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (handler?.httpGet) defaultHttpGet(handler.httpGet)
  }
}

/** No tag and no digest means "latest" (container image names). */
function isLatest(image = ''): boolean {
  if (image.includes('@')) return false
  const tag = image.slice(image.lastIndexOf('/') + 1).split(':')[1]
  return tag === undefined || tag === 'latest'
}

function defaultProbe(probe: Probe): void {
  setDefault(probe, 'timeoutSeconds', 1)
  setDefault(probe, 'periodSeconds', 10)
  setDefault(probe, 'successThreshold', 1)
  setDefault(probe, 'failureThreshold', 3)
  if (probe.httpGet) defaultHttpGet(probe.httpGet)
  if (probe.grpc && probe.grpc.service === undefined) probe.grpc.service = ''
}

function defaultHttpGet(action: { path?: string; scheme?: string }): void {
  setDefault(action, 'path', '/')
  setDefault(action, 'scheme', 'HTTP')
}

const readable = 0o644

export function defaultVolume(volume: Volume): void {
  const { secret, configMap, downwardAPI, projected, hostPath, iscsi, rbd, azureDisk, scaleIO, ephemeral, image } = volume
  const sources = Object.keys(volume).filter((key) => key !== 'name' && (volume as unknown as Record<string, unknown>)[key] !== undefined)
  if (sources.length === 0) volume.emptyDir = {}
  if (secret) setDefault(secret, 'defaultMode', readable)
  if (configMap) setDefault(configMap, 'defaultMode', readable)
  if (downwardAPI) {
    setDefault(downwardAPI, 'defaultMode', readable)
    for (const item of downwardAPI.items ?? []) if (item.fieldRef) setDefault(item.fieldRef, 'apiVersion', 'v1')
  }
  if (projected) {
    setDefault(projected, 'defaultMode', readable)
    for (const source of projected.sources ?? []) {
      if (source.serviceAccountToken) setDefault(source.serviceAccountToken, 'expirationSeconds', 3600)
      for (const item of source.downwardAPI?.items ?? []) if (item.fieldRef) setDefault(item.fieldRef, 'apiVersion', 'v1')
    }
  }
  if (hostPath) setDefault(hostPath, 'type', '')
  if (iscsi) setDefault(iscsi, 'iscsiInterface', 'default')
  if (rbd) {
    setDefault(rbd, 'pool', 'rbd')
    setDefault(rbd, 'user', 'admin')
    setDefault(rbd, 'keyring', '/etc/ceph/keyring')
  }
  if (azureDisk) {
    setDefault(azureDisk, 'cachingMode', 'ReadWrite')
    setDefault(azureDisk, 'kind', 'Shared')
    setDefault(azureDisk, 'fsType', 'ext4')
    setDefault(azureDisk, 'readOnly', false)
  }
  if (scaleIO) {
    setDefault(scaleIO, 'storageMode', 'ThinProvisioned')
    setDefault(scaleIO, 'fsType', 'xfs')
  }
  if (image) setDefault(image, 'pullPolicy', isLatest(image.reference) ? 'Always' : 'IfNotPresent')
  if (ephemeral?.volumeClaimTemplate?.spec) setDefault(ephemeral.volumeClaimTemplate.spec, 'volumeMode', 'Filesystem')
  roundRequirements(ephemeral?.volumeClaimTemplate?.spec?.resources)
}
