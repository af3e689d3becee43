/** Bootstrap tokens: Secrets by which new nodes find and trust a cluster (KEP-130, authentication: bootstrap tokens). Pure. */
import type { Secret } from '../../api/types/core-v1.js'
import { fromBase64 } from './base64.js'

export const bootstrapTokenSelection = { namespace: 'kube-system', fieldSelector: 'type=bootstrap.kubernetes.io/token' }
const namePrefix = 'bootstrap-token-'

/** When the token ends, in ms since 1970; undefined: never. An unreadable time is over. */
export function expiresAtMs({ data }: Secret): number | undefined {
  const text = fromBase64(data?.['expiration'])
  if (text === '') return undefined
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(ms) ? 0 : ms
}

/** The token in a Secret that vouches for cluster-info; undefined when it does not, or is malformed or expired. */
export function signingToken(secret: Secret, nowMs: number): { id: string; secret: string } | undefined {
  const { data = {}, metadata } = secret
  const [id, value] = [fromBase64(data['token-id']), fromBase64(data['token-secret'])]
  if (!/^[a-z0-9]{6}$/.test(id) || !/^[a-z0-9]{16}$/.test(value) || metadata.name !== namePrefix + id) return undefined
  if (metadata.deletionTimestamp || fromBase64(data['usage-bootstrap-signing']) !== 'true') return undefined
  const end = expiresAtMs(secret)
  return end !== undefined && end <= nowMs ? undefined : { id, secret: value }
}
