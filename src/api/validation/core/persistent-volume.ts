/** PersistentVolumes (core/v1). */
import type { PersistentVolume, PersistentVolumeSpec, SecretReference } from '../../types/core-v1.js'
import { sameJson } from '../../same-json.js'
import { type Faults, immutable } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { mustBeLabel, mustBeSubdomain, mustNotStepBack } from '../names.js'
import { positiveAmount } from '../resources.js'
import { hasOddTermValues, nodeSelectorFaults } from '../selectors.js'
import { accessModesFaults, volumeModes } from './persistent-volume-claim-spec.js'
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

const reclaimPolicies = new Set(['Delete', 'Recycle', 'Retain'])

type Source<K extends keyof PersistentVolumeSpec> = SourceRule<NonNullable<PersistentVolumeSpec[K]>>

/** In upstream's order: of several sources the first is judged, the others are one too many. */
const rules = {
  hostPath: hostPathFaults as Source<'hostPath'>,
  gcePersistentDisk: gcePersistentDiskFaults as Source<'gcePersistentDisk'>,
  awsElasticBlockStore: awsElasticBlockStoreFaults as Source<'awsElasticBlockStore'>,
  glusterfs: ((faults, path, source) => {
    textsOf<NonNullable<typeof source>>('endpoints', 'path')(faults, path, source, { name: '' })
    if (source.endpointsNamespace !== undefined) mustBeLabel(faults, `${path}.endpointsNamespace`, source.endpointsNamespace)
  }) as Source<'glusterfs'>,
  flocker: flockerFaults as Source<'flocker'>,
  nfs: nfsFaults as Source<'nfs'>,
  rbd: textsOf('monitors', 'image') as Source<'rbd'>,
  quobyte: quobyteFaults as Source<'quobyte'>,
  cephfs: textsOf('monitors') as Source<'cephfs'>,
  iscsi: ((faults, path, source, of) => {
    iscsiFaults(faults, path, source, of)
    secretNamed(faults, `${path}.secretRef`, source.secretRef)
  }) as Source<'iscsi'>,
  cinder: ((faults, path, source) => {
    faults.text(`${path}.volumeID`, source.volumeID)
    secretNamed(faults, `${path}.secretRef`, source.secretRef, true)
  }) as Source<'cinder'>,
  fc: fcFaults as Source<'fc'>,
  flexVolume: flexOptionsFaults as Source<'flexVolume'>,
  azureFile: ((faults, path, source) => {
    textsOf<NonNullable<typeof source>>('secretName', 'shareName')(faults, path, source, { name: '' })
    if (source.secretNamespace === '') faults.required(`${path}.secretNamespace`)
  }) as Source<'azureFile'>,
  vsphereVolume: textsOf('volumePath') as Source<'vsphereVolume'>,
  photonPersistentDisk: textsOf('pdID') as Source<'photonPersistentDisk'>,
  portworxVolume: textsOf('volumeID') as Source<'portworxVolume'>,
  azureDisk: azureDiskFaults as Source<'azureDisk'>,
  scaleIO: textsOf('gateway', 'system', 'volumeName') as Source<'scaleIO'>,
  local: ((faults, path, { path: file }) => {
    if (file) mustNotStepBack(faults, `${path}.path`, file)
    else faults.required(`${path}.path`)
  }) as Source<'local'>,
  storageos: ((faults, path, source) => {
    storageOsFaults(faults, path, source)
    secretNamed(faults, `${path}.secretRef`, source.secretRef, true)
  }) as Source<'storageos'>,
  csi: ((faults, path, source) => {
    csiDriverNameFaults(faults, `${path}.driver`, source.driver)
    faults.text(`${path}.volumeHandle`, source.volumeHandle)
    for (const name of ['controllerPublishSecretRef', 'controllerExpandSecretRef', 'nodePublishSecretRef', 'nodeExpandSecretRef'] as const)
      secretRefFaults(faults, `${path}.${name}`, source[name])
  }) as Source<'csi'>,
} as const

const sourceNames = Object.keys(rules) as (keyof typeof rules)[]

function secretRefFaults(faults: Faults, path: string, ref: SecretReference | undefined): void {
  if (!ref) return
  if (ref.name) mustBeSubdomain(faults, `${path}.name`, ref.name)
  else faults.required(`${path}.name`)
  if (ref.namespace) mustBeLabel(faults, `${path}.namespace`, ref.namespace)
  else faults.required(`${path}.namespace`)
}

