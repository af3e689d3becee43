/** Rules about CertificateSigningRequests that several controllers share. */
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.js'
import type { RequestContent } from '../../pki/signing-requests.js'

/** How a controller reads what a request asks for; given to it, since cryptography is the platform's. Throws TypeError. */
export type ReadRequest = (pem: string) => RequestContent

export const signers = {
  apiServerClient: 'kubernetes.io/kube-apiserver-client',
  kubeletClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  kubeletServing: 'kubernetes.io/kubelet-serving',
  legacyUnknown: 'kubernetes.io/legacy-unknown',
} as const

const nodePrefix = 'system:node:'
const nodesGroup = 'system:nodes'

export function isApproved(request: CertificateSigningRequest): boolean {
  return hasCondition(request, 'Approved') && !hasCondition(request, 'Denied')
}

export function hasCondition({ status }: CertificateSigningRequest, type: string): boolean {
  return status?.conditions?.some((condition) => condition.type === type && condition.status !== 'False') ?? false
}

/** The PEM text in spec.request. */
export function requestPem({ spec }: CertificateSigningRequest): string {
  return atob(spec.request ?? '')
}

/** Why this is no request for a kubelet's client certificate; undefined when it is one. */
export function kubeletClientFault(content: RequestContent, usages: readonly string[]): string | undefined {
  if (!isOnly(content.organizations, nodesGroup)) return 'subject organization is not system:nodes'
  if (content.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed'
  if (content.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed'
  if (content.ipAddressCount > 0) return 'IP subjectAltNames are not allowed'
  if (content.uris.length > 0) return 'URI subjectAltNames are not allowed'
  if (!content.commonName.startsWith(nodePrefix)) return 'subject common name does not begin with system:node:'
  return usagesFault(usages, 'client auth')
}

/** Why this is no request for a kubelet's serving certificate. */
export function kubeletServingFault(content: RequestContent, usages: readonly string[]): string | undefined {
  if (!isOnly(content.organizations, nodesGroup)) return 'subject organization is not system:nodes'
  if (content.dnsNames.length === 0 && content.ipAddressCount === 0) return 'DNS or IP subjectAltName is required'
  if (content.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed'
  if (content.uris.length > 0) return 'URI subjectAltNames are not allowed'
  if (!content.commonName.startsWith(nodePrefix)) return 'subject common name does not begin with system:node:'
  return usagesFault(usages, 'server auth')
}

/** Exactly this purpose and digital signature; key encipherment, which RSA keys need, may be there. */
function usagesFault(usages: readonly string[], purpose: string): string | undefined {
  const asked = new Set(usages)
  asked.delete('key encipherment')
  if (asked.size === 2 && asked.has('digital signature') && asked.has(purpose)) return undefined
  return `usages did not match digital signature, ${purpose} and, if wanted, key encipherment`
}

function isOnly(values: readonly string[], value: string): boolean {
  return values.length === 1 && values[0] === value
}
