import { Buffer } from 'node:buffer'
import type { ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Secret } from '../../../api/types/core-v1.js'
import { containerOf } from '../../environment/environment.js'
import { fieldValue } from '../../environment/field-ref.js'
import { resourceFieldValue } from '../../environment/resource-field-ref.js'
import type { FileEntry } from './atomic-writer.js'

/** The files that ConfigMaps, Secrets and the pod itself become in a volume. Keys that are asked for and missing are errors with upstream's words. */
export const defaultMode = 0o644

interface Keys {
  readonly items?: readonly KeyToPath[]
  readonly mode: number
  readonly optional: boolean
}

export function configMapFiles(map: ConfigMap, keys: Keys): Map<string, FileEntry> {
  const data = new Map<string, Uint8Array>()
  for (const [key, value] of Object.entries(map.data ?? {})) data.set(key, Buffer.from(value))
  for (const [key, value] of Object.entries(map.binaryData ?? {})) data.set(key, Buffer.from(value, 'base64'))
  return pick(data, keys, (key) => `configmap references non-existent config key: ${key}`)
}

export function secretFiles(secret: Secret, keys: Keys): Map<string, FileEntry> {
  const data = new Map<string, Uint8Array>()
  for (const [key, value] of Object.entries(secret.data ?? {})) data.set(key, Buffer.from(value, 'base64'))
  return pick(data, keys, (key) => `references non-existent secret key: ${key}`)
}

function pick(
  data: ReadonlyMap<string, Uint8Array>,
  { items, mode, optional }: Keys,
  missing: (key: string) => string,
): Map<string, FileEntry> {
  const files = new Map<string, FileEntry>()
  if (!items?.length) {
    for (const [key, content] of data) files.set(key, { data: content, mode })
    return files
  }
  for (const item of items) {
    const content = data.get(item.key)
    if (content) files.set(item.path, { data: content, mode: item.mode ?? mode })
    else if (!optional) throw new Error(missing(item.key))
  }
  return files
}

export interface DownwardContext {
  readonly mode: number
  readonly allocatable: Readonly<Record<string, string>>
  readonly hostIps: readonly string[]
}

export function downwardFiles(pod: Pod, items: readonly DownwardAPIVolumeFile[], context: DownwardContext): Map<string, FileEntry> {
  const files = new Map<string, FileEntry>()
  for (const { path, mode, fieldRef, resourceFieldRef } of items) {
    const text = fieldRef
      ? fieldValue(pod, fieldRef.fieldPath, { podIps: [], hostIps: context.hostIps })
      : resourceFieldRef
        ? resourceFieldValue(containerOf(pod, resourceFieldRef.containerName ?? ''), resourceFieldRef, context.allocatable)
        : ''
    files.set(path, { data: Buffer.from(text), mode: mode ?? context.mode })
  }
  return files
}
