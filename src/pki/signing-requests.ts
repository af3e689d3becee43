/**
 * Certificate signing requests (PKCS #10, RFC 2986): read, proven, and turned into certificates. The subject and the names of
 * the certificate are those of the request, byte for byte; what it may be used for is the signer's word.
 */
import { createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto'
import { extension, issue, type KeyPair, oids } from './certificates.js'
import { bits, type Der, elements, type Element, oid, sequence } from './der.js'

/** What a request asks to have certified. */
export interface RequestContent {
  readonly commonName: string
  readonly organizations: readonly string[]
  readonly dnsNames: readonly string[]
  readonly emailAddresses: readonly string[]
  readonly uris: readonly string[]
  readonly ipAddressCount: number
}

export interface IssueOptions {
  /** Kubernetes' names of key usages ("client auth"). */
  readonly usages: readonly string[]
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

interface Parsed extends RequestContent {
  readonly subject: Der
  readonly publicKey: KeyObject
  /** GeneralNames of the kinds that are passed on. */
  readonly names: readonly Der[]
}

const requestOids = {
  ecdsaWithSha384: '1.2.840.10045.4.3.3',
  ecdsaWithSha512: '1.2.840.10045.4.3.4',
  rsaWithSha384: '1.2.840.113549.1.1.12',
  rsaWithSha512: '1.2.840.113549.1.1.13',
  ed25519: '1.3.101.112',
}
/** Tags of GeneralName: email, DNS, URI and IP address. */
const nameTags = { email: 0x81, dns: 0x82, uri: 0x86, ip: 0x87 }

/** Throws a TypeError when the text is no request. */
export function readRequest(pem: string): RequestContent {
  const { subject: _, publicKey: __, names: ___, ...content } = parse(pem)
  return content
}

/** Throws a TypeError when the request is unreadable, not signed by its own key, or a usage is unknown. */
export function issueForRequest(authority: KeyPair, pem: string, { usages, notBeforeMs, notAfterMs }: IssueOptions): string {
  const { subject, publicKey, names } = parse(pem)
  const { flags, purposes } = usagesOf(usages)
  return issue(authority, {
    ...{ subject, publicKey, notBeforeMs, notAfterMs },
    extensions: [
      ...(flags > 0 ? [extension(oids.keyUsage, usageBits(flags), { critical: true })] : []),
      ...(purposes.length > 0 ? [extension(oids.extendedKeyUsage, sequence(...purposes.map(oid)))] : []),
      extension(oids.basicConstraints, sequence(), { critical: true }),
      ...(names.length > 0 ? [extension(oids.subjectAltName, sequence(...names))] : []),
    ],
  })
}

/** When the first certificate in the text ends; undefined when there is none. */
export function notAfterMsOf(pem: string): number | undefined {
  try {
    return Date.parse(new X509Certificate(pem).validTo)
  } catch {
    return undefined
  }
}

function parse(pem: string): Parsed {
  const base64 = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([\s\S]+?)-----END/.exec(pem)?.[1]
  if (base64 === undefined) throw new TypeError('PEM block type must be CERTIFICATE REQUEST')
  const [body, algorithm, signature] = inside(elements(Buffer.from(base64, 'base64'))[0])
  const [, subject, key, attributes] = inside(body)
  if (!body || !subject || !key || !signature) throw new TypeError('the certificate request is cut')
  const publicKey = createPublicKey({ key: Buffer.from(key.whole), format: 'der', type: 'spki' })
  if (!verify(digestOf(inside(algorithm)[0]), body.whole, publicKey, signature.content.subarray(1)))
    throw new TypeError('the certificate request is not signed by its own key')
  const names = alternativeNames(attributes).filter(({ tag }) => Object.values(nameTags).includes(tag))
  const textsOf = (wanted: number) => names.filter(({ tag }) => tag === wanted).map(({ content }) => text(content))
  return {
    ...{ subject: subject.whole, publicKey, names: names.map(({ whole }) => whole) },
    commonName: subjectParts(subject, oids.commonName).at(-1) ?? '',
    organizations: subjectParts(subject, oids.organization),
    dnsNames: textsOf(nameTags.dns),
    emailAddresses: textsOf(nameTags.email),
    uris: textsOf(nameTags.uri),
    ipAddressCount: names.filter(({ tag }) => tag === nameTags.ip).length,
  }
}

const text = (bytes: Der) => Buffer.from(bytes).toString('utf8')
const inside = (element: Element | undefined): Element[] => elements(element?.content ?? new Uint8Array())
const isOid = (element: Element | undefined, id: string) => element !== undefined && Buffer.from(element.whole).equals(oid(id))

function subjectParts(subject: Element, type: string): string[] {
  return inside(subject)
    .flatMap((set) => inside(set))
    .map((pair) => inside(pair))
    .filter(([id]) => isOid(id, type))
    .map(([, value]) => text(value?.content ?? new Uint8Array()))
}

/** The GeneralNames of the subjectAltName among the extensions that are asked for. */
function alternativeNames(attributes: Element | undefined): Element[] {
  for (const attribute of inside(attributes)) {
    const [id, values] = inside(attribute)
    if (!isOid(id, oids.extensionRequest)) continue
    for (const asked of inside(inside(values)[0])) {
      const parts = inside(asked)
      if (isOid(parts[0], oids.subjectAltName)) return inside(inside(parts.at(-1))[0])
    }
  }
  return []
}

function digestOf(algorithm: Element | undefined): string | null {
  const digests: Readonly<Record<string, string | null>> = {
    [oids.ecdsaWithSha256]: 'sha256',
    [oids.rsaWithSha256]: 'sha256',
    [requestOids.ecdsaWithSha384]: 'sha384',
    [requestOids.rsaWithSha384]: 'sha384',
    [requestOids.ecdsaWithSha512]: 'sha512',
    [requestOids.rsaWithSha512]: 'sha512',
    [requestOids.ed25519]: null,
  }
  for (const [id, digest] of Object.entries(digests)) if (isOid(algorithm, id)) return digest
  throw new TypeError('the certificate request is signed by an algorithm that is not supported')
}

/** Bits of KeyUsage, the first one highest. */
const keyUsages: Readonly<Record<string, number>> = {
  signing: 0x8000,
  'digital signature': 0x8000,
  'content commitment': 0x4000,
  'key encipherment': 0x2000,
  'data encipherment': 0x1000,
  'key agreement': 0x0800,
  'cert sign': 0x0400,
  'crl sign': 0x0200,
  'encipher only': 0x0100,
  'decipher only': 0x0080,
}
const keyPurposes: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': oids.server,
  'client auth': oids.client,
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
}

function usagesOf(usages: readonly string[]): { flags: number; purposes: string[] } {
  let flags = 0
  const purposes = new Set<string>()
  for (const usage of usages) {
    const [flag, purpose] = [keyUsages[usage], keyPurposes[usage]]
    if (flag !== undefined) flags |= flag
    else if (purpose !== undefined) purposes.add(purpose)
    else throw new TypeError(`unrecognized usage: ${usage}`)
  }
  return { flags, purposes: [...purposes] }
}

/** DER: a bit string of flags ends with its last bit that is set. */
function usageBits(flags: number): Der {
  const bytes = flags & 0xff ? Uint8Array.of(flags >> 8, flags & 0xff) : Uint8Array.of(flags >> 8)
  const last = bytes.at(-1) ?? 0
  return bits(bytes, Math.max(0, 31 - Math.clz32(last & -last)))
}
