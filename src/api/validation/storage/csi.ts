/** CSIDrivers, CSINodes, CSIStorageCapacities and VolumeAttachments (storage.k8s.io/v1). */
import type { CSIDriver, CSINode, CSIStorageCapacity, TokenRequest, VolumeAttachment } from '../../types/storage-v1.js'
import { csiDriverNameFaults } from '../core/volume-sources.js'
import { volumeSpecFaults } from '../core/persistent-volume.js'
import { sameJson } from '../../same-json.js'
import { type Faults, immutable } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { mustBeQualified, mustBeSubdomain, utf8Length } from '../names.js'
import { nonNegativeAmount } from '../resources.js'
import { labelSelectorFaults } from '../selectors.js'

const fsGroupPolicies = new Set(['File', 'None', 'ReadWriteOnceWithFSType'])
const lifecycleModes = new Set(['Ephemeral', 'Persistent'])
const tokenSecondsMin = 600
const tokenSecondsMax = 2 ** 32
const nodeIdLengthMax = 192
const metadataBytesMax = 256 * 1024
const messageBytesMax = 1024

function driverFaults(faults: Faults, { metadata, spec = {} }: CSIDriver): void {
  csiDriverNameFaults(faults, 'metadata.name', metadata.name)
  for (const name of ['attachRequired', 'podInfoOnMount', 'storageCapacity'] as const)
    if (spec[name] === undefined) faults.required(`spec.${name}`)
  faults.optionalWord('spec.fsGroupPolicy', spec.fsGroupPolicy, fsGroupPolicies)
  tokensFaults(faults, 'spec.tokenRequests', spec.tokenRequests ?? [])
  for (const mode of spec.volumeLifecycleModes ?? [])
    if (!lifecycleModes.has(mode)) faults.notSupported('spec.volumeLifecycleModes', mode, lifecycleModes)
  if (spec.seLinuxMount === undefined) faults.required('spec.seLinuxMount')
  const period = spec.nodeAllocatableUpdatePeriodSeconds
  if (period !== undefined && period < 10)
    faults.invalid('spec.nodeAllocatableUpdatePeriodSeconds', period, 'must be greater than or equal to 10 seconds')
}

function tokensFaults(faults: Faults, path: string, requests: readonly TokenRequest[]): void {
  const seen = new Set<string>()
  for (const [i, { audience = '', expirationSeconds }] of requests.entries()) {
    const at = `${path}[${i}]`
    if (seen.has(audience)) faults.duplicate(`${at}.audience`, audience)
    seen.add(audience)
    if (expirationSeconds === undefined) continue
    if (expirationSeconds < tokenSecondsMin)
      faults.invalid(`${at}.expirationSeconds`, expirationSeconds, 'may not specify a duration less than 10 minutes')
    if (expirationSeconds > tokenSecondsMax)
      faults.invalid(`${at}.expirationSeconds`, expirationSeconds, 'may not specify a duration larger than 2^32 seconds')
  }
}

export const csiDriverRules: KindRules<CSIDriver> = {
  create: driverFaults,
  // KEP-5538: tokens among the volume's attributes end up in logs.
  warnings: ({ spec }) =>
    spec?.tokenRequests?.length && spec.serviceAccountTokenInSecrets === undefined
      ? ['spec.tokenRequests: tokens are passed in the volume context; set spec.serviceAccountTokenInSecrets to pass them as secrets']
      : [],
  update(faults, driver, old) {
    driverFaults(faults, driver)
    for (const name of ['attachRequired', 'volumeLifecycleModes'] as const)
      if (!sameJson(driver.spec?.[name], old.spec?.[name])) faults.invalid(`spec.${name}`, driver.spec?.[name] ?? null, immutable)
  },
}

type NodeDriver = CSINode['spec']['drivers'][number]

function nodeDriverFaults(faults: Faults, path: string, driver: NodeDriver): void {
  const { name, nodeID = '', allocatable } = driver
  const topologyKeys = driver.topologyKeys ?? []
  csiDriverNameFaults(faults, `${path}.name`, name)
  if (nodeID === '') faults.required(`${path}.nodeID`)
  if (nodeID.length > nodeIdLengthMax) faults.invalid(`${path}.nodeID`, nodeID, `must be ${nodeIdLengthMax} characters or less`)
  faults.nonNegative(`${path}.allocatable.count`, allocatable?.count)
  for (const [i, key] of topologyKeys.entries()) {
    if (key === '') faults.required(path)
    if (topologyKeys.indexOf(key) < i) faults.duplicate(path, key)
    mustBeQualified(faults, path, key)
  }
}

