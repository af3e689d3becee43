import { afterEach, describe, expect, it } from 'vitest'
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { signers } from '../common/certificate-requests.js'
import { signingRequest } from '../../pki/testdata/request.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { certificateCleanerController, isPast } from './csr-cleaner.js'

const madeMs = Date.UTC(2026, 0, 1)
const hourMs = 3_600_000
const made = new Date(madeMs).toISOString()
const request = (status: CertificateSigningRequest['status']): CertificateSigningRequest => ({
  metadata: { name: 'r', creationTimestamp: made },
  spec: { request: '', signerName: signers.apiServerClient },
  status,
})
const conditions = (type: string) => [{ type, status: 'True', lastUpdateTime: made }]
const never = () => Number.POSITIVE_INFINITY

describe('a certificate request is past', () => {
  it.each<[string, CertificateSigningRequest['status'], number]>([
    ['a day after it was made, undecided', {}, 24],
    ['an hour after it was denied', { conditions: conditions('Denied') }, 1],
    ['an hour after it failed', { conditions: conditions('Failed') }, 1],
    ['an hour after it was granted', { conditions: conditions('Approved'), certificate: btoa('PEM') }, 1],
  ])('%s', (_, status, hours) => {
    expect(isPast(request(status), madeMs + hours * hourMs, never)).toBe(false)
    expect(isPast(request(status), madeMs + hours * hourMs + 1, never)).toBe(true)
  })

  it('when its certificate has expired, and not while it waits for its signer', () => {
    expect(isPast(request({ certificate: btoa('PEM') }), madeMs, () => madeMs - 1)).toBe(true)
    expect(isPast(request({ conditions: conditions('Approved') }), madeMs + 100 * hourMs, never)).toBe(false)
  })
})

describe('certificatesigningrequest-cleaner-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  it('deletes what is past within the hour', async () => {
    const clock = new VirtualClock()
    running = await runTestControllers({ controllers: [certificateCleanerController(never)], clock })
    const { client, settled, list } = running
    const spec = {
      request: btoa(await signingRequest({ commonName: 'x' })),
      signerName: signers.apiServerClient,
      usages: ['client auth' as const],
    }
    const requests = client.resource<CertificateSigningRequest>(resources.certificateSigningRequests)
    await requests.create({ metadata: { name: 'r' }, spec })
    const body = { status: { conditions: [{ type: 'Denied', status: 'True', reason: 'ByHand' }] } }
    await requests.patch('', 'r', { type: 'merge', body }, { subresource: 'approval' })
    await settled()
    expect(await list(resources.certificateSigningRequests)).toHaveLength(1)
    await clock.advance(2 * hourMs + 1)
    await settled()
    expect(await list(resources.certificateSigningRequests)).toHaveLength(0)
  })
})
