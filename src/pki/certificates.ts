/**
 * Certificate authorities and the certificates they sign. Keys are ECDSA P-256 unless asked otherwise; authorities live ten
 * years, leaves one (kubeadm's own terms). Certificates are written here, value by value: a cluster starts with two dozen of them,
 * and a general X.509 library takes longer for that than everything else at the start.
 */
import {
  createHash,
  createPrivateKey,
  generateKeyPair as generateKeyPairWithCallback,
  X509Certificate as NodeCertificate,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'
import { promisify } from 'node:util'
import { bits, boolean, type Der, elements, explicit, implicit, integer, nothing, octets, oid, sequence, set, time, utf8 } from './der.js'

export interface KeyPair {
  /** PEM, PKCS #8. */
  readonly key: string
  /** PEM. */
  readonly cert: string
}

export interface Subject {
  readonly commonName: string
  readonly organizations?: readonly string[]
}

export interface LeafOptions extends Subject {
  readonly usages: readonly ('client' | 'server')[]
  readonly dnsNames?: readonly string[]
  readonly ipAddresses?: readonly string[]
  readonly days?: number
  readonly algorithm?: KeyAlgorithm
}

/** kubeadm's encryptionAlgorithm. */
export type KeyAlgorithm = 'ECDSA-P256' | 'ECDSA-P384' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096'

const dayMs = 24 * 3600 * 1000
const caDays = 3650
const leafDays = 365
/** Certificates begin a little in the past: clocks of hosts differ. */
const backdateMs = 5 * 60 * 1000

const generateKeyPair = promisify(generateKeyPairWithCallback)

export const oids = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  rsaWithSha256: '1.2.840.113549.1.1.11',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
  extensionRequest: '1.2.840.113549.1.9.14',
}

/** KeyUsage: digitalSignature, keyEncipherment, and for authorities keyCertSign. */
const leafUsage = bits(Uint8Array.of(0b1010_0000), 5)
const authorityUsage = bits(Uint8Array.of(0b1010_0100), 2)

export async function createAuthority(
  commonName: string,
  options: { nowMs: number; days?: number; algorithm?: KeyAlgorithm },
): Promise<KeyPair> {
  const keys = await generateKeys(options.algorithm)
  const name = nameOf({ commonName })
  const cert = signed({
    issuer: name,
    subject: name,
    notBeforeMs: options.nowMs - backdateMs,
    notAfterMs: options.nowMs + (options.days ?? caDays) * dayMs,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    extensions: [
      extension(oids.keyUsage, authorityUsage, { critical: true }),
      extension(oids.basicConstraints, sequence(boolean(true)), { critical: true }),
      extension(oids.subjectKeyIdentifier, octets(keyIdentifier(keys.publicKey))),
      extension(oids.subjectAltName, sequence(dnsName(commonName))),
    ],
  })
  return { cert, key: privatePem(keys.privateKey) }
}

export async function createLeaf(authority: KeyPair, options: LeafOptions & { nowMs: number }): Promise<KeyPair> {
  const keys = await generateKeys(options.algorithm)
  return { cert: signFor(authority, keys.publicKey, options), key: privatePem(keys.privateKey) }
}

/** A request (RFC 2986) for a certificate, PEM, with the new key that it is for. */
export async function createRequest(
  options: Subject & { readonly dnsNames?: readonly string[]; readonly ipAddresses?: readonly string[]; readonly algorithm?: KeyAlgorithm },
): Promise<{ readonly request: string; readonly key: string }> {
  const { publicKey, privateKey } = await generateKeys(options.algorithm)
  const names = alternativeNames(options)
  const extensions = names.length > 0 ? sequence(extension(oids.subjectAltName, sequence(...names))) : undefined
  const body = sequence(
    integer(Uint8Array.of(0)),
    nameOf(options),
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(0, ...(extensions ? [sequence(oid(oids.extensionRequest), set(extensions))] : [])),
  )
  return {
    request: pem('CERTIFICATE REQUEST', sequence(body, signatureAlgorithm(privateKey), bits(sign('sha256', body, privateKey)))),
    key: privatePem(privateKey),
  }
}

function alternativeNames({
  dnsNames = [],
  ipAddresses = [],
}: {
  readonly dnsNames?: readonly string[]
  readonly ipAddresses?: readonly string[]
}): Der[] {
  return [...dnsNames.map(dnsName), ...ipAddresses.map(ipName)]
}

function signatureAlgorithm(key: KeyObject): Der {
  return key.asymmetricKeyType === 'ec' ? sequence(oid(oids.ecdsaWithSha256)) : sequence(oid(oids.rsaWithSha256), nothing)
}

function signFor(authority: KeyPair, publicKey: KeyObject, options: LeafOptions & { nowMs: number }): string {
  const names = alternativeNames(options)
  return issue(authority, {
    subject: nameOf(options),
    notBeforeMs: options.nowMs - backdateMs,
    notAfterMs: options.nowMs + (options.days ?? leafDays) * dayMs,
    publicKey,
    extensions: [
      extension(oids.keyUsage, leafUsage, { critical: true }),
      extension(oids.extendedKeyUsage, sequence(...options.usages.map((usage) => oid(oids[usage])))),
      extension(oids.basicConstraints, sequence(), { critical: true }),
      ...(names.length > 0 ? [extension(oids.subjectAltName, sequence(...names))] : []),
    ],
  })
}

