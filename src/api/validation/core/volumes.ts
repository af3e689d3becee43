/** Volumes of a pod (core/v1): one source each, and its rules. */
import type {
  ConfigMapVolumeSource,
  CSIVolumeSource,
  DownwardAPIVolumeFile,
  DownwardAPIVolumeSource,
  EphemeralVolumeSource,
  GitRepoVolumeSource,
  ImageVolumeSource,
  KeyToPath,
  ProjectedVolumeSource,
  SecretVolumeSource,
  Volume,
  VolumeProjection,
} from '../../types/core-v1.js'
import { amountOf } from '../../resource-usage/amount.js'
import type { Faults } from '../faults.js'
import { isSubdomain, mustBeAnnotations, mustBeFreePath, mustBeLabel, mustBeLabels, mustBeRelativePath, mustBeSubdomain } from '../names.js'
import { labelSelectorFaults } from '../selectors.js'
import { fieldRefFaults, resourceRefFaults } from './container-parts.js'
import { claimSpecFaults } from './persistent-volume-claim-spec.js'
import {
  awsElasticBlockStoreFaults,
  azureDiskFaults,
  csiDriverNameFaults,
  fcFaults,
  flexOptionsFaults,
  flockerFaults,
  gcePersistentDiskFaults,
  hostPathFaults,
  iscsiFaults,
  nfsFaults,
  quobyteFaults,
  secretNamed,
  type SourceRule,
  storageOsFaults,
  textsOf,
} from './volume-sources.js'

const modeMax = 0o777
const tokenSecondsMin = 600
const tokenSecondsMax = 2 ** 32
const volumeFields = new Set(['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'])
const pullPolicies = new Set(['Always', 'IfNotPresent', 'Never'])

type Sources = Omit<Volume, 'name'>

