/** What a PersistentVolumeClaim, or a template of one, asks for (core/v1). */
import type { PersistentVolumeClaimSpec, TypedLocalObjectReference, TypedObjectReference } from '../../types/core-v1.js'
import { amountOf } from '../../resource-usage/amount.js'
import type { Faults } from '../faults.js'
import { isSubdomain, mustBeSubdomain } from '../names.js'
import { labelSelectorFaults } from '../selectors.js'

export const accessModes: ReadonlySet<string> = new Set(['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'])
export const volumeModes: ReadonlySet<string> = new Set(['Block', 'Filesystem'])

export interface ClaimOptions {
  /** The old object has a selector that would be refused today. */
  readonly anySelectorValue?: boolean
  /** The old object names an API group: whatever it is, it may stay. */
  readonly anyApiGroup?: boolean
}

export function claimSpecFaults(faults: Faults, path: string, spec: PersistentVolumeClaimSpec, options: ClaimOptions = {}): void {
  if (!spec.accessModes?.length) faults.required(`${path}.accessModes`, 'at least 1 access mode is required')
  labelSelectorFaults(faults, `${path}.selector`, spec.selector, options.anySelectorValue ? { anyValue: true } : {})
  accessModesFaults(faults, `${path}.accessModes`, spec.accessModes)
  const storage = spec.resources?.requests?.['storage']
  if (storage === undefined) faults.required(`${path}.resources[storage]`)
  else if (amountOf(storage).nanos <= 0n) faults.invalid(`${path}.resources[storage]`, storage, 'must be greater than zero')
  if (spec.storageClassName) mustBeSubdomain(faults, `${path}.storageClassName`, spec.storageClassName)
  faults.optionalWord(`${path}.volumeMode`, spec.volumeMode, volumeModes)
  dataSourceFaults(faults, path, spec, options)
  if (spec.volumeAttributesClassName) mustBeSubdomain(faults, `${path}.volumeAttributesClassName`, spec.volumeAttributesClassName)
}

export function accessModesFaults(faults: Faults, path: string, modes: readonly string[] | undefined): void {
  let single = false
  let others = false
  for (const mode of modes ?? []) {
    if (!accessModes.has(mode)) faults.notSupported(path, mode, accessModes)
    else if (mode === 'ReadWriteOncePod') single = true
    else others = true
  }
  if (single && others) faults.forbidden(path, 'may not use ReadWriteOncePod with other access modes')
}

function dataSourceFaults(faults: Faults, path: string, spec: PersistentVolumeClaimSpec, options: ClaimOptions): void {
  const { dataSource, dataSourceRef } = spec
  if (dataSource) sourceRefFaults(faults, `${path}.dataSource`, dataSource, options)
  if (dataSourceRef) sourceRefFaults(faults, `${path}.dataSourceRef`, dataSourceRef, options)
  if (!dataSource || !dataSourceRef) return
  if (dataSourceRef.namespace) faults.invalid(path, `${path}.dataSource`, 'may not be specified when dataSourceRef.namespace is specified')
  else if (
    dataSource.apiGroup !== dataSourceRef.apiGroup ||
    dataSource.kind !== dataSourceRef.kind ||
    dataSource.name !== dataSourceRef.name
  )
    faults.invalid(path, `${path}.dataSource`, 'must match dataSourceRef')
}

function sourceRefFaults(
  faults: Faults,
  path: string,
  source: TypedLocalObjectReference | TypedObjectReference,
  { anyApiGroup }: ClaimOptions,
): void {
  const { name, kind, apiGroup } = source
  faults.text(`${path}.name`, name)
  faults.text(`${path}.kind`, kind)
  if (!apiGroup && kind !== 'PersistentVolumeClaim')
    faults.invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup")
  if (apiGroup && !anyApiGroup && !isSubdomain(apiGroup)) mustBeSubdomain(faults, `${path}.apiGroup`, apiGroup)
  if ('namespace' in source && source.namespace) namespaceOfSource(faults, `${path}.namespace`, source.namespace)
}

function namespaceOfSource(faults: Faults, path: string, namespace: string): void {
  if (!isSubdomain(namespace) || namespace.includes('.') || namespace.length > 63) faults.invalid(path, namespace, 'must be a DNS label')
}
