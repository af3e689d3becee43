/** A configuration applied to an object of a served resource: what becomes of it, and who owns what then (KEP-555). */
import { apiVersionOf, type JsonObject, type UnknownObject } from '../../api/object.js'
import { badRequest, StatusError } from '../../api/status.js'
import { apply, type Application, type Applied, ApplyConflict, type Conflict, conflictPaths } from '../../api/structured-merge/apply.js'
import { compareObjects } from '../../api/structured-merge/compare.js'
import { TypedError } from '../../api/structured-merge/field-set.js'
import { conflictsBeyond, fieldsOfLastApplied, kubectlManager, renewLastApplied } from '../../api/structured-merge/last-applied.js'
import { entryOf, type Writer } from '../../api/structured-merge/managed-fields.js'
import type { ManagedFieldsEntry } from '../../api/types/meta-v1.js'
import { scaleTracking, scaleVersion, type Tracking, trackingOf } from './field-ownership.js'
import { type FieldWriter, schemaEntries, secondOf, setEntries } from './field-tracking.js'
import type { ServedResource } from './resource.js'

/** Who owned what before the first apply, of an object that nobody tracked. */
const beforeFirstApply = 'before-first-apply'

export interface ApplyRequest {
  readonly served: ServedResource
  readonly configuration: JsonObject
  readonly writer: FieldWriter
  readonly force: boolean
}

/**
 * The object with the configuration in it, in the served version, not yet decoded or defaulted; `old` (in that version too) is
 * undefined when there is none. Throws StatusError: Conflict with one cause a field, BadRequest of what does not fit the schema.
 */
export function applyConfiguration(request: ApplyRequest, old: UnknownObject | undefined): UnknownObject {
  const { served } = request
  const entries = schemaEntries(served, old?.metadata.managedFields ?? [])
  return applyTo(trackingOf(served), apiVersionOf(served.info), entries, request, old)
}

/** The same of a Scale, whose entries are in `old` as they are about a Scale. */
export function applyScale(request: Omit<ApplyRequest, 'served'>, old: UnknownObject): UnknownObject {
  return applyTo(scaleTracking(), scaleVersion, old.metadata.managedFields ?? [], request, old)
}

function applyTo(
  tracking: Tracking,
  apiVersion: string,
  stored: readonly ManagedFieldsEntry[],
  { configuration, writer, force }: Omit<ApplyRequest, 'served'>,
  old: UnknownObject | undefined,
): UnknownObject {
  const { manager, subresource, nowMs } = writer
  const asWriter: Writer = { manager, apiVersion, subresource, time: secondOf(nowMs) }
  const live = withoutEntries(old ?? tracking.blank)
  const entries = stored.length > 0 || !old ? stored : firstEntries(tracking, live, asWriter)
  const { versions, ownership } = tracking
  const application = { live, configuration, entries, writer: asWriter, force, ownership: ownership(subresource), versions }
  const { object, entries: next } = applied(application)
  const result = { ...object, metadata: { ...(object as UnknownObject).metadata } } as UnknownObject
  setEntries(result, next)
  if (manager === kubectlManager) renewLastApplied(result, configuration)
  return result
}

function withoutEntries(object: UnknownObject): UnknownObject {
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

/** An object without entries that is there already has been somebody's: whoever applies now does not own it all. */
function firstEntries({ type, blank, ownership }: Tracking, live: UnknownObject, writer: Writer): readonly ManagedFieldsEntry[] {
  const { unowned, owned } = ownership(writer.subresource)
  const fields = owned(compareObjects(type, blank, live, unowned).changed)
  return fields ? [entryOf({ ...writer, manager: beforeFirstApply }, 'Update', fields)] : []
}

/** Applies; as kubectl, over what kubectl has set from its own side before. */
function applied(application: Application): Applied {
  try {
    return apply(application)
  } catch (error) {
    if (error instanceof TypedError) throw badRequest(`failed to create typed patch object: ${error.message}`)
    if (!(error instanceof ApplyConflict)) throw error
    const left = application.writer.manager === kubectlManager ? conflictsOfOthers(application, error.conflicts) : error.conflicts
    if (left.length > 0) throw conflictStatus(left)
    return apply({ ...application, force: true })
  }
}

function conflictsOfOthers({ live, writer, versions }: Application, conflicts: readonly Conflict[]): readonly Conflict[] {
  const type = versions.typeOf(writer.apiVersion)
  const allowed = type && fieldsOfLastApplied(type, live as unknown as UnknownObject, writer.apiVersion)
  return allowed ? conflictsBeyond(conflicts, allowed) : conflicts
}

/** 409 with one cause a field. */
function conflictStatus(conflicts: readonly Conflict[]): StatusError {
  const causes = conflicts.flatMap((conflict) =>
    conflictPaths(conflict).map((field) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${managerText(conflict.entry)}`,
      field,
    })),
  )
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: conflictMessage(conflicts, causes),
    reason: 'Conflict',
    details: { causes },
    code: 409,
  })
}

function conflictMessage(conflicts: readonly Conflict[], causes: readonly { message: string; field: string }[]): string {
  const [only] = causes
  if (only && causes.length === 1) return `Apply failed with 1 conflict: ${only.message}: ${only.field}`
  const blocks = conflicts.map((conflict) =>
    [`conflicts with ${managerText(conflict.entry)}:`, ...conflictPaths(conflict).map((path) => `- ${path}`)].join('\n'),
  )
  return `Apply failed with ${causes.length} conflicts: ${blocks.sort().join('\n')}`
}

function managerText({ manager, operation, apiVersion, subresource }: ManagedFieldsEntry): string {
  const where = subresource ? ` with subresource ${JSON.stringify(subresource)}` : ''
  return `${JSON.stringify(manager ?? '')}${where}${operation === 'Update' ? ` using ${apiVersion}` : ''}`
}
