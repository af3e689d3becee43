import { type Fault, invalid, type StatusError } from '../../api/status.js'

export type OptionsKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions' | 'ListOptions'

/** A query parameter that the options' own validation refuses (422 Invalid with a cause). */
export function invalidQuery(kind: OptionsKind, ...faults: readonly Fault[]): StatusError {
  return invalid({ group: 'meta.k8s.io', kind }, '', faults)
}

const byVerb: Readonly<Record<string, OptionsKind>> = { create: 'CreateOptions', update: 'UpdateOptions', patch: 'PatchOptions' }

/** The options kind of a request's verb. */
export function optionsKind(verb: string): OptionsKind {
  return byVerb[verb] ?? 'DeleteOptions'
}
