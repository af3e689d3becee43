/** Bootstrap tokens: what a machine joins with (Kubernetes documentation: authenticating with bootstrap tokens). */
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** ID.SECRET of 6 and 16 characters, evenly drawn. */
export function generateToken(): string {
  return `${draw(6)}.${draw(16)}`
}

/** 32 random bytes in hex: what certificates of a control plane are encrypted with on their way to another. */
export function generateCertificateKey(): string {
  return Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(32))).toString('hex')
}

function draw(length: number): string {
  // Bytes beyond the last whole alphabet would favour its first characters.
  const limit = 256 - (256 % alphabet.length)
  let text = ''
  while (text.length < length) {
    for (const byte of globalThis.crypto.getRandomValues(new Uint8Array(length)))
      if (byte < limit && text.length < length) text += alphabet[byte % alphabet.length]
  }
  return text
}
