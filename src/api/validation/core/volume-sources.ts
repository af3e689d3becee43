/** Sources of volumes that pods and PersistentVolumes share (core/v1): each judged under the path of its own field. */
import type {
  AWSElasticBlockStoreVolumeSource,
  AzureDiskVolumeSource,
  FCVolumeSource,
  FlockerVolumeSource,
  GCEPersistentDiskVolumeSource,
  HostPathVolumeSource,
  NFSVolumeSource,
  QuobyteVolumeSource,
} from '../../types/core-v1.js'
import type { Faults } from '../faults.js'
import { mustBeLabel, mustBeSubdomain, mustNotStepBack } from '../names.js'

/** Judges one source; `path` is that of its field. */
export type SourceRule<T> = (faults: Faults, path: string, source: T, of: { readonly name: string }) => void

const hostPathTypes = new Set(['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'])
const cachingModes = new Set(['None', 'ReadOnly', 'ReadWrite'])
const diskKinds = new Set(['Dedicated', 'Managed', 'Shared'])
const iqn = /^iqn\.\d{4}-\d{2}\.([a-z0-9-.]+)(:[^,;*&$|\s]+)$/
const eui = /^eui.[0-9A-Fa-f]{16}$/
const naa = /^naa.[0-9A-Fa-f]{32}$/
const iscsiNameLengthMax = 64

export function hostPathFaults(faults: Faults, path: string, { path: file, type }: HostPathVolumeSource): void {
  if (!file) return faults.required(`${path}.path`)
  mustNotStepBack(faults, `${path}.path`, file)
  faults.optionalWord(`${path}.type`, type, hostPathTypes)
}

export function gcePersistentDiskFaults(faults: Faults, path: string, { pdName, partition }: GCEPersistentDiskVolumeSource): void {
  // Upstream spells this path without the provider.
  const at = path.replace(/gcePersistentDisk$/, 'persistentDisk')
  faults.text(`${at}.pdName`, pdName)
  faults.between(`${at}.partition`, partition, 0, 255)
}

export function awsElasticBlockStoreFaults(faults: Faults, path: string, source: AWSElasticBlockStoreVolumeSource): void {
  faults.text(`${path}.volumeID`, source.volumeID)
  faults.between(`${path}.partition`, source.partition, 0, 255)
}

export function nfsFaults(faults: Faults, path: string, { server, path: folder = '' }: NFSVolumeSource): void {
  faults.text(`${path}.server`, server)
  faults.text(`${path}.path`, folder)
  if (!folder.startsWith('/')) faults.invalid(`${path}.path`, folder, 'must be an absolute path')
}

export function quobyteFaults(faults: Faults, path: string, { registry, tenant, volume }: QuobyteVolumeSource): void {
  const detail = 'must be a host:port pair or multiple pairs separated by commas'
  if (!registry) faults.required(`${path}.registry`, detail)
  else if ((tenant?.length ?? 0) >= 65) faults.required(`${path}.tenant`, 'must be a UUID and may not exceed a length of 64 characters')
  else if (registry.split(',').some((pair) => !/^(?:[^:[\]]*|\[[^\]]*\]):[^:]*$/.test(pair)))
    faults.invalid(`${path}.registry`, registry, detail)
  faults.text(`${path}.volume`, volume)
}

export function flockerFaults(faults: Faults, path: string, { datasetName = '', datasetUUID = '' }: FlockerVolumeSource): void {
  if (!datasetName && !datasetUUID) faults.required(path, 'one of datasetName and datasetUUID is required')
  if (datasetName && datasetUUID) faults.invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously')
  if (datasetName.includes('/')) faults.invalid(`${path}.datasetName`, datasetName, "must not contain '/'")
}

export function fcFaults(faults: Faults, path: string, { targetWWNs = [], wwids = [], lun }: FCVolumeSource): void {
  const at = `${path}.targetWWNs`
  if (targetWWNs.length === 0 && wwids.length === 0) faults.required(at, 'must specify either targetWWNs or wwids, but not both')
  if (targetWWNs.length > 0 && wwids.length > 0) faults.invalid(at, targetWWNs, 'targetWWNs and wwids can not be specified simultaneously')
  if (targetWWNs.length === 0) return
  if (lun === undefined) faults.required(`${path}.lun`, 'lun is required if targetWWNs is specified')
  else faults.between(`${path}.lun`, lun, 0, 255)
}

