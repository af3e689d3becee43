import type { Status, StatusCause } from './types/meta-v1.js'

/** One broken rule of an object, as field.Error has it: `path` like "spec.containers[0].name". */
export interface Fault {
  readonly path: string
  /** The cause's reason on the wire. */
  readonly reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueNotFound'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
    | 'InternalError'
  readonly value?: unknown
  readonly detail: string
}

/** An error that travels as a metav1.Status. Everything an API server refuses is one of these. */
export class StatusError extends Error {
  override readonly name = 'StatusError'
  readonly status: Status
  /** What the client was to be warned of beside. */
  warnings: readonly string[] = []

  constructor(status: Status) {
    super(status.message ?? status.reason ?? `status ${status.code}`)
    this.status = status
  }

  get code(): number {
    return this.status.code ?? 500
  }

  get reason(): string {
    return this.status.reason ?? ''
  }
}

/** True when `error` is a StatusError with this reason ("NotFound", "Conflict", "AlreadyExists" ...). */
export function hasReason(error: unknown, reason: string): error is StatusError {
  return error instanceof StatusError && error.reason === reason
}

export interface About {
  readonly group?: string
  /** The resource in errors about a named object ("pods"), the kind in Invalid ("Pod"): as upstream does. */
  readonly kind?: string
  readonly name?: string
  readonly uid?: string
  readonly causes?: StatusCause[]
  readonly retryAfterSeconds?: number
}

function failure(code: number, reason: string, message: string, about?: About): StatusError {
  const details = about && Object.keys(about).length > 0 ? { ...about } : undefined
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details ? { details } : {}),
    code,
  })
}

const qualified = (resource: { group: string; resource: string }) =>
  resource.group ? `${resource.resource}.${resource.group}` : resource.resource
type ResourceName = { readonly group: string; readonly resource: string }

export const notFound = (of: ResourceName, name: string) =>
  failure(404, 'NotFound', `${qualified(of)} "${name}" not found`, { name, group: of.group || undefined, kind: of.resource })
export const alreadyExists = (of: ResourceName, name: string) =>
  failure(409, 'AlreadyExists', `${qualified(of)} "${name}" already exists`, { name, group: of.group || undefined, kind: of.resource })
export const conflict = (of: ResourceName, name: string, why: string) =>
  failure(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(of)} "${name}": ${why}`, {
    name,
    group: of.group || undefined,
    kind: of.resource,
  })
export const forbidden = (of: ResourceName, name: string, why: string) =>
  failure(403, 'Forbidden', `${qualified(of)}${name ? ` "${name}"` : ''} is forbidden: ${why}`, {
    name: name || undefined,
    group: of.group || undefined,
    kind: of.resource,
  })
export const invalid = (kind: { group: string; kind: string }, name: string, faults: readonly Fault[]) => {
  const causes = faults.map((fault) => ({ reason: fault.reason, message: describeFault(fault, false), field: fault.path }))
  const list = faults.map((fault) => describeFault(fault, true))
  const message = `${kind.kind}${kind.group ? `.${kind.group}` : ''} "${name}" is invalid: ${list.length === 1 ? list[0] : `[${list.join(', ')}]`}`
  return failure(422, 'Invalid', message, { name: name || undefined, group: kind.group || undefined, kind: kind.kind, causes })
}
export const badRequest = (message: string) => failure(400, 'BadRequest', message)
export const unauthorized = () => failure(401, 'Unauthorized', 'Unauthorized')
export const methodNotSupported = (of: ResourceName, verb: string) =>
  failure(405, 'MethodNotAllowed', `${verb} is not supported on resources of kind "${qualified(of)}"`, {
    group: of.group || undefined,
    kind: of.resource,
  })
/** The path has no such method, whatever the resource: a collection is not patched, and nothing is created in an object. */
export const wrongMethod = () => failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
export const notAcceptable = (message: string) => failure(406, 'NotAcceptable', message)
export const unsupportedMediaType = (message: string) => failure(415, 'UnsupportedMediaType', message)
export const expired = (message: string) => failure(410, 'Expired', message)
export const gone = (message: string) => failure(410, 'Gone', message)
export const tooLarge = (message: string) => failure(413, 'RequestEntityTooLarge', message)
export const tooManyRequests = (message: string, retryAfterSeconds: number) =>
  failure(429, 'TooManyRequests', message, { retryAfterSeconds })
export const internalError = (message: string) =>
  failure(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] })
export const serviceUnavailable = (message: string) => failure(503, 'ServiceUnavailable', message)
export const timeout = (message: string, retryAfterSeconds = 1) => failure(504, 'Timeout', `Timeout: ${message}`, { retryAfterSeconds })
/** Nothing is served there. On the wire it is plain text, as from upstream's mux: not an answer about an object. */
export class UnknownPathError extends StatusError {}
export const unknownPath = () =>
  new UnknownPathError(failure(404, 'NotFound', 'the server could not find the requested resource', {}).status)

const faultTitles: Record<Fault['reason'], string> = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueForbidden: 'Forbidden',
  FieldValueNotFound: 'Not found',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueTypeInvalid: 'Invalid value',
  InternalError: 'Internal error',
}

/** Reasons whose message does not repeat the value. */
const valueless = new Set<Fault['reason']>([
  'FieldValueRequired',
  'FieldValueForbidden',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'InternalError',
])

function describeFault(fault: Fault, withPath: boolean): string {
  const value = valueless.has(fault.reason) || fault.value === undefined ? '' : `: ${JSON.stringify(fault.value)}`
  return `${withPath && fault.path ? `${fault.path}: ` : ''}${faultTitles[fault.reason]}${value}${fault.detail ? `: ${fault.detail}` : ''}`
}
