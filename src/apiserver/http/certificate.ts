/**
 * Who a client certificate stands for. On a connection TLS has checked the chain; which of the two authorities it leads to
 * (--client-ca-file, --requestheader-client-ca-file) decides whether it is a user or a front proxy. A certificate that comes
 * without a connection, from a component of the same process, is checked here by the same authorities.
 */
import { X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import type { Credentials } from '../authn/authenticator.js'

export type ClientIdentity = Pick<Credentials, 'certificate' | 'frontProxyCertificate' | 'untrustedCertificate'>

export interface ClientAuthorities {
  /** PEM bundle of --client-ca-file. */
  readonly users?: string
  /** PEM bundle of --requestheader-client-ca-file. */
  readonly frontProxies?: string
}

const nobody: ClientIdentity = {}
const untrusted: ClientIdentity = { untrustedCertificate: true }

export class ClientCertificates {
  readonly #users: readonly X509Certificate[]
  readonly #frontProxies: readonly X509Certificate[]
  /** Of each connection once: a parsed certificate costs more than the request it comes with. */
  readonly #known = new WeakMap<TLSSocket, ClientIdentity>()
  /** What TLS checks chains against; undefined: it does not ask for certificates. */
  readonly bundle: string | undefined

  constructor({ users, frontProxies }: ClientAuthorities) {
    this.#users = certificatesOf(users)
    this.#frontProxies = certificatesOf(frontProxies)
    this.bundle = users || frontProxies ? `${users ?? ''}\n${frontProxies ?? ''}` : undefined
  }

  /** Of a connection; nobody when it has no certificate. */
  ofSocket(socket: TLSSocket): ClientIdentity {
    let identity = this.#known.get(socket)
    if (!identity) this.#known.set(socket, (identity = this.#read(socket)))
    return identity
  }

  /** Of a certificate in PEM (its chain may follow it); undefined when no authority of users signed it or it is out of date. */
  ofPem(pem: string, nowMs: number): ClientIdentity | undefined {
    const [leaf, ...chain] = certificatesOf(pem)
    if (!leaf || nowMs < Date.parse(leaf.validFrom) || nowMs > Date.parse(leaf.validTo)) return undefined
    return this.#signedByUsers(leaf, chain) ? { certificate: userOf(leaf.toLegacyObject() as DetailedPeerCertificate) } : undefined
  }

  #signedByUsers(certificate: X509Certificate, chain: readonly X509Certificate[]): boolean {
    if (this.#users.some((authority) => issued(authority, certificate))) return true
    const [next, ...rest] = chain
    return next !== undefined && next.ca && issued(next, certificate) && this.#signedByUsers(next, rest)
  }

  #read(socket: TLSSocket): ClientIdentity {
    const peer = socket.getPeerCertificate(true)
    if (!peer?.subject) return nobody
    if (!socket.authorized) return untrusted
    const root = rootOf(peer)
    const isOf = (authorities: readonly X509Certificate[]) => authorities.some(({ fingerprint256 }) => fingerprint256 === root)
    return {
      ...(isOf(this.#users) ? { certificate: userOf(peer) } : {}),
      ...(isOf(this.#frontProxies) ? { frontProxyCertificate: { commonName: lastOf(peer.subject.CN) } } : {}),
    }
  }
}

function certificatesOf(pem = ''): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block))
}

function issued(authority: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
}

/** The fingerprint of the last certificate of the chain: a root is its own issuer. */
function rootOf(peer: DetailedPeerCertificate): string {
  let at = peer
  while (at.issuerCertificate && at.issuerCertificate !== at && at.issuerCertificate.fingerprint256 !== at.fingerprint256)
    at = at.issuerCertificate
  return at.fingerprint256
}

function userOf(peer: DetailedPeerCertificate): NonNullable<Credentials['certificate']> {
  // Several organizations are several O entries; node gives one as text and several as a list.
  const { O } = peer.subject as unknown as { O?: string | string[] }
  return {
    commonName: lastOf(peer.subject.CN),
    organizations: O === undefined ? [] : Array.isArray(O) ? O : [O],
    credentialId: `X509SHA256=${peer.fingerprint256.replace(/:/g, '').toLowerCase()}`,
    notAfter: new Date(peer.valid_to),
  }
}

function lastOf(value: string | string[] | undefined): string {
  return Array.isArray(value) ? (value[value.length - 1] ?? '') : (value ?? '')
}
