/** Signs JSON Web Tokens (RFC 7515, 7519) with the key of service accounts. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'

export type SignToken = (claims: Readonly<Record<string, unknown>>) => string

const ecAlgorithms: Readonly<Record<string, { name: string; digest: string }>> = {
  prime256v1: { name: 'ES256', digest: 'sha256' },
  secp384r1: { name: 'ES384', digest: 'sha384' },
  secp521r1: { name: 'ES512', digest: 'sha512' },
}

/** Throws a TypeError when the text holds no RSA or ECDSA private key. */
export function tokenSigner(privateKeyPem: string): SignToken {
  const key = createPrivateKey(privateKeyPem)
  const { name, digest } = algorithmOf(key)
  // Verifiers find the key by this name (it is what Kubernetes calls a key everywhere: the hash of its public half).
  const kid = createHash('sha256')
    .update(createPublicKey(key).export({ type: 'spki', format: 'der' }))
    .digest('base64url')
  const header = encoded({ alg: name, kid })
  return (claims) => {
    const text = `${header}.${encoded(claims)}`
    const signature = sign(digest, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
    return `${text}.${signature.toString('base64url')}`
  }
}

function algorithmOf(key: KeyObject): { name: string; digest: string } {
  if (key.asymmetricKeyType === 'rsa') return { name: 'RS256', digest: 'sha256' }
  const algorithm = ecAlgorithms[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (!algorithm) throw new TypeError(`a key of the type ${key.asymmetricKeyType ?? 'unknown'} cannot sign service-account tokens`)
  return algorithm
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
