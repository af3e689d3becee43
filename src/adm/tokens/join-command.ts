/** The command by which another machine joins, and the pin of the authority that it checks (RFC 7469, 2.4: of its public key). */
import { createHash, X509Certificate } from 'node:crypto'

export function authorityHash(caPem: string): string {
  const spki = new X509Certificate(caPem).publicKey.export({ type: 'spki', format: 'der' })
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`
}

export interface JoinCommandOptions {
  /** HOST:PORT */
  readonly endpoint: string
  readonly token: string
  readonly caPem: string
  /** For a control plane. */
  readonly certificateKey?: string | undefined
}

export function joinCommand({ endpoint, token, caPem, certificateKey }: JoinCommandOptions): string {
  const words = ['quorate', 'join', endpoint, '--token', token, '--discovery-token-ca-cert-hash', authorityHash(caPem)]
  return [...words, ...(certificateKey ? ['--control-plane', '--certificate-key', certificateKey] : [])].join(' ')
}
