import { createPublicKey } from 'node:crypto'
import { jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { createSigningKey } from './certificates.js'
import { tokenSigner } from './token-signer.js'

describe('signed tokens', () => {
  it.each(['ECDSA-P256', 'RSA-2048'] as const)('are read by another library: %s', async (algorithm) => {
    const { key, publicKey } = await createSigningKey(algorithm)
    const token = tokenSigner(key)({ sub: 'system:serviceaccount:ns:a' })
    const { payload, protectedHeader } = await jwtVerify(token, createPublicKey(publicKey))
    expect(payload).toEqual({ sub: 'system:serviceaccount:ns:a' })
    expect(protectedHeader.kid).toMatch(/^[\w-]{43}$/)
  })

  it('need a private key', () => {
    expect(() => tokenSigner('nonsense')).toThrow()
  })
})
