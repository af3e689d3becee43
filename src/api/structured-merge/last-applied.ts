/**
 * The annotation of client-side apply, as far as server-side apply by the same tool minds it: fields that kubectl has set before, on
 * its own side, are no conflicts for kubectl; and an annotation that is there is kept up to date.
 */
import type { JsonObject, JsonValue, UnknownObject } from '../object.js'
import { compareObjects } from './compare.js'
import type { Conflict } from './apply.js'
import { difference, type FieldTree } from './field-tree.js'
import { fieldsOfConfiguration } from './field-set.js'
import { without } from './managed-fields.js'
import type { MergeType } from './merge-type.js'

export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration'
/** The manager that is kubectl's own unless it is told another. */
export const kubectlManager = 'kubectl'
/** Annotations may not be larger in all. */
const annotationBytesMax = 256 * 1024

/** The fields of the last client-side apply that are as it left them; undefined: there was none that can be read. */
export function fieldsOfLastApplied(type: MergeType, live: UnknownObject, apiVersion: string): FieldTree | undefined {
  const text = live.metadata.annotations?.[lastAppliedAnnotation]
  if (!text) return undefined
  try {
    const configuration = JSON.parse(text) as JsonObject
    if (configuration.apiVersion !== apiVersion) return undefined
    const fields = fieldsOfConfiguration(type, configuration)
    const { changed, removed } = compareObjects(type, configuration, live)
    return without(without(fields, changed), removed)
  } catch {
    return undefined
  }
}

/** The conflicts that are left when those about `allowed` fields count for nothing. */
export function conflictsBeyond(conflicts: readonly Conflict[], allowed: FieldTree): Conflict[] {
  return conflicts.flatMap(({ entry, fields }) => {
    const left = difference(fields, allowed)
    return left ? [{ entry, fields: left }] : []
  })
}

/** Brings the annotation up to date where there is one, in place. */
export function renewLastApplied(object: UnknownObject, configuration: JsonObject): void {
  const { annotations } = object.metadata
  if (!annotations?.[lastAppliedAnnotation]) return
  const text = `${JSON.stringify(sortedKeys(withoutAnnotation(configuration)))}\n`
  const renewed: Record<string, string> = { ...annotations, [lastAppliedAnnotation]: text }
  let size = 0
  for (const key of Object.keys(renewed)) size += key.length + (renewed[key] as string).length
  if (size > annotationBytesMax) delete renewed[lastAppliedAnnotation]
  object.metadata.annotations = renewed
}

function withoutAnnotation(configuration: JsonObject): JsonObject {
  const metadata = configuration.metadata as JsonObject | undefined
  const annotations = metadata?.annotations as JsonObject | null | undefined
  if (!annotations) return configuration
  const { [lastAppliedAnnotation]: _, ...others } = annotations
  return { ...configuration, metadata: { ...metadata, annotations: others } }
}

function sortedKeys(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sortedKeys)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sortedKeys(value[key] as JsonValue)]),
  )
}