/** A certificate signed by the authority, PEM; it never outlives the authority. */
export function issue(authority: KeyPair, certificate: Omit<Unsigned, 'issuer' | 'signingKey'>): string {
  const issuer = readIssuer(authority.cert)
  return signed({
    ...certificate,
    issuer: issuer.name,
    notAfterMs: Math.min(certificate.notAfterMs, issuer.notAfterMs),
    signingKey: createPrivateKey(authority.key),
    extensions: [
      ...certificate.extensions,
      ...(issuer.keyIdentifier ? [extension(oids.authorityKeyIdentifier, sequence(implicit(0, issuer.keyIdentifier)))] : []),
    ],
  })
}

/**
 * A key pair without a certificate: what signs service-account tokens. An RSA key takes longer to make than a whole cluster's
 * certificates; it is for relying parties outside of the cluster that know nothing else (OpenID Connect demands only RS256).
 */
export async function createSigningKey(algorithm: KeyAlgorithm = 'ECDSA-P256'): Promise<{ key: string; publicKey: string }> {
  const keys = await generateKeys(algorithm)
  return { key: privatePem(keys.privateKey), publicKey: keys.publicKey.export({ type: 'spki', format: 'pem' }) as string }
}

function generateKeys(algorithm: KeyAlgorithm = 'ECDSA-P256'): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  const [family, size] = algorithm.split('-')
  if (family === 'RSA') return generateKeyPair('rsa', { modulusLength: Number(size) })
  return generateKeyPair('ec', { namedCurve: size === 'P384' ? 'P-384' : 'P-256' })
}

export interface Unsigned {
  readonly issuer: Der
  readonly subject: Der
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly publicKey: KeyObject
  readonly signingKey: KeyObject
  readonly extensions: readonly Der[]
}

/** RFC 5280, 4.1: a version 3 certificate, PEM. */
function signed({ issuer, subject, notBeforeMs, notAfterMs, publicKey, signingKey, extensions }: Unsigned): string {
  const algorithm = signatureAlgorithm(signingKey)
  const body = sequence(
    explicit(0, integer(Uint8Array.of(2))),
    integer(serialNumber()),
    algorithm,
    issuer,
    sequence(time(notBeforeMs), time(notAfterMs)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensions)),
  )
  return pem('CERTIFICATE', sequence(body, algorithm, bits(sign('sha256', body, signingKey))))
}

/** Organizations before the name, each a set of its own: one set of several would be one multi-valued name that Go reads differently. */
function nameOf({ commonName, organizations = [] }: Subject): Der {
  const part = (type: string, value: string) => set(sequence(oid(type), utf8(value)))
  return sequence(...organizations.map((organization) => part(oids.organization, organization)), part(oids.commonName, commonName))
}

export function extension(id: string, value: Der, { critical = false } = {}): Der {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value))
}

function dnsName(name: string): Der {
  return implicit(2, Buffer.from(name, 'latin1'))
}

function ipName(address: string): Der {
  return implicit(7, addressBytes(address))
}

function addressBytes(address: string): Uint8Array {
  if (!address.includes(':')) return Uint8Array.from(address.split('.').map(Number))
  const [before = '', after] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)))
  const [head, tail] = [groups(before), groups(after ?? '')]
  const all = [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

interface Issuer {
  /** Its subject exactly as it is written there: verifiers compare bytes. */
  readonly name: Der
  readonly keyIdentifier: Der | undefined
  readonly notAfterMs: number
}

function readIssuer(cert: string): Issuer {
  const certificate = new NodeCertificate(cert)
  const [body] = elements(elements(certificate.raw)[0]?.content ?? new Uint8Array())
  const fields = elements(body?.content ?? new Uint8Array())
  const name = fields[5]
  if (fields[0]?.tag !== 0xa0 || !name) throw new TypeError('the authority is no version 3 certificate')
  return { name: name.whole, keyIdentifier: identifierIn(fields.at(-1)), notAfterMs: Date.parse(certificate.validTo) }
}

function identifierIn(field: { tag: number; content: Der } | undefined): Der | undefined {
  if (field?.tag !== 0xa3) return undefined
  const id = Buffer.from(oid(oids.subjectKeyIdentifier))
  for (const { content } of elements(elements(field.content)[0]?.content ?? new Uint8Array())) {
    const parts = elements(content)
    if (parts[0] && id.equals(parts[0].whole)) return elements(parts.at(-1)?.content ?? new Uint8Array())[0]?.content
  }
  return undefined
}

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the public key's bits. */
function keyIdentifier(publicKey: KeyObject): Der {
  const [key] = elements(publicKey.export({ type: 'spki', format: 'der' }))
  const bitString = elements(key?.content ?? new Uint8Array())[1]
  return createHash('sha1')
    .update(bitString?.content.subarray(1) ?? new Uint8Array())
    .digest()
}

function privatePem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** 63 random bits: positive, and never the same twice. */
function serialNumber(): Uint8Array {
  const bytes = randomBytes(8)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01
  return bytes
}
