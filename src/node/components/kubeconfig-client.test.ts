import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { realClock } from '../../base/real-clock.js'
import type { Client } from '../../client/client.js'
import { type ServedApi, serveTestApi } from '../../client/https/testdata/served.js'
import { createKubeconfig, kubeconfigText } from '../../pki/kubeconfig.js'
import type { HostedApiServer, HostedDeps } from './component.js'
import { connectKubeconfig } from './kubeconfig-client.js'
import { readKubeconfig } from './kubeconfig-file.js'

const version = { method: 'GET', path: '/version' } as const

describe('connectKubeconfig', () => {
  let served: ServedApi
  let folder: string
  const clients: Client[] = []
  beforeAll(async () => {
    served = await serveTestApi()
    folder = mkdtempSync(join(tmpdir(), 'quorate-kubeconfig-'))
  })
  afterAll(async () => {
    for (const client of clients) await client.close()
    await served.stop()
    rmSync(folder, { recursive: true })
  })

  const deps = (more: Partial<HostedDeps> = {}): HostedDeps => ({
    ...{ clock: realClock(), random: seededRandom(1), logger: silentLogger },
    resolvePath: (path) => (path.startsWith('/') && !path.startsWith(folder) ? join(folder, path) : path),
    route: (host) => (host.startsWith('172.18.') ? '127.0.0.1' : host),
    ...more,
  })
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return `/${name}`
  }
  const adminFile = async (host = '172.18.0.2') => {
    const server = `https://${host}:${served.port}`
    const config = await createKubeconfig({ ca: served.ca, server, user: 'admin', groups: ['system:masters'], nowMs: Date.now() })
    return write('admin.conf', kubeconfigText(config))
  }
  const connect = (file: string, more?: Partial<HostedDeps>) => {
    const client = connectKubeconfig(file, deps(more), { userAgent: 'test' })
    clients.push(client)
    return client
  }

  it("goes to the routed address as the kubeconfig's user", async () => {
    const client = connect(await adminFile())
    const answer = await client.raw({ method: 'GET', path: '/api/v1/nodes' })
    expect(answer.status).toBe(200)
  })

  it('takes certificates from files beside the kubeconfig, and a token from a file', async () => {
    write('ca.crt', served.ca.cert)
    write('token', 'not-a-token\n')
    const file = write(
      'token.conf',
      JSON.stringify({
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
        clusters: [{ name: 'k', cluster: { server: `https://127.0.0.1:${served.port}`, 'certificate-authority': 'ca.crt' } }],
        users: [{ name: 'u', user: { tokenFile: 'token' } }],
      }),
    )
    expect((await connect(file).raw({ method: 'GET', path: '/api/v1/nodes' })).status).toBe(401)
  })

  it('prefers an API server of this process, and goes over the wire once that has ended', async () => {
    const file = await adminFile()
    const ending = new AbortController()
    let hosted: HostedApiServer | undefined = { transport: () => served.api.transport, gone: ending.signal }
    const asked: string[] = []
    const find = (address: string) => {
      asked.push(address)
      return hosted
    }
    const before = served.connections()
    const client = connect(file, { hostedApiServers: { add: () => () => undefined, find } })
    expect((await client.raw(version)).status).toBe(200)
    expect(served.connections()).toBe(before)
    expect(asked).toEqual([`172.18.0.2:${served.port}`])
    const watch = client.resource({ group: '', version: 'v1', resource: 'namespaces' }).watch({})[Symbol.asyncIterator]()
    await watch.next()
    hosted = undefined
    ending.abort()
    const rest = async () => {
      while (!(await watch.next()).done);
    }
    await expect(rest()).rejects.toMatchObject({ name: 'ConnectionError' })
    expect((await client.raw(version)).status).toBe(200)
    expect(served.connections()).toBe(before + 1)
  })

  it('goes over the wire when the hosted server does not accept the certificate', async () => {
    const file = await adminFile()
    const before = served.connections()
    const client = connect(file, { hostedApiServers: { add: () => () => undefined, find: () => ({ transport: () => undefined }) } })
    expect((await client.raw(version)).status).toBe(200)
    expect(served.connections()).toBe(before + 1)
  })

  it('names the file and the entry that cannot be used', () => {
    const bad = (config: unknown) => () => readKubeconfig(join(folder, write('bad.conf', JSON.stringify(config))), (path) => path)
    expect(bad({})).toThrow(/bad\.conf: current-context is not set/)
    expect(bad({ 'current-context': 'c' })).toThrow(/no entry "c" in contexts/)
    const contexts = [{ name: 'c', context: { cluster: 'k', user: 'u' } }]
    expect(
      bad({ 'current-context': 'c', contexts, clusters: [{ name: 'k', cluster: { server: 'http://x' } }], users: [{ name: 'u' }] }),
    ).toThrow(/server must be an https/)
    const clusters = [{ name: 'k', cluster: { server: 'https://x' } }]
    expect(bad({ 'current-context': 'c', contexts, clusters, users: [{ name: 'u', user: { exec: {} } }] })).toThrow(
      /"exec" is not supported/,
    )
    expect(() => connectKubeconfig('/none.conf', deps(), { userAgent: 'test' })).toThrow(/the kubeconfig: ENOENT/)
  })
})
