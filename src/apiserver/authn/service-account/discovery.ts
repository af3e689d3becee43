import { discoveryDocument, jwksOf, type VerificationKey } from './keys.js'

export interface OpenIdDocument {
  readonly contentType: string
  readonly body: string
}

/**
 * What others need to verify our tokens (OpenID Connect Discovery 1.0), by path. Made once: keys change with a restart.
 * An issuer that is no https URL has no documents, as nobody could find them.
 */
export function openIdDocuments(
  issuer: string,
  jwksUri: string,
  keys: readonly VerificationKey[],
): ReadonlyMap<string, () => Promise<OpenIdDocument>> {
  if (!issuer.startsWith('https://') || keys.length === 0) return new Map()
  const configuration = JSON.stringify(discoveryDocument(issuer, jwksUri, keys))
  let jwks: Promise<string> | undefined
  return new Map([
    ['/.well-known/openid-configuration', () => Promise.resolve({ contentType: 'application/json', body: configuration })],
    [
      '/openid/v1/jwks',
      async () => {
        jwks ??= jwksOf(keys).then((document) => JSON.stringify(document))
        return { contentType: 'application/jwk-set+json', body: await jwks }
      },
    ],
  ])
}