export function volumeSpecFaults(faults: Faults, path: string, spec: PersistentVolumeSpec, name: string, old?: PersistentVolumeSpec): void {
  if (!spec.accessModes?.length) faults.required(`${path}.accessModes`)
  accessModesFaults(faults, `${path}.accessModes`, spec.accessModes)
  capacityFaults(faults, `${path}.capacity`, spec.capacity ?? {})
  if (spec.persistentVolumeReclaimPolicy)
    faults.optionalWord(`${path}.persistentVolumeReclaimPolicy`, spec.persistentVolumeReclaimPolicy, reclaimPolicies)
  if (spec.nodeAffinity) {
    const at = `${path}.nodeAffinity.required`
    const anyValue = hasOddTermValues(old?.nodeAffinity?.required)
    if (!spec.nodeAffinity.required) faults.required(at, 'must specify required node constraints')
    else nodeSelectorFaults(faults, at, spec.nodeAffinity.required, anyValue ? { anyValue } : {})
  }
  sourceFaults(faults, path, spec, name)
  const isRoot = /^\/+(?:\.\/*)*$/.test(spec.hostPath?.path ?? '')
  if (isRoot && spec.persistentVolumeReclaimPolicy === 'Recycle')
    faults.forbidden(`${path}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'")
  if (spec.storageClassName) mustBeSubdomain(faults, `${path}.storageClassName`, spec.storageClassName)
  faults.optionalWord(`${path}.volumeMode`, spec.volumeMode, volumeModes)
  const { volumeAttributesClassName } = spec
  if (volumeAttributesClassName === undefined) return
  if (volumeAttributesClassName === '') faults.required(`${path}.volumeAttributesClassName`, 'an empty string is disallowed')
  else mustBeSubdomain(faults, `${path}.volumeAttributesClassName`, volumeAttributesClassName)
  if (!spec.csi) faults.required(`${path}.csi`, 'has to be specified when using volumeAttributesClassName')
}

function capacityFaults(faults: Faults, path: string, capacity: Readonly<Record<string, string>>): void {
  const names = Object.keys(capacity)
  if (names.length === 0) faults.required(path)
  if (!Object.hasOwn(capacity, 'storage') || names.length > 1) faults.notSupported(path, capacity, ['storage'])
  for (const name of names) positiveAmount(faults, `${path}[${name}]`, capacity[name] ?? '')
}

function sourceFaults(faults: Faults, path: string, spec: PersistentVolumeSpec, name: string): void {
  let found = false
  for (const kind of sourceNames) {
    const source = spec[kind]
    if (source === undefined) continue
    if (found && kind !== 'flexVolume')
      faults.forbidden(`${path}.${kind === 'cephfs' ? 'cephFS' : kind}`, 'may not specify more than 1 volume type')
    else {
      ;(rules[kind] as SourceRule<unknown>)(faults, `${path}.${kind}`, source, { name })
      if (kind === 'local' && !spec.nodeAffinity) faults.required(`${path}.nodeAffinity`, 'Local volume requires node affinity')
    }
    found = true
  }
  if (!found) faults.required(path, 'must specify a volume type')
}

/** The source alone; a secret for expansion may be added to it once. */
function sourceOf(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): unknown {
  const source: Record<string, unknown> = {}
  for (const kind of sourceNames) if (spec[kind] !== undefined) source[kind] = spec[kind]
  if (spec.csi && old.csi && !old.csi.controllerExpandSecretRef) {
    const { controllerExpandSecretRef: _, ...csi } = spec.csi
    source['csi'] = csi
  }
  return source
}

const none = {} as PersistentVolumeSpec

export const persistentVolumeRules: KindRules<PersistentVolume> = {
  create: (faults, { metadata, spec = none }) => volumeSpecFaults(faults, 'spec', spec, metadata.name ?? ''),
  update(faults, { metadata, spec = none }, { spec: old = none }) {
    volumeSpecFaults(faults, 'spec', spec, metadata.name ?? '', old)
    if (!sameJson(sourceOf(spec, old), sourceOf(old, old)))
      faults.forbidden('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation')
    if (spec.volumeMode !== old.volumeMode) faults.invalid('volumeMode', spec.volumeMode ?? null, immutable)
    if (old.nodeAffinity && !sameJson(spec.nodeAffinity, old.nodeAffinity))
      faults.invalid('nodeAffinity', spec.nodeAffinity ?? null, immutable)
    if (old.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined)
      faults.forbidden('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden')
  },
  status() {},
  warnings({ metadata, spec = none }) {
    const warnings: string[] = []
    if (metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined)
      warnings.push(
        'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
      )
    if (metadata.annotations?.['volume.beta.kubernetes.io/mount-options'] !== undefined)
      warnings.push(
        'metadata.annotations[volume.beta.kubernetes.io/mount-options]: deprecated since v1.31; use "mountOptions" attribute instead',
      )
    if (spec.persistentVolumeReclaimPolicy === 'Recycle')
      warnings.push(
        'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
      )
    for (const kind of ['photonPersistentDisk', 'scaleIO', 'storageos', 'glusterfs', 'quobyte', 'flocker', 'cephfs', 'rbd'] as const)
      if (spec[kind]) warnings.push(`spec.${kind}: deprecated, non-functional`)
    if (
      spec.nodeAffinity?.required?.nodeSelectorTerms?.some((term) =>
        term.matchExpressions?.some(({ key }) => key.startsWith('beta.kubernetes.io/')),
      )
    )
      warnings.push('spec.nodeAffinity: labels with the prefix beta.kubernetes.io are deprecated')
    return warnings
  },
}
