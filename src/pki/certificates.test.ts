import { X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { createAuthority, createLeaf } from './certificates.js'

it('signs leaves that its authority verifies, with the names they ask for', async () => {
  const nowMs = Date.now()
  const authority = await createAuthority('kubernetes', { nowMs })
  const leaf = await createLeaf(authority, {
    commonName: 'system:node:a',
    organizations: ['system:nodes', 'extra'],
    usages: ['client', 'server'],
    dnsNames: ['a.local'],
    ipAddresses: ['127.0.0.1'],
    nowMs,
  })
  const [ca, cert] = [new X509Certificate(authority.cert), new X509Certificate(leaf.cert)]
  expect(cert.verify(ca.publicKey)).toBe(true)
  expect(ca.ca).toBe(true)
  expect(cert.ca).toBe(false)
  expect(cert.subject.split('\n')).toEqual(['O=system:nodes', 'O=extra', 'CN=system:node:a'])
  expect(cert.checkIP('127.0.0.1')).toBe('127.0.0.1')
  expect(cert.checkHost('a.local')).toBe('a.local')
  const days = (Date.parse(cert.validTo) - nowMs) / 86_400_000
  expect(days).toBeGreaterThan(364)
  expect(days).toBeLessThan(366)
})
