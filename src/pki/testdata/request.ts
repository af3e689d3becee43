/** Signing requests for tests, made by a general X.509 library: an independent opinion of what one looks like. */
import { webcrypto } from 'node:crypto'
import 'reflect-metadata'
import { cryptoProvider, type JsonName, Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from '@peculiar/x509'

cryptoProvider.set(webcrypto as never)

export interface TestRequest {
  readonly commonName: string
  readonly organizations?: readonly string[]
  readonly names?: readonly { readonly type: 'dns' | 'ip' | 'email' | 'url'; readonly value: string }[]
}

/** PEM. */
export async function signingRequest({ commonName, organizations = [], names = [] }: TestRequest): Promise<string> {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const name: JsonName = [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }]
  const request = await Pkcs10CertificateRequestGenerator.create({
    name,
    keys: keys as never,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: names.length > 0 ? [new SubjectAlternativeNameExtension([...names])] : [],
  })
  return request.toString('pem')
}
