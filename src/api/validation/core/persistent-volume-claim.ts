/** PersistentVolumeClaims (core/v1): what is asked for does not change, but for the size of a bound one. */
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../types/core-v1.js'
import { amountOf } from '../../resource-usage/amount.js'
import { sameJson } from '../../same-json.js'
import { type Faults, immutable } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { isQualifiedName } from '../names.js'
import { isNativeResource, nonNegativeAmount } from '../resources.js'
import { hasOddValues } from '../selectors.js'
import { claimSpecFaults } from './persistent-volume-claim-spec.js'

const betaClass = 'volume.beta.kubernetes.io/storage-class'
const second = 1_000_000_000n
const resizeStates = new Set([
  ...['ControllerResizeInProgress', 'ControllerResizeInfeasible', 'NodeResizePending', 'NodeResizeInProgress', 'NodeResizeInfeasible'],
])

function claimUpdate(faults: Faults, claim: PersistentVolumeClaim, old: PersistentVolumeClaim): void {
  const [spec = {}, before = {}] = [claim.spec, old.spec]
  const anyApiGroup = before.dataSource?.apiGroup !== undefined || before.dataSourceRef?.apiGroup !== undefined
  claimSpecFaults(faults, 'spec', spec, { anySelectorValue: hasOddValues(before.selector), anyApiGroup })
  const [annotation, had] = [claim.metadata.annotations?.[betaClass], old.metadata.annotations?.[betaClass]]
  const upgraded = had !== undefined && before.storageClassName === undefined && spec.storageClassName === had
  if (!upgraded && annotation !== had) faults.invalid(`metadata.annotations.${betaClass}`, annotation ?? '', immutable)
  const bound = claim.status?.phase === 'Bound'
  if (!sameJson(masked(spec, before, { bound, had }), masked(before, before, { bound, had })))
    faults.forbidden('spec', 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims')
  const size = amountOf(spec.resources?.requests?.['storage']).nanos
  const oldSize = amountOf(before.resources?.requests?.['storage']).nanos
  // KEP-1790: a claim that could not grow may ask for less again, but not for less than it has.
  if (size < oldSize && size <= amountOf(old.status?.capacity?.['storage']).nanos)
    faults.forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity')
  if (spec.volumeMode !== before.volumeMode) faults.invalid('volumeMode', spec.volumeMode ?? null, immutable)
  if (
    before.volumeAttributesClassName !== undefined &&
    !spec.volumeAttributesClassName &&
    spec.volumeAttributesClassName !== before.volumeAttributesClassName
  )
    faults.forbidden('spec.volumeAttributesClassName', 'update from non-nil value to an empty one is forbidden')
}

/** The specification without what may change: the volume once, the class when there was none, of a bound claim its size. */
function masked(
  spec: PersistentVolumeClaimSpec,
  old: PersistentVolumeClaimSpec,
  { bound, had }: { readonly bound: boolean; readonly had: string | undefined },
): unknown {
  const copy: Record<string, unknown> = { ...spec }
  if (!old.volumeName) delete copy['volumeName']
  if (old.storageClassName === undefined && (had === undefined || spec.storageClassName === had)) delete copy['storageClassName']
  if (bound) {
    const { storage: _, ...requests } = spec.resources?.requests ?? {}
    copy['resources'] = { ...spec.resources, requests }
    delete copy['volumeAttributesClassName']
  }
  return copy
}

function statusFaults(faults: Faults, { status = {} }: PersistentVolumeClaim): void {
  for (const name in status.capacity) nonNegativeAmount(faults, `status.capacity[${name}]`, status.capacity[name] ?? '')
  for (const [name, state] of Object.entries(status.allocatedResourceStatuses ?? {})) {
    keyFaults(faults, 'status.allocatedResourceStatuses', name)
    if (!resizeStates.has(state)) faults.notSupported('status.allocatedResourceStatuses', state, resizeStates)
  }
  for (const [name, amount] of Object.entries(status.allocatedResources ?? {}))
    if (keyFaults(faults, 'status.allocatedResources', name)) nonNegativeAmount(faults, `status.allocatedResources[${name}]`, amount)
}

function keyFaults(faults: Faults, path: string, name: string): boolean {
  if (!isQualifiedName(name)) faults.invalid(path, name, 'must be a qualified name')
  else if (isNativeResource(name) && name !== 'storage') faults.notSupported(path, name, ['storage'])
  else return true
  return false
}

export const persistentVolumeClaimRules: KindRules<PersistentVolumeClaim> = {
  create: (faults, { spec }) => claimSpecFaults(faults, 'spec', spec ?? {}),
  update: claimUpdate,
  status: statusFaults,
  warnings({ metadata, spec = {} }) {
    const warnings: string[] = []
    if (metadata.annotations?.[betaClass] !== undefined)
      warnings.push(`metadata.annotations[${betaClass}]: deprecated since v1.8; use "storageClassName" attribute instead`)
    for (const kind of ['requests', 'limits'] as const) {
      const storage = spec.resources?.[kind]?.['storage']
      if (storage && amountOf(storage).nanos % second !== 0n)
        warnings.push(`spec.resources.${kind}[storage]: fractional byte value "${storage}" is invalid, must be an integer`)
    }
    return warnings
  },
}
