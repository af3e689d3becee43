/**
 * Certificate authorities and the certificates they sign. Keys are ECDSA P-256 unless asked otherwise; authorities live ten
 * years, leaves one (kubeadm's own terms). The X.509 library is loaded on first use: most processes only read certificates.
 */
import { X509Certificate as NodeCertificate, createPrivateKey, webcrypto } from 'node:crypto'

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

export type KeyAlgorithm = 'ECDSA-P256' | 'RSA-2048'

const dayMs = 24 * 3600 * 1000
const caDays = 3650
const leafDays = 365
/** Certificates begin a little in the past: clocks of hosts differ. */
const backdateMs = 5 * 60 * 1000

const algorithms = {
  'ECDSA-P256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  'RSA-2048': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 },
} as const

type Library = typeof import('@peculiar/x509')
let library: Promise<Library> | undefined
function x509(): Promise<Library> {
  library ??= (async () => {
    await import('reflect-metadata')
    const loaded = await import('@peculiar/x509')
    loaded.cryptoProvider.set(webcrypto as never)
    return loaded
  })()
  return library
}

/** Organizations before the name, each an entry of its own: an array would be one multi-valued name that Go reads differently. */
function nameOf({ commonName, organizations = [] }: Subject): Record<string, string[]>[] {
  return [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }]
}

export async function createAuthority(
  commonName: string,
  options: { nowMs: number; days?: number; algorithm?: KeyAlgorithm },
): Promise<KeyPair> {
  const lib = await x509()
  const algorithm = algorithms[options.algorithm ?? 'ECDSA-P256']
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
  const certificate = await lib.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: nameOf({ commonName }),
    notBefore: new Date(options.nowMs - backdateMs),
    notAfter: new Date(options.nowMs + (options.days ?? caDays) * dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new lib.BasicConstraintsExtension(true, undefined, true),
      new lib.KeyUsagesExtension(
        lib.KeyUsageFlags.digitalSignature | lib.KeyUsageFlags.keyEncipherment | lib.KeyUsageFlags.keyCertSign,
        true,
      ),
      await lib.SubjectKeyIdentifierExtension.create(keys.publicKey),
      new lib.SubjectAlternativeNameExtension([{ type: 'dns', value: commonName }]),
    ],
  })
  return { cert: `${certificate.toString('pem')}\n`, key: await privatePem(keys.privateKey) }
}

export async function createLeaf(authority: KeyPair, options: LeafOptions & { nowMs: number }): Promise<KeyPair> {
  const algorithm = algorithms[options.algorithm ?? 'ECDSA-P256']
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
  return { cert: await signKey(authority, keys.publicKey, options), key: await privatePem(keys.privateKey) }
}

/** A certificate for somebody else's public key (a signing request's). */
export async function signKey(authority: KeyPair, publicKey: CryptoKey, options: LeafOptions & { nowMs: number }): Promise<string> {
  const lib = await x509()
  const issuer = new lib.X509Certificate(authority.cert)
  const signingKey = await importPrivate(authority)
  const purposes = { client: lib.ExtendedKeyUsage.clientAuth, server: lib.ExtendedKeyUsage.serverAuth }
  const names = [
    ...(options.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(options.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ]
  const certificate = await lib.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: nameOf(options),
    issuer: issuer.subject,
    notBefore: new Date(options.nowMs - backdateMs),
    notAfter: new Date(Math.min(options.nowMs + (options.days ?? leafDays) * dayMs, issuer.notAfter.getTime())),
    signingAlgorithm: signingKey.algorithm as never,
    publicKey,
    signingKey,
    extensions: [
      new lib.KeyUsagesExtension(lib.KeyUsageFlags.digitalSignature | lib.KeyUsageFlags.keyEncipherment, true),
      new lib.ExtendedKeyUsageExtension(options.usages.map((usage) => purposes[usage])),
      new lib.BasicConstraintsExtension(false, undefined, true),
      await lib.AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto as never),
      ...(names.length ? [new lib.SubjectAlternativeNameExtension(names)] : []),
    ],
  })
  return `${certificate.toString('pem')}\n`
}

/** A key pair without a certificate: what signs service-account tokens. */
export async function createSigningKey(): Promise<{ key: string; publicKey: string }> {
  // RSA, as everywhere: some OIDC relying parties know nothing else.
  const keys = (await webcrypto.subtle.generateKey(algorithms['RSA-2048'], true, ['sign', 'verify'])) as CryptoKeyPair
  return { key: await privatePem(keys.privateKey), publicKey: pem('PUBLIC KEY', await webcrypto.subtle.exportKey('spki', keys.publicKey)) }
}

async function importPrivate({ key, cert }: KeyPair): Promise<CryptoKey> {
  const type = new NodeCertificate(cert).publicKey.asymmetricKeyType
  const algorithm = algorithms[type === 'ec' ? 'ECDSA-P256' : 'RSA-2048']
  const der = createPrivateKey(key).export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
}

async function privatePem(key: CryptoKey): Promise<string> {
  return pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', key))
}

function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** 63 random bits: positive, and never the same twice. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(8))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01
  return Buffer.from(bytes).toString('hex')
}

type CryptoKey = webcrypto.CryptoKey
type CryptoKeyPair = webcrypto.CryptoKeyPair
