import { hasReason } from '../../api/status.js'

/** True when the refusal says that the namespace is being deleted: nothing can be made there, and nothing is wrong. */
export function isGoingNamespace(error: unknown): boolean {
  return hasReason(error, 'Forbidden') && (error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false)
}

/** Runs a deletion; that the object has gone already is as good. */
export async function unlessGone(deletion: Promise<unknown>): Promise<void> {
  try {
    await deletion
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
  }
}
