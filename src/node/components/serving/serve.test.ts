import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../../base/logger.js'
import { Metrics } from '../../../base/metrics.js'
import { seededRandom } from '../../../base/random.js'
import { realClock } from '../../../base/real-clock.js'
import { Health } from '../../../apiserver/health.js'
import { httpsTransport, type TlsOptions } from '../../../client/https/transport.js'
import { type TestApiServer, testApiServer } from '../../../client/testdata/api-server.js'
import { createAuthority, createLeaf, type KeyPair } from '../../../pki/certificates.js'
import { type Serving, serve } from './serve.js'

const clock = realClock()

describe('the server of a component', () => {
  let api: TestApiServer
  let ca: KeyPair
  let proxyCa: KeyPair
  let serving: Serving
  let live = true
  beforeAll(async () => {
    const nowMs = clock.now()
    api = await testApiServer(clock)
    ca = await createAuthority('ca', { nowMs })
    proxyCa = await createAuthority('front-proxy-ca', { nowMs })
    const metrics = new Metrics()
    metrics.counter('test_total', 'Of the test.').inc()
    const health = new Health()
    health.add({ name: 'live', check: () => (live ? undefined : Promise.reject(new Error('dead'))) }, 'healthz', 'livez')
    const headers = { usernameHeaders: ['x-remote-user'], groupHeaders: ['x-remote-group'], uidHeaders: [], extraHeaderPrefixes: [] }
    serving = await serve({
      ...{ component: 'kube-test', host: '127.0.0.1', port: 0, clientCa: ca.cert, frontProxyCa: proxyCa.cert, health, metrics },
      auth: {
        ...{ authenticationClient: api.client, authorizationClient: api.client, anonymous: true },
        ...{ alwaysAllowPaths: ['/healthz', '/livez/*'], tokenTtlMs: 10_000, allowedTtlMs: 10_000, deniedTtlMs: 0 },
        requestHeader: { ...headers, allowedNames: ['proxy'] },
      },
      deps: { clock, random: seededRandom(1), logger: silentLogger, resolvePath: (path) => path },
      configz: () => ({ 'kubetest.config.k8s.io': { leaderElect: true } }),
    })
  })
  afterAll(async () => {
    await serving.close()
    await api.stop()
  })

  const ask = async (path: string, tls: TlsOptions = {}, headers: Record<string, string> = {}) => {
    const transport = httpsTransport({ url: `https://127.0.0.1:${serving.port}`, tls: { ...tls, insecureSkipVerify: true }, clock })
    try {
      const { status, body } = await transport.request({ method: 'GET', path, headers })
      return { status, text: Buffer.from(body).toString() }
    } finally {
      await transport.close()
    }
  }
  const leaf = async (authority: KeyPair, commonName: string, ...organizations: string[]) =>
    createLeaf(authority, { commonName, organizations, usages: ['client'], nowMs: clock.now() })

  it('tells everybody whether it is well', async () => {
    expect(await ask('/healthz')).toEqual({ status: 200, text: 'ok' })
    live = false
    expect((await ask('/healthz')).status).toBe(500)
    live = true
  })

  it('shows metrics and configuration to nobody that is unknown or not allowed', async () => {
    expect(await ask('/metrics')).toMatchObject({ status: 403 })
    expect((await ask('/metrics')).text).toContain('User \\"system:anonymous\\" cannot get path \\"/metrics\\"')
    expect((await ask('/metrics', {}, { authorization: 'Bearer nonsense' })).status).toBe(401)
    const user = await leaf(ca, 'somebody')
    expect((await ask('/configz', user)).status).toBe(403)
  })

  it('shows them to a client certificate that the cluster allows', async () => {
    const admin = await leaf(ca, 'admin', 'system:masters')
    expect((await ask('/metrics', admin)).text).toContain('test_total 1')
    const monitor = await leaf(ca, 'monitor', 'system:monitoring')
    expect((await ask('/metrics', monitor)).status).toBe(200)
    expect(JSON.parse((await ask('/configz', admin)).text)).toEqual({ 'kubetest.config.k8s.io': { leaderElect: true } })
  })

  it('believes no certificate of another authority', async () => {
    const stranger = await leaf(await createAuthority('other', { nowMs: clock.now() }), 'admin', 'system:masters')
    // A credential that is wrong is worse than none (upstream: 401, not anonymous).
    expect((await ask('/metrics', stranger)).status).toBe(401)
  })

  it('believes a front proxy of the allowed name about who asks, and its certificate proves nothing else', async () => {
    const headers = { 'x-remote-user': 'scraper', 'x-remote-group': 'system:masters' }
    expect((await ask('/metrics', await leaf(proxyCa, 'proxy'), headers)).status).toBe(200)
    expect((await ask('/metrics', await leaf(proxyCa, 'another'), headers)).status).toBe(403)
    expect((await ask('/metrics', await leaf(proxyCa, 'admin', 'system:masters'))).status).toBe(403)
    expect((await ask('/metrics', await leaf(ca, 'proxy'), headers)).status).toBe(403)
  })

  it('answers 404 to other paths', async () => {
    expect((await ask('/nothing', await leaf(ca, 'admin', 'system:masters'))).status).toBe(404)
  })
})
