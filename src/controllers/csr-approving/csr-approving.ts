/**
 * certificatesigningrequest-approving-controller: approves a kubelet's request for its client certificate when its maker may
 * ask for that (RBAC on the virtual subresources "nodeclient" and, for a node renewing its own, "selfnodeclient").
 */
import type { SubjectAccessReview } from '../../api/types/authorization-v1.js'
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.js'
import { timestamp } from '../../base/clock.js'
import { resources } from '../../client/resources.js'
import type { RequestContent } from '../../pki/signing-requests.js'
import { hasCondition, kubeletClientFault, type ReadRequest, requestPem, signers } from '../common/certificate-requests.js'
import { updateSubresource } from '../common/subresource.js'
import type { Controller, View } from '../controller.js'

type Request = CertificateSigningRequest

const reviews = { group: 'authorization.k8s.io', version: 'v1', resource: 'subjectaccessreviews' }
const messages = {
  selfnodeclient: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
  nodeclient: 'Auto approving kubelet client certificate after SubjectAccessReview.',
} as const
type Permission = keyof typeof messages

export function certificateApprovingController(read: ReadRequest): Controller {
  return {
    name: 'certificatesigningrequest-approving-controller',
    watches: [
      {
        resource: resources.certificateSigningRequests,
        toKeys: ({ metadata }, _, change) => (change === 'delete' ? [] : [metadata.name ?? '']),
      },
    ],
    async reconcile(name, view) {
      const request = view.lister<Request>(resources.certificateSigningRequests).get(name)
      if (!request || request.status?.certificate || hasCondition(request, 'Approved') || hasCondition(request, 'Denied')) return
      const permissions = permissionsFor(request, contentOf(request, read))
      for (const permission of permissions) if (await mayAsk(request, permission, view)) return approve(request, messages[permission], view)
      // The right may be granted later, and nothing would say so.
      if (permissions.length > 0)
        throw new Error(`recognized csr "${name}" as ${permissions.join(', ')} but subject access review was not approved`)
    },
  }
}

function contentOf(request: Request, read: ReadRequest): RequestContent | undefined {
  try {
    return read(requestPem(request))
  } catch {
    return undefined
  }
}

/** What the maker of the request must be allowed, in the order of asking; nothing for requests that are others' business. */
export function permissionsFor({ spec }: Request, content: RequestContent | undefined): Permission[] {
  if (!content || spec.signerName !== signers.kubeletClient || kubeletClientFault(content, spec.usages ?? []) !== undefined) return []
  return spec.username === content.commonName ? ['selfnodeclient', 'nodeclient'] : ['nodeclient']
}

async function mayAsk({ spec }: Request, subresource: Permission, { client }: View): Promise<boolean> {
  const { username, uid, groups, extra } = spec
  const review = await client.resource<SubjectAccessReview>(reviews).create({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: {},
    spec: {
      ...{ user: username, uid, groups, extra },
      resourceAttributes: {
        group: 'certificates.k8s.io',
        resource: 'certificatesigningrequests',
        verb: 'create',
        subresource,
        version: '*',
      },
    },
  })
  return review.status?.allowed === true
}

async function approve(request: Request, message: string, { client, clock }: View): Promise<void> {
  const approved = { type: 'Approved', status: 'True', reason: 'AutoApproved', message, lastUpdateTime: timestamp(clock.now()) }
  const status = { ...request.status, conditions: [...(request.status?.conditions ?? []), approved] }
  const kind = { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest' }
  await updateSubresource(client, resources.certificateSigningRequests, { ...request, ...kind, status }, 'approval')
}
