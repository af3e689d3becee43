const encoder = new TextEncoder()

/** A JSON Web Signature without its content (RFC 7515, appendix F), by HMAC SHA-256 with the token's secret, named by the token's id. */
export async function detachedSignature(content: string, token: { readonly id: string; readonly secret: string }): Promise<string> {
  const header = base64Url(encoder.encode(JSON.stringify({ alg: 'HS256', kid: token.id })))
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const { subtle } = globalThis.crypto
  const key = await subtle.importKey('raw', encoder.encode(token.secret), algorithm, false, ['sign'])
  const signature = await subtle.sign('HMAC', key, encoder.encode(`${header}.${base64Url(encoder.encode(content))}`))
  return `${header}..${base64Url(new Uint8Array(signature))}`
}

function base64Url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
