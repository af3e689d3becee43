/** What the four signers of kubernetes.io certify, and for how long (API reference: kubernetes signers). Pure. */
import { kubeletClientFault, kubeletServingFault, signers } from '../common/certificate-requests.js'
import type { RequestContent } from '../../pki/signing-requests.js'

/** Why the signer does not certify this; undefined when it does. */
export function signerFault(signer: string, content: RequestContent, usages: readonly string[]): string | undefined {
  switch (signer) {
    case signers.kubeletClient:
      return kubeletClientFault(content, usages)
    case signers.kubeletServing:
      return kubeletServingFault(content, usages)
    case signers.apiServerClient:
      return clientUsagesFault(usages)
    default:
      // legacy-unknown restricts nothing: whoever approves is trusted.
      return undefined
  }
}

function clientUsagesFault(usages: readonly string[]): string | undefined {
  const other = usages.find((usage) => usage !== 'digital signature' && usage !== 'key encipherment' && usage !== 'client auth')
  if (other !== undefined) return `invalid usage for client certificate: ${other}`
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth'
}

const backdateMs = 5 * 60_000
const shortMs = 8 * 3_600_000
const askedMsMin = 10 * 60_000

/**
 * From five minutes ago (clocks of hosts differ), for as long as the signer grants or the request asks, whichever is less.
 * The five minutes are taken off the end of all but short-lived certificates.
 */
export function validity(
  grantedMs: number,
  expirationSeconds: number | undefined,
  nowMs: number,
): { notBeforeMs: number; notAfterMs: number } {
  const askedMs = expirationSeconds === undefined ? grantedMs : Math.max(expirationSeconds * 1000, askedMsMin)
  const ms = Math.min(askedMs, grantedMs)
  return { notBeforeMs: nowMs - backdateMs, notAfterMs: nowMs + (ms < shortMs ? ms : ms - backdateMs) }
}
