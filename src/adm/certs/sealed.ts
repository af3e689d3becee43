/**
 * Certificates on their way to another control plane: AES-256-GCM under a key that only the administrator knows, the nonce before the
 * ciphertext and the tag behind it, as kubeadm seals them.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { QuorateError } from '../../base/errors.js'

const nonceBytes = 12
const tagBytes = 16

export function seal(plain: string, keyHex: string): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(keyHex, 'hex'), nonce)
  return Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
}

/** Throws QuorateError CertificateKeyWrong when it was sealed with another key, or changed. */
export function unseal(sealed: Uint8Array, keyHex: string): string {
  const nonce = sealed.subarray(0, nonceBytes)
  const tag = sealed.subarray(sealed.length - tagBytes)
  try {
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(keyHex, 'hex'), nonce)
    decipher.setAuthTag(tag)
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes)), decipher.final()]).toString('utf8')
  } catch (error) {
    throw new QuorateError('CertificateKeyWrong', 'the certificates cannot be decrypted with this certificate key', {
      remedy: 'Use the key that "quorate init phase upload-certs --upload-certs" printed; run it again for a new one.',
      cause: error,
    })
  }
}
