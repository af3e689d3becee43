/** ConfigMaps (core/v1). */
import type { ConfigMap } from '../../types/core-v1.js'
import { sameJson } from '../../same-json.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { isConfigKey, utf8Length } from '../names.js'

export const dataBytesMax = 1024 * 1024
export const keyDetail = "a valid config key must consist of alphanumeric characters, '-', '_' or '.', at most 253 of them"

/** How many bytes base64 stands for. */
export function decodedLength(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0
  return Math.floor((base64.length * 3) / 4) - padding
}

function configMapFaults(faults: Faults, { data = {}, binaryData = {} }: ConfigMap): void {
  let bytes = 0
  for (const key in data) {
    if (!isConfigKey(key)) faults.invalid(`data[${key}]`, key, keyDetail)
    if (Object.hasOwn(binaryData, key)) faults.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData')
    bytes += utf8Length(data[key] ?? '')
  }
  for (const key in binaryData) {
    if (!isConfigKey(key)) faults.invalid(`binaryData[${key}]`, key, keyDetail)
    bytes += decodedLength(binaryData[key] ?? '')
  }
  // The fault is the whole object's, whose path upstream writes so.
  if (bytes > dataBytesMax) faults.tooLong('[]', dataBytesMax)
}

export const configMapRules: KindRules<ConfigMap> = {
  create: configMapFaults,
  update(faults, map, old) {
    if (old.immutable) {
      const detail = 'field is immutable when `immutable` is set'
      if (!map.immutable) faults.forbidden('immutable', detail)
      for (const member of ['data', 'binaryData'] as const)
        if (!sameJson(map[member] ?? {}, old[member] ?? {})) faults.forbidden(member, detail)
    }
    configMapFaults(faults, map)
  },
}