/** In upstream's order: of several sources the first is judged, the others are one too many. */
const rules: { readonly [K in keyof Sources]-?: SourceRule<NonNullable<Sources[K]>> } = {
  emptyDir: (faults, path, { sizeLimit }) => {
    if (sizeLimit && amountOf(sizeLimit).nanos < 0n)
      faults.forbidden(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')
  },
  hostPath: hostPathFaults,
  gitRepo: (faults, path, { repository, directory = '' }: GitRepoVolumeSource) => {
    faults.text(`${path}.repository`, repository)
    mustBeRelativePath(faults, `${path}.directory`, directory)
  },
  gcePersistentDisk: gcePersistentDiskFaults,
  awsElasticBlockStore: awsElasticBlockStoreFaults,
  secret: (faults, path, source: SecretVolumeSource) => {
    faults.text(`${path}.secretName`, source.secretName)
    filesFaults(faults, path, source)
  },
  nfs: nfsFaults,
  iscsi: iscsiFaults,
  glusterfs: textsOf('endpoints', 'path'),
  flocker: flockerFaults,
  persistentVolumeClaim: textsOf('claimName'),
  rbd: textsOf('monitors', 'image'),
  cinder: (faults, path, source) => {
    faults.text(`${path}.volumeID`, source.volumeID)
    secretNamed(faults, `${path}.secretRef`, source.secretRef)
  },
  cephfs: textsOf('monitors'),
  quobyte: quobyteFaults,
  downwardAPI: (faults, path, { defaultMode, items = [] }: DownwardAPIVolumeSource) => {
    faults.between(`${path}.defaultMode`, defaultMode, 0, modeMax)
    for (const file of items) fileOfApiFaults(faults, path, file)
  },
  fc: fcFaults,
  flexVolume: flexOptionsFaults,
  configMap: (faults, path, source: ConfigMapVolumeSource) => {
    faults.text(`${path}.name`, source.name)
    filesFaults(faults, path, source)
  },
  azureFile: textsOf('secretName', 'shareName'),
  vsphereVolume: textsOf('volumePath'),
  photonPersistentDisk: textsOf('pdID'),
  portworxVolume: textsOf('volumeID'),
  azureDisk: azureDiskFaults,
  storageos: (faults, path, source) => {
    storageOsFaults(faults, path, source)
    secretNamed(faults, `${path}.secretRef`, source.secretRef)
  },
  projected: projectedFaults,
  scaleIO: textsOf('gateway', 'system', 'volumeName'),
  csi: (faults, path, { driver, nodePublishSecretRef }: CSIVolumeSource) => {
    csiDriverNameFaults(faults, `${path}.driver`, driver)
    if (!nodePublishSecretRef) return
    if (!nodePublishSecretRef.name) faults.required(`${path}.nodePublishSecretRef.name`)
    else mustBeSubdomain(faults, `${path}.name`, nodePublishSecretRef.name)
  },
  ephemeral: ephemeralFaults,
  image: (faults, path, { reference, pullPolicy }: ImageVolumeSource) => {
    faults.text(`${path}.reference`, reference)
    faults.word(`${path}.pullPolicy`, pullPolicy, pullPolicies)
  },
}

const sourceNames = Object.keys(rules) as (keyof Sources)[]

/**
 * `podName`: of a pod, whose claims will be named after it; undefined in a template. Returns the volumes without fault, by name:
 * only these can be mounted.
 */
export function volumesFaults(
  faults: Faults,
  path: string,
  volumes: readonly Volume[] | undefined,
  podName: string | undefined,
): ReadonlyMap<string, Volume> {
  if (!volumes || volumes.length === 0) return noVolumes
  const good = new Map<string, Volume>()
  const ownClaims = podName ? new Set(volumes.filter(({ ephemeral }) => ephemeral).map(({ name }) => `${podName}-${name}`)) : undefined
  for (let i = 0; i < volumes.length; i++) {
    const volume = volumes[i] as Volume
    const at = `${path}[${i}]`
    const name = volume.name ?? ''
    const before = faults.count
    sourceFaults(faults, at, volume, podName)
    if (name === '') faults.required(`${at}.name`)
    else mustBeLabel(faults, `${at}.name`, name)
    if (good.has(name)) faults.duplicate(`${at}.name`, name)
    if (faults.count === before) good.set(name, volume)
    const claim = volume.persistentVolumeClaim?.claimName
    if (claim && ownClaims?.has(claim))
      faults.invalid(`${at}.persistentVolumeClaim.claimName`, claim, 'must not reference a PVC that gets created for an ephemeral volume')
  }
  return good
}

const noVolumes: ReadonlyMap<string, Volume> = new Map()

function sourceFaults(faults: Faults, path: string, volume: Volume, podName: string | undefined): void {
  let found = false
  for (const name of sourceNames) {
    const source = volume[name]
    if (source === undefined) continue
    if (found) faults.forbidden(`${path}.${name === 'cephfs' ? 'cephFS' : name}`, 'may not specify more than 1 volume type')
    else (rules[name] as SourceRule<unknown>)(faults, `${path}.${name}`, source, { name: volume.name ?? '' })
    found = true
  }
  if (!found) faults.required(path, 'must specify a volume type')
  if (volume.ephemeral && podName && volume.name && !isSubdomain(`${podName}-${volume.name}`))
    faults.invalid(`${path}.name`, volume.name, `PVC name "${podName}-${volume.name}" must be a DNS subdomain`)
}

function filesFaults(faults: Faults, path: string, { defaultMode, items }: { defaultMode?: number; items?: KeyToPath[] }): void {
  faults.between(`${path}.defaultMode`, defaultMode, 0, modeMax)
  for (const [i, item] of (items ?? []).entries()) keyToPathFaults(faults, `${path}.items[${i}]`, item)
}

function keyToPathFaults(faults: Faults, path: string, { key, path: file = '', mode }: KeyToPath): void {
  faults.text(`${path}.key`, key)
  faults.text(`${path}.path`, file)
  mustBeFreePath(faults, `${path}.path`, file)
  faults.between(`${path}.mode`, mode, 0, modeMax)
}

function fileOfApiFaults(faults: Faults, path: string, file: DownwardAPIVolumeFile): void {
  faults.text(`${path}.path`, file.path)
  mustBeFreePath(faults, `${path}.path`, file.path ?? '')
  if (file.fieldRef) {
    fieldRefFaults(faults, `${path}.fieldRef`, file.fieldRef, volumeFields)
    if (file.resourceFieldRef) faults.invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously')
  } else if (file.resourceFieldRef) resourceRefFaults(faults, `${path}.resourceFieldRef`, file.resourceFieldRef, true)
  else faults.required(path, 'one of fieldRef and resourceFieldRef is required')
  faults.between(`${path}.mode`, file.mode, 0, modeMax)
}

function projectedFaults(faults: Faults, path: string, { defaultMode, sources }: ProjectedVolumeSource): void {
  faults.between(`${path}.defaultMode`, defaultMode, 0, modeMax)
  const taken = new Set<string>()
  const take = (file: string | undefined, value: unknown) => {
    if (!file) return
    if (taken.has(file)) faults.invalid(path, value, 'conflicting duplicate paths')
    taken.add(file)
  }
  for (const [i, source] of (sources ?? []).entries()) projectionFaults(faults, path, `${path}.sources[${i}]`, source, take)
}

function projectionFaults(
  faults: Faults,
  volumePath: string,
  path: string,
  source: VolumeProjection,
  take: (file: string | undefined, value: unknown) => void,
): void {
  let found = 0
  for (const kind of ['secret', 'configMap'] as const) {
    const files = source[kind]
    if (!files) continue
    found++
    faults.text(`${path}.${kind}.name`, files.name)
    for (const [i, item] of (files.items ?? []).entries()) {
      keyToPathFaults(faults, `${path}.${kind}.items[${i}]`, item)
      take(item.path, files.name)
    }
  }
  if (source.downwardAPI) {
    found++
    for (const file of source.downwardAPI.items ?? []) {
      fileOfApiFaults(faults, `${path}.downwardAPI`, file)
      take(file.path, file.path)
    }
  }
  if (source.serviceAccountToken) {
    found++
    const { expirationSeconds = 0, path: file } = source.serviceAccountToken
    const at = `${path}.serviceAccountToken.expirationSeconds`
    if (expirationSeconds < tokenSecondsMin) faults.invalid(at, expirationSeconds, 'may not specify a duration less than 10 minutes')
    if (expirationSeconds > tokenSecondsMax) faults.invalid(at, expirationSeconds, 'may not specify a duration larger than 2^32 seconds')
    // The path of the whole volume, as upstream reports it.
    if (!file) faults.required(`${volumePath}.path`)
    else mustBeFreePath(faults, `${volumePath}.path`, file)
  }
  if (source.clusterTrustBundle) {
    found++
    trustBundleFaults(faults, `${path}.clusterTrustBundle`, source.clusterTrustBundle)
    take(source.clusterTrustBundle.path, source.clusterTrustBundle.path)
  }
  if (source.podCertificate) found++
  if (found > 1) faults.forbidden(path, 'may not specify more than 1 volume type per source')
}

function trustBundleFaults(faults: Faults, path: string, bundle: NonNullable<VolumeProjection['clusterTrustBundle']>): void {
  const { name, signerName, labelSelector, path: file } = bundle
  if (name !== undefined && signerName !== undefined) faults.invalid(path, bundle, 'only one of name and signerName may be used')
  else if (name !== undefined) {
    if (name === '') faults.required(`${path}.name`, 'must be a valid object name')
    else if (!isSubdomain(name.slice(name.lastIndexOf(':') + 1))) faults.invalid(`${path}.name`, name, 'not a valid clustertrustbundlename')
    if (labelSelector) faults.invalid(`${path}.labelSelector`, labelSelector, 'labelSelector must be unset if name is specified')
  } else if (signerName !== undefined) {
    if (!signerName.includes('/')) faults.invalid(`${path}.signerName`, signerName, 'must be a fully qualified domain and path')
    labelSelectorFaults(faults, `${path}.labelSelector`, labelSelector)
  } else faults.required(path, 'either name or signerName must be specified')
  faults.text(`${path}.path`, file)
  mustBeFreePath(faults, `${path}.path`, file ?? '')
}

const templateMetadata = new Set(['labels', 'annotations'])

function ephemeralFaults(faults: Faults, path: string, { volumeClaimTemplate }: EphemeralVolumeSource): void {
  const at = `${path}.volumeClaimTemplate`
  if (!volumeClaimTemplate) return faults.required(at)
  const { metadata = {}, spec } = volumeClaimTemplate
  mustBeAnnotations(faults, `${at}.metadata.annotations`, metadata.annotations)
  mustBeLabels(faults, `${at}.metadata.labels`, metadata.labels)
  for (const [name, value] of Object.entries(metadata))
    if (!templateMetadata.has(name) && value !== undefined && value !== null && value !== '')
      faults.forbidden(`${at}.metadata.${name}`, 'cannot be set')
  claimSpecFaults(faults, `${at}.spec`, spec ?? {})
}
