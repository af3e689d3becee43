import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.js'
import { silentLogger } from '../../base/logger.js'
import { realRandom } from '../../base/random.js'
import { realClock } from '../../base/real-clock.js'
import { resources } from '../../client/resources.js'
import { testApiServer, type TestApiServer } from '../../client/testdata/api-server.js'
import { createAuthority, type KeyPair } from '../../pki/certificates.js'
import { issueForRequest } from '../../pki/signing-requests.js'
import type { HostedDeps } from './component.js'
import { bootstrapKubelet } from './kubelet-bootstrap.js'

let dir: string
let api: TestApiServer
let authority: KeyPair
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'quorate-bootstrap-'))
  api = await testApiServer()
  authority = await createAuthority('kubernetes', { nowMs: Date.now() })
})
afterEach(async () => {
  await api.stop()
  rmSync(dir, { recursive: true })
})

/** The API server of the test is reached without the wire. */
function deps(): HostedDeps {
  const hosted = { transport: () => api.transport }
  return {
    ...{ clock: realClock(), random: realRandom(), logger: silentLogger, resolvePath: (path: string) => path },
    hostedApiServers: { add: () => () => undefined, find: () => hosted },
  }
}

function options() {
  const bootstrapKubeconfig = join(dir, 'bootstrap-kubelet.conf')
  const cluster = { server: 'https://127.0.0.1:6443', 'certificate-authority-data': Buffer.from(authority.cert).toString('base64') }
  const config = {
    ...{
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    },
    'current-context': 'x',
  }
  writeFileSync(bootstrapKubeconfig, JSON.stringify(config))
  return { kubeconfig: join(dir, 'kubelet.conf'), bootstrapKubeconfig, certDir: join(dir, 'pki'), nodeName: 'worker-1' }
}

/** Waits for a request and answers it. */
async function answer(
  give: (request: CertificateSigningRequest) => CertificateSigningRequest['status'],
): Promise<CertificateSigningRequest> {
  const requests = api.client.resource<CertificateSigningRequest>(resources.certificateSigningRequests)
  for (;;) {
    const [request] = (await requests.list()).items
    if (request) {
      await requests.patch('', request.metadata.name ?? '', { type: 'merge', body: { status: give(request) } }, { subresource: 'status' })
      return request
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}

it('asks in the name of its node, and writes what it was granted with a kubeconfig that names it', async () => {
  const asked = options()
  const signal = new AbortController().signal
  const done = bootstrapKubelet(asked, deps(), signal)
  const request = await answer(({ spec }) => {
    const pem = Buffer.from(spec.request, 'base64').toString()
    const certificate = issueForRequest(authority, pem, {
      usages: spec.usages ?? [],
      notBeforeMs: Date.now() - 1000,
      notAfterMs: Date.now() + 3600_000,
    })
    return { certificate: Buffer.from(certificate).toString('base64') }
  })
  await done
  expect(request.spec).toMatchObject({
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    usages: ['digital signature', 'client auth'],
  })
  const current = join(asked.certDir, 'kubelet-client-current.pem')
  expect(new X509Certificate(readFileSync(current)).subject).toBe('O=system:nodes\nCN=system:node:worker-1')
  expect(readlinkSync(current)).toMatch(/^kubelet-client-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d\.pem$/)
  expect(statSync(current).mode & 0o777).toBe(0o600)
  expect(readFileSync(asked.kubeconfig, 'utf8')).toContain(current)
  // What is there and in force is kept: no second request.
  await bootstrapKubelet(asked, deps(), signal)
  expect((await api.client.resource(resources.certificateSigningRequests).list()).items).toHaveLength(1)
})

it('ends with the reason when it is denied', async () => {
  const done = bootstrapKubelet(options(), deps(), new AbortController().signal)
  const denied = expect(done).rejects.toMatchObject({ code: 'RequestDenied', message: expect.stringContaining('was failed: not that one') })
  await answer(() => ({ conditions: [{ type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: 'not that one' }] }))
  await denied
})
