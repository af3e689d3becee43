/** admission.k8s.io/v1 AdmissionReview: what a webhook is told, and what it may answer. */
import { StatusError } from '../../../api/status.js'
import type { Status } from '../../../api/types/meta-v1.js'
import type { AdmissionRequest } from '../admission.js'
import { type RequestView, shownIn } from '../policies/request-views.js'

export interface ReviewAnswer {
  readonly allowed: boolean
  readonly status?: Status
  readonly warnings: readonly string[]
  /** JSON patch, as text. */
  readonly patch?: string
}

/** Versions of the review that are spoken, the best first. */
const versions = ['v1', 'v1beta1'] as const
type Version = (typeof versions)[number]

export function reviewVersion(accepted: readonly string[]): Version | undefined {
  return accepted.find((version): version is Version => (versions as readonly string[]).includes(version))
}

const optionKinds: Readonly<Record<string, string>> = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' }

export function reviewOf(version: Version, uid: string, request: AdmissionRequest, view: RequestView): string {
  const { operation, subresource, name, namespace, user, dryRun, options, ofCollection } = request
  const optionsKind = optionKinds[operation]
  return JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${version}`,
    request: {
      ...{ uid, kind: view.kind, resource: view.resource },
      ...(subresource ? { subResource: subresource, requestSubResource: subresource } : {}),
      ...{ requestKind: request.kind, requestResource: request.resource },
      ...(name && !ofCollection ? { name } : {}),
      ...(namespace ? { namespace } : {}),
      operation,
      userInfo: {
        username: user.name,
        ...(user.uid === undefined ? {} : { uid: user.uid }),
        groups: user.groups,
        ...(user.extra ? { extra: user.extra } : {}),
      },
      object: shownIn(view, request.object) ?? null,
      oldObject: shownIn(view, request.oldObject) ?? null,
      dryRun,
      options: optionsKind ? { kind: optionsKind, apiVersion: 'meta.k8s.io/v1', ...options } : null,
    },
  })
}

/** Throws an Error when the answer is none to this question. */
export function readAnswer(version: Version, uid: string, text: string): ReviewAnswer {
  const review = JSON.parse(text) as { kind?: unknown; apiVersion?: unknown; response?: Record<string, unknown> }
  const { response } = review
  if (version === 'v1') {
    if (review.kind !== 'AdmissionReview' || review.apiVersion !== 'admission.k8s.io/v1')
      throw new Error(
        `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${String(review.apiVersion)}, Kind=${String(review.kind)}`,
      )
    if (response && response.uid !== uid)
      throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid)}`)
  }
  if (!response) throw new Error('webhook response was absent')
  const { allowed, status, warnings, patch, patchType } = response
  if (version === 'v1' && patch && patchType !== 'JSONPatch')
    throw new Error(`webhook returned response.patch but not response.patchType JSONPatch`)
  return {
    allowed: allowed === true,
    warnings: Array.isArray(warnings) ? warnings.filter((warning): warning is string => typeof warning === 'string') : [],
    ...(typeof status === 'object' && status !== null ? { status: status as Status } : {}),
    ...(typeof patch === 'string' && patch !== ''
      ? { patch: new TextDecoder().decode(Uint8Array.from(atob(patch), (c) => c.charCodeAt(0))) }
      : {}),
  }
}

/** What a client is told of a webhook's no. */
export function refusalOf(webhook: string, status: Status | undefined): StatusError {
  const by = `admission webhook ${JSON.stringify(webhook)} denied the request`
  const message = status?.message ? `${by}: ${status.message}` : status?.reason ? `${by}: ${status.reason}` : `${by} without explanation`
  // No refusal looks like a success.
  const code = status?.code !== undefined && status.code >= 400 ? status.code : 400
  return new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, ...status, status: 'Failure', message, code })
}
