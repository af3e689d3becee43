/** StorageClasses and VolumeAttributesClasses (storage.k8s.io/v1): what they stand for does not change. */
import type { StorageClass, VolumeAttributesClass } from '../../types/storage-v1.js'
import { csiDriverNameFaults } from '../core/volume-sources.js'
import { sameJson } from '../../same-json.js'
import { type Faults, immutable } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { isQualifiedName, mustBeQualified, utf8Length } from '../names.js'
import { topologyTermsFaults } from '../selectors.js'

const reclaimPolicies = new Set(['Delete', 'Retain'])
const bindingModes = new Set(['Immediate', 'WaitForFirstConsumer'])
const parametersMax = 512
const parametersBytesMax = 256 * 1024

function classFaults(faults: Faults, one: StorageClass): void {
  const { provisioner = '', parameters, reclaimPolicy, volumeBindingMode, allowedTopologies } = one
  if (provisioner === '') faults.required('provisioner')
  else if (!isQualifiedName(provisioner.toLowerCase())) mustBeQualified(faults, 'provisioner', provisioner.toLowerCase())
  parametersFaults(faults, parameters, false)
  if (reclaimPolicy) faults.optionalWord('reclaimPolicy', reclaimPolicy, reclaimPolicies)
  if (volumeBindingMode === undefined) faults.required('volumeBindingMode')
  else faults.optionalWord('volumeBindingMode', volumeBindingMode, bindingModes)
  topologyTermsFaults(faults, 'allowedTopologies', allowedTopologies)
}

function parametersFaults(faults: Faults, parameters: Readonly<Record<string, string>> | undefined, mustBeThere: boolean): void {
  const entries = Object.entries(parameters ?? {})
  if (entries.length > parametersMax) return faults.tooLong('parameters', parametersMax)
  let bytes = 0
  for (const [key, value] of entries) {
    if (key === '') faults.invalid('parameters', key, 'field can not be empty.')
    bytes += utf8Length(key) + utf8Length(value)
  }
  if (bytes > parametersBytesMax) faults.tooLong('parameters', parametersBytesMax)
  if (mustBeThere && entries.length === 0) faults.required('parameters', 'must contain at least one key/value pair')
}

export const storageClassRules: KindRules<StorageClass> = {
  create: classFaults,
  update(faults, one, old) {
    if (!sameJson(one.parameters ?? {}, old.parameters ?? {})) faults.invalid('parameters', one.parameters ?? null, immutable)
    for (const name of ['provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const)
      if (one[name] !== old[name]) faults.invalid(name, one[name] ?? null, immutable)
  },
  warnings(one) {
    const warnings: string[] = []
    for (const [i, { matchLabelExpressions = [] }] of (one.allowedTopologies ?? []).entries())
      for (const [j, { key }] of matchLabelExpressions.entries())
        if (/^(?:failure-domain\.)?beta\.kubernetes\.io\//.test(key))
          warnings.push(`allowedTopologies[${i}].matchLabelExpressions[${j}].key: ${key} is deprecated`)
    return warnings
  },
}

function attributesFaults(faults: Faults, { driverName, parameters }: VolumeAttributesClass): void {
  csiDriverNameFaults(faults, 'driverName', driverName)
  parametersFaults(faults, parameters, true)
}

export const volumeAttributesClassRules: KindRules<VolumeAttributesClass> = {
  create: attributesFaults,
  update(faults, one, old) {
    if (one.driverName !== old.driverName) faults.invalid('driverName', one.driverName, immutable)
    if (!sameJson(one.parameters ?? {}, old.parameters ?? {})) faults.invalid('parameters', one.parameters ?? null, immutable)
  },
}