interface Iscsi {
  readonly targetPortal?: string
  readonly iqn?: string
  readonly lun?: number
  readonly chapAuthDiscovery?: boolean
  readonly chapAuthSession?: boolean
  readonly secretRef?: { readonly name?: string }
  readonly initiatorName?: string
}

export function iscsiFaults(faults: Faults, path: string, source: Iscsi, of: { readonly name: string }): void {
  const { targetPortal = '', iqn: name = '', initiatorName, secretRef } = source
  faults.text(`${path}.targetPortal`, targetPortal)
  if (name === '') faults.required(`${path}.iqn`)
  else if (!isIscsiName(name)) faults.invalid(`${path}.iqn`, name, 'must be valid format starting with iqn, eui, or naa')
  faults.between(`${path}.lun`, source.lun, 0, 255)
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !secretRef) faults.required(`${path}.secretRef`)
  if (initiatorName === undefined) return
  if (!isIscsiName(initiatorName)) faults.invalid(`${path}.initiatorname`, initiatorName, 'must be valid format')
  if (`${of.name}:${targetPortal}`.length > iscsiNameLengthMax)
    faults.invalid(
      path.startsWith('spec.iscsi') ? `${path}.targetportal` : path.replace(/\.iscsi$/, '.name'),
      of.name,
      'the volume name and the target portal together must be under 64 characters if initiatorName is specified',
    )
}

const isIscsiName = (name: string) => iqn.test(name) || eui.test(name) || naa.test(name)

export function azureDiskFaults(faults: Faults, path: string, source: AzureDiskVolumeSource): void {
  const { diskURI = '', kind } = source
  faults.text(`${path}.diskName`, source.diskName)
  faults.text(`${path}.diskURI`, diskURI)
  faults.optionalWord(`${path}.cachingMode`, source.cachingMode, cachingModes)
  faults.optionalWord(`${path}.kind`, kind, diskKinds)
  if (kind === undefined) return
  const prefix = kind === 'Managed' ? '/subscriptions/' : 'https://'
  if (!diskURI.startsWith(prefix)) faults.notSupported(`${path}.diskURI`, diskURI, [`${prefix}...`])
}

/** Sources of which some members must be there, and a reference to a secret has a name (and in a PersistentVolume a namespace). */
export function textsOf<T extends object>(...members: readonly (keyof T & string)[]): SourceRule<T> {
  return (faults, path, source) => {
    for (const member of members) {
      const value = source[member] as unknown
      if (!value || (Array.isArray(value) && value.length === 0)) faults.required(`${path}.${member}`)
    }
  }
}

export function secretNamed(
  faults: Faults,
  path: string,
  ref: { name?: string; namespace?: string } | undefined,
  withNamespace = false,
): void {
  if (!ref) return
  faults.text(`${path}.name`, ref.name)
  if (withNamespace) faults.text(`${path}.namespace`, ref.namespace)
}

export function flexOptionsFaults(faults: Faults, path: string, source: { driver?: string; options?: Record<string, string> }): void {
  faults.text(`${path}.driver`, source.driver)
  for (const key of Object.keys(source.options ?? {})) {
    const domain = `.${(key.includes('/') ? key.slice(0, key.indexOf('/')) : key).toLowerCase()}`
    if (domain.endsWith('.kubernetes.io') || domain.endsWith('.k8s.io'))
      faults.invalid(`${path}.options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved')
  }
}

export function storageOsFaults(faults: Faults, path: string, source: { volumeName?: string; volumeNamespace?: string }): void {
  if (!source.volumeName) faults.required(`${path}.volumeName`)
  else mustBeLabel(faults, `${path}.volumeName`, source.volumeName)
  if (source.volumeNamespace) mustBeLabel(faults, `${path}.volumeNamespace`, source.volumeNamespace)
}

export function csiDriverNameFaults(faults: Faults, path: string, name: string | undefined): void {
  if (!name) return faults.required(path)
  if (name.length > 63) faults.tooLong(path, 63)
  mustBeSubdomain(faults, path, name.toLowerCase())
}
