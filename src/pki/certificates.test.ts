import { createPrivateKey, X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createAuthority, createLeaf, createRequest } from './certificates.js'
import { issueForRequest, readRequest } from './signing-requests.js'

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

it('is read the same by an X.509 library of another maker', async () => {
  await import('reflect-metadata')
  const {
    AuthorityKeyIdentifierExtension,
    SubjectAlternativeNameExtension,
    SubjectKeyIdentifierExtension,
    X509Certificate: Other,
  } = await import('@peculiar/x509')
  const nowMs = Date.UTC(2049, 11, 1)
  for (const algorithm of ['ECDSA-P256', 'RSA-2048'] as const) {
    const authority = await createAuthority('etcd-ca', { nowMs, algorithm })
    const leaf = await createLeaf(authority, {
      commonName: 'naïve',
      usages: ['server'],
      dnsNames: ['a.local'],
      ipAddresses: ['10.96.0.1', '::1', 'fd00:0:0:1::a'],
      nowMs,
    })
    const [ca, cert] = [new Other(authority.cert), new Other(leaf.cert)]
    expect(await cert.verify({ publicKey: ca.publicKey, date: new Date(nowMs) })).toBe(true)
    expect(cert.issuer).toBe('CN=etcd-ca')
    expect(cert.subject).toBe('CN=naïve')
    // Beyond 2049 dates are written in another form.
    expect(cert.notAfter.toISOString()).toBe('2050-12-01T00:00:00.000Z')
    expect(cert.getExtension(AuthorityKeyIdentifierExtension)?.keyId).toBe(ca.getExtension(SubjectKeyIdentifierExtension)?.keyId)
    expect(cert.getExtension(SubjectAlternativeNameExtension)?.names.items.map(({ value }) => value)).toEqual([
      'a.local',
      '10.96.0.1',
      '::1',
      'fd00:0:0:1::a',
    ])
  }
})

describe('a request for a certificate', () => {
  it.each(['ECDSA-P256', 'ECDSA-P384', 'RSA-2048'] as const)(
    'of %s is signed by its own key and says for whom and which names',
    async (algorithm) => {
      const { request, key } = await createRequest({
        ...{ commonName: 'system:node:a', organizations: ['system:nodes'], dnsNames: ['a'], ipAddresses: ['10.0.0.1'], algorithm },
      })
      expect(readRequest(request)).toMatchObject({
        commonName: 'system:node:a',
        organizations: ['system:nodes'],
        dnsNames: ['a'],
        ipAddressCount: 1,
      })
      const authority = await createAuthority('kubernetes', { nowMs: Date.now() })
      const cert = issueForRequest(authority, request, {
        usages: ['client auth'],
        notBeforeMs: Date.now(),
        notAfterMs: Date.now() + 60_000,
      })
      expect(new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))).toBe(true)
    },
  )
})
