import { StatusError } from '../../api/status.js'

/** A query parameter that the options' own validation refuses (422 Invalid with a cause). */
export function invalidQuery(field: string, message: string): StatusError {
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    code: 422,
    reason: 'Invalid',
    message,
    details: { causes: [{ reason: 'FieldValueForbidden', message, field }] },
  })
}
