import { X509Certificate } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { createAuthority } from '../../pki/certificates.js'
import { issueForRequest, readRequest, type RequestContent } from '../../pki/signing-requests.js'
import { signingRequest, type TestRequest } from '../../pki/testdata/request.js'
import { signers } from '../common/certificate-requests.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { certificateSigningController } from './csr-signing.js'
import { signerFault, validity } from './signing.js'

const node: RequestContent = {
  ...{ commonName: 'system:node:n', organizations: ['system:nodes'], dnsNames: [], emailAddresses: [], uris: [], ipAddressCount: 0 },
}
const clientUsages = ['digital signature', 'client auth']
const servingUsages = ['digital signature', 'server auth']

describe('the signers of kubernetes.io', () => {
  it.each<[string, string, Partial<RequestContent>, string[]]>([
    ['kubelet client', signers.kubeletClient, {}, clientUsages],
    ['kubelet client with an RSA key', signers.kubeletClient, {}, [...clientUsages, 'key encipherment']],
    ['kubelet serving', signers.kubeletServing, { ipAddressCount: 1 }, servingUsages],
    ['any client', signers.apiServerClient, { commonName: 'jane', organizations: ['dev'] }, ['client auth']],
    ['anything', signers.legacyUnknown, { commonName: 'x', dnsNames: ['x'] }, ['code signing']],
  ])('certify %s', (_, signer, content, usages) => {
    expect(signerFault(signer, { ...node, ...content }, usages)).toBeUndefined()
  })

  it.each<[string, string, Partial<RequestContent>, string[]]>([
    ['a kubelet outside of system:nodes', signers.kubeletClient, { organizations: ['other'] }, clientUsages],
    ['a kubelet with a second group', signers.kubeletClient, { organizations: ['system:nodes', 'system:masters'] }, clientUsages],
    ['a kubelet of another name', signers.kubeletClient, { commonName: 'jane' }, clientUsages],
    ['a kubelet client with a DNS name', signers.kubeletClient, { dnsNames: ['x'] }, clientUsages],
    ['a kubelet client that would serve', signers.kubeletClient, {}, [...clientUsages, 'server auth']],
    ['a kubelet client without signatures', signers.kubeletClient, {}, ['client auth']],
    ['a serving kubelet without names', signers.kubeletServing, {}, servingUsages],
    ['a serving kubelet with a URI', signers.kubeletServing, { dnsNames: ['x'], uris: ['y'] }, servingUsages],
    ['a client that is no client', signers.apiServerClient, {}, ['digital signature']],
    ['a client that would serve', signers.apiServerClient, {}, ['client auth', 'server auth']],
  ])('do not certify %s', (_, signer, content, usages) => {
    expect(signerFault(signer, { ...node, ...content }, usages)).toEqual(expect.any(String))
  })
})

describe('validity', () => {
  const hourMs = 3_600_000
  it('is what the signer grants or the request asks, whichever is less, and ten minutes at least', () => {
    const ms = (granted: number, asked?: number) => validity(granted, asked, 0).notAfterMs
    expect(ms(24 * hourMs)).toBe(24 * hourMs - 300_000)
    expect(ms(24 * hourMs, 3600)).toBe(hourMs)
    expect(ms(hourMs, 7200)).toBe(hourMs)
    expect(ms(hourMs, 60)).toBe(600_000)
    expect(validity(hourMs, undefined, 0).notBeforeMs).toBe(-300_000)
  })
})

describe('certificatesigningrequest-signing-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  const start = async () => {
    const clock = new VirtualClock()
    const authority = await createAuthority('kubernetes', { nowMs: clock.now() })
    const pairs = Object.fromEntries(Object.values(signers).map((signer) => [signer, authority]))
    const options = { durationMs: 86_400_000, pairs, read: readRequest, issue: issueForRequest }
    running = await runTestControllers({ controllers: [certificateSigningController(options)], clock })
    const { client, settled } = running
    const requests = client.resource<CertificateSigningRequest>(resources.certificateSigningRequests)
    return {
      authority,
      async request(name: string, signerName: string, of: TestRequest, decision?: 'Approved' | 'Denied') {
        const spec = { request: btoa(await signingRequest(of)), signerName, usages: ['digital signature' as const, 'client auth' as const] }
        await requests.create({ metadata: { name }, spec })
        const body = { status: { conditions: [{ type: decision, status: 'True', reason: 'ByHand' }] } }
        if (decision) await requests.patch('', name, { type: 'merge', body }, { subresource: 'approval' })
        await settled()
        return (await requests.get('', name)).status ?? {}
      },
    }
  }

  it('certifies what was approved, and nothing else', async () => {
    const { authority, request } = await start()
    const jane = { commonName: 'jane' }
    const { certificate = '' } = await request('a', signers.apiServerClient, jane, 'Approved')
    expect(new X509Certificate(atob(certificate)).verify(new X509Certificate(authority.cert).publicKey)).toBe(true)
    expect((await request('b', signers.apiServerClient, jane)).certificate).toBeUndefined()
    expect((await request('c', signers.apiServerClient, jane, 'Denied')).certificate).toBeUndefined()
    expect((await request('d', 'example.com/mine', jane, 'Approved')).certificate).toBeUndefined()
  })

  it('says by the condition Failed that an approved request does not fit its signer', async () => {
    const { request } = await start()
    const status = await request('a', signers.kubeletClient, { commonName: 'jane' }, 'Approved')
    expect(status.certificate).toBeUndefined()
    expect(status.conditions?.map(({ type, reason }) => [type, reason])).toEqual([
      ['Approved', 'ByHand'],
      ['Failed', 'SignerValidationFailure'],
    ])
  })
})
