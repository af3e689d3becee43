import type { TLSSocket } from 'node:tls'
import type { Credentials } from '../authn/authenticator.js'

type Certificate = Credentials['certificate']

/** Of each connection once: a parsed certificate costs more than the request it comes with. */
const known = new WeakMap<TLSSocket, { certificate: Certificate }>()

/** The client's verified certificate; undefined when it has none, or one that the CA did not sign. */
export function certificateOf(socket: TLSSocket): Certificate {
  let entry = known.get(socket)
  if (!entry) known.set(socket, (entry = { certificate: read(socket) }))
  return entry.certificate
}

function read(socket: TLSSocket): Certificate {
  if (!socket.authorized) return undefined
  const peer = socket.getPeerCertificate()
  if (!peer?.subject) return undefined
  // Several organizations are several O entries; node gives one as text and several as a list.
  const { CN, O } = peer.subject as unknown as { CN?: string | string[]; O?: string | string[] }
  const commonName = Array.isArray(CN) ? (CN[CN.length - 1] ?? '') : (CN ?? '')
  const organizations = O === undefined ? [] : Array.isArray(O) ? O : [O]
  return {
    commonName,
    organizations,
    credentialId: `X509SHA256=${peer.fingerprint256.replace(/:/g, '').toLowerCase()}`,
    notAfter: new Date(peer.valid_to),
  }
}
