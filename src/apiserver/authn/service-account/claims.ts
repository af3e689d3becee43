/** The payload of service-account tokens: bound ones (KEP-1205) and those kept in Secrets (legacy). Pure. */

export interface ObjectReference {
  readonly name: string
  readonly uid: string
}

export interface BoundClaims {
  readonly aud: readonly string[]
  readonly exp: number
  readonly iat: number
  readonly nbf: number
  readonly iss: string
  readonly jti: string
  readonly sub: string
  readonly 'kubernetes.io': {
    readonly namespace: string
    readonly serviceaccount: ObjectReference
    readonly pod?: ObjectReference
    readonly secret?: ObjectReference
    readonly node?: { readonly name: string; readonly uid?: string }
    /** After this time use is worth a warning: the token was given a longer life than asked for. */
    readonly warnafter?: number
  }
}

/** What a verified token says, in the form that each request checks. */
export interface TokenClaims {
  readonly kind: 'bound' | 'legacy'
  readonly namespace: string
  readonly account: ObjectReference
  readonly audiences: readonly string[]
  readonly expiresAt: number
  readonly notBefore: number
  readonly id: string
  readonly pod?: ObjectReference
  readonly secret?: { readonly name: string; readonly uid?: string }
  readonly node?: { readonly name: string; readonly uid?: string }
}

export const legacyIssuer = 'kubernetes/serviceaccount'

/** Reads a verified payload. undefined when it is not a service-account token after all. */
export function readClaims(payload: Readonly<Record<string, unknown>>): TokenClaims | undefined {
  return payload['iss'] === legacyIssuer ? readLegacy(payload) : readBound(payload)
}

function readBound(payload: Readonly<Record<string, unknown>>): TokenClaims | undefined {
  const own = recordOf(payload['kubernetes.io'])
  const account = referenceOf(own?.['serviceaccount'])
  const namespace = textOf(own?.['namespace'])
  if (!own || !account || !namespace) return undefined
  if (payload['sub'] !== userName(namespace, account.name)) return undefined
  const { aud, exp, nbf, jti } = payload
  if (typeof exp !== 'number') return undefined
  const audiences = typeof aud === 'string' ? [aud] : Array.isArray(aud) ? aud.filter((item) => typeof item === 'string') : []
  const pod = referenceOf(own['pod'])
  const secret = referenceOf(own['secret'])
  const nodeName = textOf(recordOf(own['node'])?.['name'])
  const nodeUid = textOf(recordOf(own['node'])?.['uid'])
  return {
    kind: 'bound',
    namespace,
    account,
    audiences,
    expiresAt: exp,
    notBefore: typeof nbf === 'number' ? nbf : 0,
    id: typeof jti === 'string' ? jti : '',
    ...(pod ? { pod } : {}),
    ...(secret ? { secret } : {}),
    ...(nodeName ? { node: { name: nodeName, ...(nodeUid ? { uid: nodeUid } : {}) } } : {}),
  }
}

function readLegacy(payload: Readonly<Record<string, unknown>>): TokenClaims | undefined {
  const claim = (name: string) => textOf(payload[`kubernetes.io/serviceaccount/${name}`])
  const [namespace, secret, name, uid] = [
    claim('namespace'),
    claim('secret.name'),
    claim('service-account.name'),
    claim('service-account.uid'),
  ]
  if (!namespace || !secret || !name || !uid || payload['sub'] !== userName(namespace, name)) return undefined
  return {
    kind: 'legacy',
    namespace,
    account: { name, uid },
    audiences: [],
    expiresAt: Number.POSITIVE_INFINITY,
    notBefore: 0,
    id: '',
    secret: { name: secret },
  }
}

export function userName(namespace: string, account: string): string {
  return `system:serviceaccount:${namespace}:${account}`
}

/** The namespace and name in a service account's user name; undefined for any other user. */
export function parseUserName(user: string): { namespace: string; name: string } | undefined {
  const [system, kind, namespace, name, rest] = user.split(':')
  return system === 'system' && kind === 'serviceaccount' && namespace && name && rest === undefined ? { namespace, name } : undefined
}

export function groupsOf(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
}

function recordOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function referenceOf(value: unknown): ObjectReference | undefined {
  const name = textOf(recordOf(value)?.['name'])
  const uid = textOf(recordOf(value)?.['uid'])
  return name && uid ? { name, uid } : undefined
}
