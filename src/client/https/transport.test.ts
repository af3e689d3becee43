import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ConfigMap } from '../../api/types/core-v1.js'
import { realClock } from '../../base/real-clock.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { createAuthority } from '../../pki/certificates.js'
import { ConnectionError, type Transport, type WatchEvent } from '../client.js'
import { resources } from '../resources.js'
import { restClient } from '../rest-client.js'
import { type ServedApi, serveTestApi } from './testdata/served.js'
import { type HttpsTransportOptions, httpsTransport } from './transport.js'

const map = (name: string, value = ''): ConfigMap => ({ metadata: { name, namespace: 'default' }, data: { value } })

describe('HTTPS transport', () => {
  let served: ServedApi
  const open: Transport[] = []
  beforeAll(async () => {
    served = await serveTestApi()
  })
  afterAll(() => served.stop())
  afterEach(async () => {
    served.accept(true)
    for (const transport of open.splice(0)) await transport.close()
  })

  const transportOf = (more: Partial<HttpsTransportOptions> = {}) => {
    const { ca, admin, port } = served
    const tls = { ca: ca.cert, cert: admin.cert, key: admin.key }
    const transport = httpsTransport({ url: `https://127.0.0.1:${port}`, tls, clock: realClock(), ...more })
    open.push(transport)
    return transport
  }
  const mapsOf = (transport: Transport) => restClient(transport).resource<ConfigMap>(resources.configMaps)
  const next = async (events: AsyncIterator<WatchEvent<ConfigMap>>) => (await events.next()).value as WatchEvent<ConfigMap>

  it('carries requests, refusals and watches over one connection, as the holder of the client certificate', async () => {
    const maps = mapsOf(transportOf())
    const before = served.connections()
    await maps.create(map('one', 'é'))
    expect((await maps.get('default', 'one')).data).toEqual({ value: 'é' })
    await expect(maps.get('default', 'none')).rejects.toMatchObject({ name: 'StatusError', code: 404 })
    const events = maps.watch({ namespace: 'default', fieldSelector: 'metadata.name=two' })[Symbol.asyncIterator]()
    const first = next(events)
    await maps.create(map('two'))
    expect(await first).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'two' } } })
    await events.return?.()
    expect(served.connections()).toBe(before + 1)
  })

  it("checks the server's certificate for the host of the URL, whatever address is dialled", async () => {
    const there = transportOf({ url: `https://172.18.0.2:${served.port}`, dialHost: '127.0.0.1' })
    expect((await there.request({ method: 'GET', path: '/version' })).status).toBe(200)
    const elsewhere = transportOf({ url: `https://172.18.0.9:${served.port}`, dialHost: '127.0.0.1' })
    await expect(elsewhere.request({ method: 'GET', path: '/version' })).rejects.toThrow(/172\.18\.0\.9/)
  })

  it('refuses a server that another authority signed, unless told not to look', async () => {
    const other = await createAuthority('other', { nowMs: Date.now() })
    const strict = transportOf({ tls: { ca: other.cert } })
    await expect(strict.request({ method: 'GET', path: '/version' })).rejects.toBeInstanceOf(ConnectionError)
    const lax = transportOf({ tls: { ca: other.cert, insecureSkipVerify: true } })
    expect((await lax.request({ method: 'GET', path: '/version' })).status).toBe(200)
  })

  it('sends the token with each request', async () => {
    const transport = transportOf({ tls: { ca: served.ca.cert }, token: () => 'nonsense' })
    expect((await transport.request({ method: 'GET', path: '/api/v1/nodes' })).status).toBe(401)
  })

  it('reads a GET anew on a fresh session when the connection breaks under it', async () => {
    const transport = transportOf()
    await transport.request({ method: 'GET', path: '/version' })
    const before = served.connections()
    const answer = transport.request({ method: 'GET', path: '/api/v1/configmaps' })
    served.cut()
    expect((await answer).status).toBe(200)
    expect(served.connections()).toBe(before + 1)
  })

  it('does not repeat a write whose fate is unknown', async () => {
    const transport = transportOf()
    await transport.request({ method: 'GET', path: '/version' })
    served.freeze()
    const write = mapsOf(transport).create(map('unknown'))
    setImmediate(() => served.cut())
    await expect(write).rejects.toBeInstanceOf(ConnectionError)
    expect((await transport.request({ method: 'GET', path: '/version' })).status).toBe(200)
  })

  it('ends a watch with a ConnectionError when the connection is lost', async () => {
    const events = mapsOf(transportOf()).watch({ namespace: 'default' })[Symbol.asyncIterator]()
    await next(events)
    served.cut()
    const rest = async () => {
      while (!(await events.next()).done);
    }
    await expect(rest()).rejects.toBeInstanceOf(ConnectionError)
  })

  it('ends a watch quietly when it is aborted', async () => {
    const abort = new AbortController()
    const maps = mapsOf(transportOf())
    const list = await maps.list({ namespace: 'default' })
    const watch = maps.watch({ namespace: 'default', resourceVersion: list.resourceVersion, signal: abort.signal })
    const end = watch[Symbol.asyncIterator]().next()
    setImmediate(() => abort.abort())
    expect(await end.catch((error: Error) => error.name)).toSatisfy(
      (end: unknown) => end === 'AbortError' || (end as IteratorResult<unknown>).done === true,
    )
  })

  it('says that nothing listens', async () => {
    served.accept(false)
    await expect(transportOf().request({ method: 'GET', path: '/version' })).rejects.toBeInstanceOf(ConnectionError)
  })

  it('notices within five seconds that a peer no longer answers', async () => {
    const clock = new VirtualClock()
    const transport = transportOf({ clock })
    await transport.request({ method: 'GET', path: '/version' })
    served.freeze()
    const failed = expect(transport.request({ method: 'POST', path: '/api/v1/namespaces', body: new Uint8Array(1) })).rejects.toThrow(
      'no answer to a ping',
    )
    await clock.advance(5_000)
    await failed
  })

  it('gives a request up at its own deadline', async () => {
    const clock = new VirtualClock()
    const transport = transportOf({ clock })
    await transport.request({ method: 'GET', path: '/version' })
    served.freeze()
    const failed = expect(transport.request({ method: 'DELETE', path: '/api/v1/nodes/none', timeoutMs: 1_000 })).rejects.toThrow('1000 ms')
    await clock.advance(1_000)
    await failed
  })

  it('opens one connection for requests that begin together', async () => {
    const transport = transportOf()
    const before = served.connections()
    const answers = await Promise.all(Array.from({ length: 300 }, () => transport.request({ method: 'GET', path: '/version' })))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(served.connections()).toBe(before + 1)
  })
})
