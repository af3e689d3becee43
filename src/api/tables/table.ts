/** Tables: what `kubectl get` shows (API concepts: receiving resources as tables). Columns are data, cells a function a kind. */
import type { ResourceInfo } from '../kinds.js'
import type { UnknownObject } from '../object.js'
import { ageOf } from './human-duration.js'
import { printers } from './printers.js'

export interface TableOptions {
  readonly nowMs: number
  /** What of each object comes along with its row. */
  readonly includeObject: 'None' | 'Metadata' | 'Object'
  /** A bookmark has no rows to show. */
  readonly withoutRows?: boolean
}

export function tableOf(
  info: ResourceInfo,
  objects: readonly UnknownObject[],
  metadata: Record<string, unknown>,
  options: TableOptions,
): unknown {
  const print =
    info.print ??
    (printers[`${info.group}/${info.resource}`] as ((object: UnknownObject, nowMs: number) => unknown[]) | undefined) ??
    byColumns(info)
  const rows = objects.map((object) => ({
    cells: options.withoutRows ? [] : print(object, options.nowMs),
    ...rowConditions(object),
    object: rowObject(object, options.includeObject),
  }))
  return { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata, columnDefinitions: columnsOf(info), rows }
}

const fallbackColumns = [
  { name: 'Name', type: 'string', format: 'name', description: 'Name must be unique within a namespace.', priority: 0 },
  { name: 'Age', type: 'date', format: '', description: 'How long ago the object was made.', priority: 0 },
]

function columnsOf({ columns }: ResourceInfo): unknown[] {
  return columns.length === 0 ? fallbackColumns : columns.map((column) => ({ ...column, description: column.description ?? '' }))
}

/** Cells of a kind without a printer: what can be told from the names of its columns. */
function byColumns({ columns }: ResourceInfo): (object: UnknownObject, nowMs: number) => unknown[] {
  const cell = (name: string) => (object: UnknownObject, nowMs: number) => {
    if (name === 'Name') return object.metadata.name ?? ''
    if (name === 'Age') return ageOf(object.metadata.creationTimestamp, nowMs)
    if (name === 'Created At') return object.metadata.creationTimestamp ?? ''
    return '<none>'
  }
  const cells = (columns.length === 0 ? fallbackColumns : columns).map(({ name }) => cell(name))
  return (object, nowMs) => cells.map((each) => each(object, nowMs))
}

function rowConditions(object: UnknownObject): { conditions?: unknown[] } {
  const { phase, reason, message } = (object.status ?? {}) as { phase?: string; reason?: string; message?: string }
  if (object.kind !== 'Pod' || (phase !== 'Succeeded' && phase !== 'Failed')) return {}
  return { conditions: [{ type: 'Completed', status: 'True', reason: reason ?? phase, message: message ?? 'The pod has completed.' }] }
}

function rowObject(object: UnknownObject, include: TableOptions['includeObject']): unknown {
  if (include === 'None') return null
  if (include === 'Object') return object
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata }
}