function csiNodeFaults(faults: Faults, { spec }: CSINode): void {
  const seen = new Set<string>()
  for (const [i, driver] of (spec?.drivers ?? []).entries()) {
    nodeDriverFaults(faults, `spec.drivers[${i}]`, driver)
    if (seen.has(driver.name)) faults.duplicate(`spec.drivers[${i}].name`, driver.name)
    seen.add(driver.name)
  }
}

export const csiNodeRules: KindRules<CSINode> = {
  create: csiNodeFaults,
  update(faults, node, old) {
    csiNodeFaults(faults, node)
    // A driver may come and go; while it is there only how much it can hold changes.
    const fixed = ({ allocatable: _, ...rest }: NodeDriver) => rest
    for (const driver of node.spec?.drivers ?? []) {
      const before = old.spec?.drivers?.find(({ name }) => name === driver.name)
      if (before && !sameJson(fixed(driver), fixed(before))) faults.invalid('CSINodeDriver', driver, immutable)
    }
  },
}

function capacityFaults(faults: Faults, { storageClassName = '', nodeTopology, capacity }: CSIStorageCapacity): void {
  labelSelectorFaults(faults, 'nodeTopology', nodeTopology)
  mustBeSubdomain(faults, 'storageClassName', storageClassName)
  if (capacity !== undefined) nonNegativeAmount(faults, 'capacity', capacity)
}

export const csiStorageCapacityRules: KindRules<CSIStorageCapacity> = {
  create: capacityFaults,
  update(faults, one, old) {
    capacityFaults(faults, one)
    if (!sameJson(one.nodeTopology, old.nodeTopology)) faults.invalid('nodeTopology', one.nodeTopology ?? null, immutable)
    if (one.storageClassName !== old.storageClassName) faults.invalid('storageClassName', one.storageClassName, immutable)
  },
}

function attachmentFaults(faults: Faults, { spec, status }: VolumeAttachment): void {
  csiDriverNameFaults(faults, 'spec.attacher', spec?.attacher)
  const { persistentVolumeName, inlineVolumeSpec } = spec?.source ?? {}
  const path = 'spec.source'
  if (persistentVolumeName === undefined && inlineVolumeSpec === undefined)
    faults.required(path, 'must specify exactly one of inlineVolumeSpec and persistentVolumeName')
  else if (persistentVolumeName !== undefined && inlineVolumeSpec !== undefined)
    faults.forbidden(path, 'must specify exactly one of inlineVolumeSpec and persistentVolumeName')
  else if (persistentVolumeName === '') faults.required(`${path}.persistentVolumeName`, 'must specify non empty persistentVolumeName')
  else if (persistentVolumeName !== undefined) mustBeSubdomain(faults, `${path}.persistentVolumeName`, persistentVolumeName)
  else if (inlineVolumeSpec) volumeSpecFaults(faults, `${path}.inlineVolumeSpec`, { capacity: { storage: '1' }, ...inlineVolumeSpec }, '')
  if (!spec?.nodeName) faults.required('spec.nodeName')
  else mustBeSubdomain(faults, 'spec.nodeName', spec.nodeName)
  let bytes = 0
  for (const [key, value] of Object.entries(status?.attachmentMetadata ?? {})) bytes += utf8Length(key) + utf8Length(value)
  if (bytes > metadataBytesMax) faults.tooLong('status.attachmentMetadata', metadataBytesMax)
  for (const name of ['attachError', 'detachError'] as const)
    if (utf8Length(status?.[name]?.message ?? '') > messageBytesMax) faults.tooLong(`status.${name}.message`, messageBytesMax)
}

function attachmentUpdate(faults: Faults, attachment: VolumeAttachment, old: VolumeAttachment): void {
  attachmentFaults(faults, attachment)
  if (!sameJson(attachment.spec, old.spec)) faults.invalid('spec', attachment.spec, immutable)
}

export const volumeAttachmentRules: KindRules<VolumeAttachment> = {
  create: attachmentFaults,
  update: attachmentUpdate,
  status: attachmentUpdate,
}
