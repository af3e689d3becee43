/** What a validating and a mutating policy do alike with a request: is it about it, with which parameters, what does it see. */
import type { UnknownObject } from '../../../api/object.js'
import { forbidden, StatusError } from '../../../api/status.js'
import type { ParamKind, ParamRef } from '../../../api/types/admissionregistration-v1.js'
import type { Namespace } from '../../../api/types/core-v1.js'
import { resources } from '../../../client/resources.js'
import { liveObject } from '../../live-objects.js'
import type { AdmissionRequest } from '../admission.js'
import type { AdmissionDeps } from '../plugin.js'
import type { Matcher } from './matching.js'
import { ParamSource, type Params } from './params.js'

export class PolicyRun {
  readonly #namespaceOf: (namespace: string, name: string) => Namespace | undefined | Promise<Namespace | undefined>
  readonly #params: ParamSource

  constructor({ access, resources: catalog }: AdmissionDeps) {
    this.#namespaceOf = liveObject<Namespace>(access, resources.namespaces)
    this.#params = new ParamSource(access, catalog)
  }

  /** undefined: the request is about nothing in a namespace. */
  namespace({ namespace, resource }: AdmissionRequest): Namespace | undefined | Promise<Namespace | undefined> {
    const isNamespace = resource.group === '' && resource.resource === 'namespaces'
    return namespace === '' || isNamespace ? undefined : this.#namespaceOf('', namespace)
  }

  async selects(matcher: Matcher, request: AdmissionRequest): Promise<boolean> {
    return matcher.selects(request, async () => (await this.namespace(request))?.metadata.labels)
  }

  params(kind: ParamKind | undefined, ref: ParamRef | undefined, { namespace }: AdmissionRequest): Promise<Params> {
    return this.#params.find(kind, ref, namespace)
  }
}

const codes: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413, Invalid: 422 }

/** A refusal with a reason of the policy's choice, of which `message` is the one cause. */
export function denied(request: AdmissionRequest, message: string, reason: string, code = codes[reason] ?? 422): StatusError {
  const { status } = forbidden(request.resource, nameIn(request), message)
  return new StatusError({ ...status, reason, code, details: { ...status.details, causes: [{ message }] } })
}

function nameIn({ name, object, ofCollection }: AdmissionRequest): string {
  if (ofCollection) return 'Unknown'
  return name || (object?.metadata.name ?? object?.metadata.generateName ?? '') || 'Unknown'
}

/** An object's members replaced by those of another: whoever holds the object, or its metadata, sees the change. */
export function replaceMembers(object: UnknownObject, by: UnknownObject): void {
  const { metadata } = object
  put(object, by)
  put(metadata, by.metadata)
  object.metadata = metadata
}

function put(members: object, by: object): void {
  for (const name of Object.keys(members)) if (!Object.hasOwn(by, name)) delete (members as Record<string, unknown>)[name]
  Object.assign(members, by)
}
