/**
 * Who owns the replicas of an object, as its Scale shows it and back: entries about the one field that a Scale stands for, in the
 * Scale's own terms. Times stay with the entries of the object; what comes by way of the Scale has none (as upstream).
 */
import { hasPath, setOfPath } from '../../api/structured-merge/field-tree.js'
import { fieldsOf, sorted, without } from '../../api/structured-merge/managed-fields.js'
import type { ManagedFieldsEntry } from '../../api/types/meta-v1.js'
import { scaleVersion } from './field-ownership.js'

/** Where the objects of a version have their replicas: [] when they have none, undefined when the version is not known. */
export type ReplicasPath = (apiVersion: string) => readonly string[] | undefined

export const replicasInScale: readonly string[] = ['f:spec', 'f:replicas']

export function scaleEntries(entries: readonly ManagedFieldsEntry[], pathOf: ReplicasPath): ManagedFieldsEntry[] {
  return entries.flatMap((entry) =>
    owns(entry, pathOf) ? [{ ...entry, apiVersion: scaleVersion, fieldsV1: setOfPath(replicasInScale) }] : [],
  )
}

function owns(entry: ManagedFieldsEntry, pathOf: ReplicasPath): boolean {
  const path = pathOf(entry.apiVersion ?? '')
  return path !== undefined && hasPath(fieldsOf(entry), path)
}

/** The object's entries after its Scale's have become `ofScale`; `apiVersion` is that in which the Scale was asked for. */
export function parentEntries(
  entries: readonly ManagedFieldsEntry[],
  ofScale: readonly ManagedFieldsEntry[],
  pathOf: ReplicasPath,
  apiVersion: string,
): ManagedFieldsEntry[] {
  const now = new Map(ofScale.filter((entry) => hasPath(fieldsOf(entry), replicasInScale)).map((entry) => [who(entry), entry]))
  const kept = entries.flatMap((entry) => {
    const path = pathOf(entry.apiVersion ?? '')
    if (!path) return []
    if (!hasPath(fieldsOf(entry), path) || now.delete(who(entry))) return [entry]
    const left = without(fieldsOf(entry), setOfPath(path))
    return left ? [{ ...entry, fieldsV1: left }] : []
  })
  const path = pathOf(apiVersion) ?? replicasInScale
  const added = [...now.values()].map(({ time: _, ...entry }) => ({ ...entry, apiVersion, fieldsV1: setOfPath(path) }))
  return sorted([...kept, ...added])
}

function who({ manager, operation, subresource }: ManagedFieldsEntry): string {
  return JSON.stringify([manager, operation, subresource ?? ''])
}
