import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { exportJWK, type JWK } from 'jose'
import { QuorateError, messageOf } from '../../../base/errors.js'

/** A public key that verifies service-account tokens. */
export interface VerificationKey {
  /** Base64url SHA-256 of the key's SubjectPublicKeyInfo, as every Kubernetes API server names it in `kid`. */
  readonly id: string
  readonly algorithm: 'RS256' | 'ES256' | 'ES384' | 'ES512'
  readonly publicKey: KeyObject
}

/** The private key that signs them. */
export interface SigningKey extends VerificationKey {
  readonly privateKey: KeyObject
}

/** Every key in PEM blocks: public keys, certificates, or private keys (whose public half is taken). */
export function parseVerificationKeys(pem: string): VerificationKey[] {
  const blocks = pem.match(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g) ?? []
  const keys = blocks
    .filter((block) => !block.startsWith('-----BEGIN EC PARAMETERS'))
    .map((block) => describe(wrap(() => createPublicKey(block))))
  if (keys.length === 0) throw keyError('there is no PEM block with a public key, a certificate or a private key')
  return keys
}

export function parseSigningKey(pem: string): SigningKey {
  const privateKey = wrap(() => createPrivateKey(pem))
  return { ...describe(createPublicKey(privateKey)), privateKey }
}

function describe(publicKey: KeyObject): VerificationKey {
  const id = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url')
  if (publicKey.asymmetricKeyType === 'rsa') return { id, publicKey, algorithm: 'RS256' }
  const curves = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' } as const
  const curve = publicKey.asymmetricKeyDetails?.namedCurve
  if (publicKey.asymmetricKeyType === 'ec' && curve && Object.hasOwn(curves, curve))
    return { id, publicKey, algorithm: curves[curve as keyof typeof curves] }
  throw keyError(`the key type ${publicKey.asymmetricKeyType ?? 'unknown'} cannot sign tokens`)
}

function wrap(read: () => KeyObject): KeyObject {
  try {
    return read()
  } catch (error) {
    throw keyError(`it cannot be read (${messageOf(error)})`, error)
  }
}

function keyError(what: string, cause?: unknown): QuorateError {
  return new QuorateError('ServiceAccountKeyInvalid', `the service-account key is unusable: ${what}`, {
    cause,
    remedy: 'Give a PEM file with an RSA or ECDSA (P-256, P-384, P-521) key.',
  })
}

/** The body of /openid/v1/jwks: what others need to verify our tokens. */
export async function jwksOf(keys: readonly VerificationKey[]): Promise<{ keys: JWK[] }> {
  const unique = [...new Map(keys.map((key) => [key.id, key])).values()]
  return {
    keys: await Promise.all(
      unique.map(async (key) => ({ use: 'sig', ...(await exportJWK(key.publicKey)), kid: key.id, alg: key.algorithm })),
    ),
  }
}

/** The body of /.well-known/openid-configuration (OpenID Connect Discovery 1.0), as far as token verification needs it. */
export function discoveryDocument(issuer: string, jwksUri: string, keys: readonly VerificationKey[]) {
  return {
    issuer,
    jwks_uri: jwksUri,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...new Set(keys.map((key) => key.algorithm))].sort(),
  }
}
