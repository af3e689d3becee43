/** certificatesigningrequest-signing-controller: certifies approved requests of the signers that it has an authority for. */
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.js'
import { timestamp } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import type { IssueOptions } from '../../pki/signing-requests.js'
import { hasCondition, isApproved, type ReadRequest, requestPem } from '../common/certificate-requests.js'
import type { Controller, View } from '../controller.js'
import type { ClusterSigning, SigningPair } from '../options.js'
import { signerFault, validity } from './signing.js'

export interface CertificateSigningOptions extends ClusterSigning {
  readonly read: ReadRequest
  /** Throws TypeError. */
  readonly issue: (authority: SigningPair, pem: string, options: IssueOptions) => string
}

type Request = CertificateSigningRequest

export function certificateSigningController(options: CertificateSigningOptions): Controller {
  return {
    name: 'certificatesigningrequest-signing-controller',
    watches: [
      {
        resource: resources.certificateSigningRequests,
        toKeys: ({ metadata }, _, change) => (change === 'delete' ? [] : [metadata.name ?? '']),
      },
    ],
    async reconcile(name, view) {
      const request = view.lister<Request>(resources.certificateSigningRequests).get(name)
      if (!request || request.status?.certificate || !isApproved(request) || hasCondition(request, 'Failed')) return
      const authority = options.pairs[request.spec.signerName]
      if (!authority) return
      const fault = faultOf(request, options)
      if (fault !== undefined) return writeFailure(request, fault, view)
      const { usages = [], expirationSeconds } = request.spec
      const valid = validity(options.durationMs, expirationSeconds, view.clock.now())
      const certificate = btoa(options.issue(authority, requestPem(request), { usages, ...valid }))
      await view.client
        .resource<Request>(resources.certificateSigningRequests)
        .updateStatus({ ...request, status: { ...request.status, certificate } })
    },
  }
}

function faultOf(request: Request, { read }: CertificateSigningOptions): string | undefined {
  try {
    return signerFault(request.spec.signerName, read(requestPem(request)), request.spec.usages ?? [])
  } catch (error) {
    if (error instanceof TypeError) return messageOf(error)
    throw error
  }
}

async function writeFailure(request: Request, message: string, { client, clock }: View): Promise<void> {
  const now = timestamp(clock.now())
  const failed = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message, lastUpdateTime: now }
  const conditions = [...(request.status?.conditions ?? []), failed]
  await client
    .resource<Request>(resources.certificateSigningRequests)
    .updateStatus({ ...request, status: { ...request.status, conditions } })
}
