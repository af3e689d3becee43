import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createAuthority } from './certificates.js'
import { issueForRequest, notAfterMsOf, readRequest } from './signing-requests.js'
import { signingRequest } from './testdata/request.js'

const nowMs = Date.UTC(2026, 0, 1)
const names = [
  { type: 'dns', value: 'node-1.example.com' },
  { type: 'ip', value: '10.0.0.1' },
  { type: 'email', value: 'a@example.com' },
  { type: 'url', value: 'spiffe://example.com/a' },
] as const

describe('signing requests', () => {
  it('are read: who asks, for which names', async () => {
    const pem = await signingRequest({ commonName: 'system:node:n', organizations: ['system:nodes', 'more'], names })
    expect(readRequest(pem)).toEqual({
      commonName: 'system:node:n',
      organizations: ['system:nodes', 'more'],
      dnsNames: ['node-1.example.com'],
      emailAddresses: ['a@example.com'],
      uris: ['spiffe://example.com/a'],
      ipAddressCount: 1,
    })
    expect(readRequest(await signingRequest({ commonName: 'x' }))).toMatchObject({ commonName: 'x', organizations: [], dnsNames: [] })
  })

  it('are refused when they are something else, or not signed by their own key', async () => {
    expect(() => readRequest('nonsense')).toThrow(TypeError)
    const pem = await signingRequest({ commonName: 'x' })
    const bytes = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
    // A byte within the name.
    bytes[bytes.indexOf('x')] = 0x79
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
    expect(() => readRequest(forged)).toThrow('not signed by its own key')
  })

  it('become certificates of the authority, with the names asked for and the usages granted', async () => {
    const authority = await createAuthority('kubernetes', { nowMs })
    const pem = await signingRequest({ commonName: 'system:node:n', organizations: ['system:nodes'], names })
    const usages = ['digital signature', 'key encipherment', 'server auth', 'client auth']
    const notAfterMs = nowMs + 3600_000
    const text = issueForRequest(authority, pem, { usages, notBeforeMs: nowMs, notAfterMs })
    const certificate = new X509Certificate(text)
    expect(certificate.verify(new X509Certificate(authority.cert).publicKey)).toBe(true)
    expect(certificate.subject).toBe('O=system:nodes\nCN=system:node:n')
    expect(certificate.subjectAltName).toBe('DNS:node-1.example.com, IP Address:10.0.0.1, email:a@example.com, URI:spiffe://example.com/a')
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
    expect(certificate.ca).toBe(false)
    expect(notAfterMsOf(text)).toBe(notAfterMs)
    expect(notAfterMsOf('nonsense')).toBeUndefined()
  })

  it('get no certificate that outlives its authority, nor one for a usage that nobody knows', async () => {
    const authority = await createAuthority('kubernetes', { nowMs, days: 1 })
    const pem = await signingRequest({ commonName: 'x' })
    const options = { usages: ['client auth'], notBeforeMs: nowMs, notAfterMs: nowMs + 10 * 86_400_000 }
    expect(notAfterMsOf(issueForRequest(authority, pem, options))).toBe(nowMs + 86_400_000)
    expect(() => issueForRequest(authority, pem, { ...options, usages: ['dancing'] })).toThrow('unrecognized usage: dancing')
  })
})
