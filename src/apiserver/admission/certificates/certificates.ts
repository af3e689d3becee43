import type { CertificateSigningRequest } from '../../../api/types/certificates-v1.js'
import type { Attributes, Authorizer, Decision } from '../../authz/authorizer.js'
import { sameJson } from '../../../api/same-json.js'
import type { UserInfo } from '../../authn/authenticator.js'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.js'
import { type AdmissionDeps, on, refused } from '../plugin.js'
import { organizationsOf } from './certificate-request.js'

const resource = 'certificatesigningrequests.certificates.k8s.io'
const sub = (name: string) => `certificatesigningrequests/${name}.certificates.k8s.io`

/** Approving needs the right to approve for the request's signer, not only the right to write /approval. */
export function certificateApproval({ authorizer }: AdmissionDeps): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    handles: on(['UPDATE'], sub('approval')),
    validate: (request) => requireSigner(authorizer, 'approve', request, 'user not permitted to approve requests with signerName'),
  }
}

/** Issuing needs the right to sign for the request's signer. */
export function certificateSigning({ authorizer }: AdmissionDeps): AdmissionPlugin {
  const statusOf = (object: unknown) => (object as CertificateSigningRequest).status
  return {
    name: 'CertificateSigning',
    handles: on(['UPDATE'], sub('status')),
    validate(request) {
      const [now, before] = [statusOf(request.object), statusOf(request.oldObject)]
      if (now?.certificate === before?.certificate && sameJson(now?.conditions, before?.conditions)) return undefined
      return requireSigner(authorizer, 'sign', request, 'user not permitted to sign requests with signerName')
    },
  }
}

/** Nobody becomes a member of system:masters through a client certificate of the API server's signer. */
export function certificateSubjectRestriction(): AdmissionPlugin {
  const signer = 'kubernetes.io/kube-apiserver-client'
  return {
    name: 'CertificateSubjectRestriction',
    handles: on(['CREATE'], resource),
    async validate(request) {
      const { spec } = request.object as unknown as CertificateSigningRequest
      if (spec.signerName !== signer) return
      const organizations = await organizationsOf(spec.request)
      if (organizations.includes('system:masters'))
        throw refused(request, `use of ${signer} signer with system:masters group is not allowed`)
    },
  }
}

function requireSigner(authorizer: Authorizer, verb: string, request: AdmissionRequest, why: string): void | Promise<void> {
  const { spec } = request.oldObject as unknown as CertificateSigningRequest
  const signer = spec.signerName
  const check = (decision: Decision, then: () => void | Promise<void>) => (decision.verdict === 'allow' ? undefined : then())
  const ask = (name: string) => authorizer.authorize(aboutSigner(request.user, verb, name))
  const after = (decision: Decision | Promise<Decision>, then: () => void | Promise<void>): void | Promise<void> =>
    decision instanceof Promise ? decision.then((settled) => check(settled, then)) : check(decision, then)
  // By the signer's own name, or for its whole domain.
  const domain = `${signer.slice(0, signer.indexOf('/'))}/*`
  return after(ask(signer), () =>
    after(ask(domain), () => {
      throw refused(request, `${why} "${signer}"`)
    }),
  )
}

function aboutSigner(user: UserInfo, verb: string, name: string): Attributes {
  return { user, verb, resource: { group: 'certificates.k8s.io', version: '*', resource: 'signers', subresource: '', namespace: '', name } }
}
