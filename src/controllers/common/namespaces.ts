import { StatusError } from '../../api/status.js'
import type { Namespace } from '../../api/types/core-v1.js'

export function isNamespaceActive(namespace: Namespace | undefined): boolean {
  return namespace !== undefined && !namespace.metadata.deletionTimestamp && namespace.status?.phase !== 'Terminating'
}

/** True for the refusal of a create because the namespace is gone or going: nothing is wrong then. */
export function isNamespaceGoing(error: unknown): boolean {
  if (!(error instanceof StatusError)) return false
  if (error.reason === 'NotFound' && error.status.details?.kind === 'namespaces') return true
  return error.status.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') ?? false
}
