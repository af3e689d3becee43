import { createServer, type Server } from 'node:https'
import { request } from 'node:https'
import type { IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { KubeObject } from '../../api/object.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { realClock } from '../../base/real-clock.js'
import { resources } from '../../client/resources.js'
import { restClient } from '../../client/rest-client.js'
import { createAuthority, createLeaf } from '../../pki/certificates.js'
import { openMemoryStore } from '../../storage/memory/memory.js'
import { listen, type Listening } from '../http/listen.js'
import { ApiServer } from '../server.js'
import { endpointOfNode } from './kubelet-endpoint.js'
import { logQuery } from './log-options.js'
import { kubeletConnector } from './connector.js'
import { parseProxyName } from './proxy-targets.js'

const clock = realClock()
const nodeIp = '172.18.0.9'

describe('kubelet connector', () => {
  let kubelet: Server
  let server: ApiServer
  let listening: Listening
  const seen: { url: string; user: string | undefined; headers: IncomingHttpHeaders }[] = []
  beforeEach(async () => {
    seen.length = 0
    const nowMs = clock.now()
    const ca = await createAuthority('kubernetes', { nowMs })
    const serving = await createLeaf(ca, { commonName: 'node', usages: ['server'], ipAddresses: [nodeIp], nowMs })
    const own = await createLeaf(ca, { commonName: 'apiserver-kubelet-client', usages: ['client'], nowMs })
    kubelet = createServer({ cert: serving.cert, key: serving.key, ca: ca.cert, requestCert: true }, (message, response) => {
      const peer = (message.socket as unknown as { getPeerCertificate(): { subject?: { CN: string } } }).getPeerCertificate()
      seen.push({ url: message.url ?? '', user: peer.subject?.CN, headers: message.headers })
      if (message.url?.endsWith('/gone')) return response.writeHead(404).end('no such container')
      response.writeHead(200, { 'content-type': 'text/plain' })
      response.write('line 1\n')
      response.end('line 2\n')
      return undefined
    })
    const sockets = new WebSocketServer({
      server: kubelet,
      handleProtocols: (offered) => [...offered].find((one) => one.startsWith('v5')) ?? false,
    })
    sockets.on('connection', (socket, message) => {
      seen.push({ url: message.url ?? '', user: undefined, headers: message.headers })
      socket.on('message', (data: Buffer) => socket.send(Buffer.concat([Buffer.from([1]), data.subarray(1)])))
    })
    await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve))
    server = new ApiServer({
      ...{ store: openMemoryStore({ clock }), clock, random: seededRandom(1), logger: silentLogger, defer: (fn) => setImmediate(fn) },
      authentication: {
        ...{ clientCertificates: false, bootstrapTokens: false, anonymous: true },
        tokenFile: 'admin,admin,1,system:masters\nviewer,viewer,2',
      },
      authorizationModes: ['RBAC'],
      allocation: { serviceCidrs: ['10.96.0.0/12'] },
      limits: { maxRequestsInFlight: 400, maxMutatingRequestsInFlight: 200, maxRequestBytes: 3 * 2 ** 20, requestTimeoutMs: 10_000 },
      self: { ip: '192.0.2.1', port: 6443 },
      ...{ gitVersion: 'v1.36.0+quorate.test', platform: 'linux/amd64' },
      connect: (access) =>
        kubeletConnector(access, {
          random: seededRandom(1),
          ...{ certificateAuthority: ca.cert, clientCertificate: own.cert, clientKey: own.key },
          preferredAddressTypes: ['InternalIP'],
          route: (host) => (host === nodeIp ? '127.0.0.1' : host),
        }),
    })
    await server.start()
    listening = await listen({
      ...{ host: '127.0.0.1', port: 0, cert: serving.cert, key: serving.key, maxRequestBytes: 3 * 2 ** 20 },
      handle: (apiRequest, responder) => server.handle(apiRequest, responder),
    })
    const client = restClient(server.transport({ name: 'admin', groups: ['system:masters'] }))
    const port = (kubelet.address() as AddressInfo).port
    const status = { addresses: [{ type: 'InternalIP', address: nodeIp }], daemonEndpoints: { kubeletEndpoint: { Port: port } } }
    await client.resource<KubeObject>(resources.nodes).create({ metadata: { name: 'n1' }, status } as KubeObject)
    const serviceAccounts = client.resource<KubeObject>(resources.serviceAccounts)
    await serviceAccounts.create({ metadata: { name: 'default', namespace: 'default' } })
    const pod = (name: string, names: string[], nodeName?: string): KubeObject =>
      ({
        metadata: { name, namespace: 'default' },
        spec: { containers: names.map((container) => ({ name: container, image: 'x' })), ...(nodeName ? { nodeName } : {}) },
      }) as KubeObject
    const pods = client.resource<KubeObject>(resources.pods)
    await pods.create(pod('web', ['app'], 'n1'))
    await pods.create(pod('two', ['app', 'gone'], 'n1'))
    await pods.create(pod('nowhere', ['app']))
  })
  afterEach(async () => {
    await listening.close(0)
    await server.stop()
    kubelet.closeAllConnections()
    kubelet.close()
  })

  const headers = { authorization: 'Bearer admin' }
  const get = (path: string) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: listening.port, path, headers, rejectUnauthorized: false }, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }))
      })
      sent.once('error', reject).end()
    })
  const api = (path: string) => `/api/v1/namespaces/default/pods/${path}`

  it("hands a container's log through, as the API server to the kubelet, with every option", async () => {
    const answer = await get(api('web/log?tailLines=2&follow=true&timestamps=true'))
    expect(answer).toEqual({ status: 200, text: 'line 1\nline 2\n' })
    expect(seen[0]).toMatchObject({
      url: '/containerLogs/default/web/app?follow=true&timestamps=true&tailLines=2',
      user: 'apiserver-kubelet-client',
    })
    expect(seen[0]?.headers.authorization).toBeUndefined()
  })

  it('says what is wrong with a log request before any kubelet is asked', async () => {
    expect(await get(api('two/log'))).toMatchObject({ status: 400, text: expect.stringContaining('choose one of: [app gone]') as string })
    expect(await get(api('web/log?container=ghost'))).toMatchObject({ status: 400 })
    expect(await get(api('nowhere/log'))).toEqual({ status: 200, text: '' })
    expect(seen).toEqual([])
    expect(await get(api('two/log?container=gone'))).toMatchObject({
      status: 404,
      text: expect.stringContaining('no such container') as string,
    })
  })

  it('splices a WebSocket through to the kubelet, subprotocol and all', async () => {
    const path = api('web/exec?command=echo&command=a%20b&stdin=true&stdout=true&tty=false')
    const socket = new WebSocket(`wss://127.0.0.1:${listening.port}${path}`, ['v5.channel.k8s.io', 'v4.channel.k8s.io'], {
      headers,
      rejectUnauthorized: false,
    })
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    expect(socket.protocol).toBe('v5.channel.k8s.io')
    const echoed = new Promise<Buffer>((resolve) => socket.once('message', (data: Buffer) => resolve(data)))
    socket.send(Buffer.from([0, 104, 105]))
    expect(await echoed).toEqual(Buffer.from([1, 104, 105]))
    expect(seen[0]).toMatchObject({ url: '/exec/default/web/app?input=1&output=1&command=echo&command=a+b' })
    expect(seen[0]?.headers.authorization).toBeUndefined()
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.close()
    await closed
  })

  it('refuses an exec as any other request: on the same connection, with a Status', async () => {
    const open = (token: string, path: string) =>
      new Promise<number | undefined>((resolve) => {
        const socket = new WebSocket(`wss://127.0.0.1:${listening.port}${path}`, {
          headers: { authorization: `Bearer ${token}` },
          rejectUnauthorized: false,
        })
        socket.once('unexpected-response', (_, answer) => resolve(answer.statusCode))
        socket.on('error', () => undefined)
      })
    expect(await open('viewer', api('web/exec?command=ls'))).toBe(403)
    expect(await open('admin', api('nowhere/exec?command=ls'))).toBe(400)
    expect(await open('admin', api('ghost/exec?command=ls'))).toBe(404)
    expect(await get(api('web/exec?command=ls&stdout=true'))).toMatchObject({
      status: 400,
      text: expect.stringContaining('Upgrade request required') as string,
    })
  })

  it('proxies to a kubelet, path and query kept', async () => {
    expect(await get('/api/v1/nodes/n1/proxy/stats/summary?only_cpu_and_memory=true')).toMatchObject({ status: 200 })
    expect(seen[0]).toMatchObject({ url: '/stats/summary?only_cpu_and_memory=true', user: 'apiserver-kubelet-client' })
  })
})

describe('where a kubelet is', () => {
  const node = (annotations: Record<string, string>) => ({
    metadata: { name: 'n1', annotations },
    status: {
      addresses: [
        { type: 'Hostname', address: 'n1' },
        { type: 'InternalIP', address: '192.0.2.7' },
      ],
    },
  })
  it('is the first of the preferred addresses that the node has', () => {
    expect(endpointOfNode(node({}), ['ExternalIP', 'InternalIP', 'Hostname'])).toMatchObject({ host: '192.0.2.7', port: 10250 })
    expect(() => endpointOfNode(node({}), ['ExternalIP'])).toThrow(/no preferred addresses/)
  })
  it('is where its annotation says, but on this machine only', () => {
    const at = (value: string) => endpointOfNode(node({ 'quorate.dev/kubelet-endpoint': value }), ['InternalIP']).host
    expect(at('127.0.0.1:4000')).toBe('127.0.0.1')
    expect(at('198.51.100.1:4000')).toBe('192.0.2.7')
    expect(at('127.0.0.1.example.com:4000')).toBe('192.0.2.7')
  })
})

describe('options and names', () => {
  it('refuses every log option that is out of range, all at once', () => {
    const query = new URLSearchParams('tailLines=-1&limitBytes=0&sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z&stream=Both')
    expect(() => logQuery('web', query)).toThrow(/tailLines[\s\S]*limitBytes[\s\S]*at most one of[\s\S]*stream/)
    expect(logQuery('web', new URLSearchParams('container=a&pretty=true'))).toBe('')
  })
  it('reads [scheme:]name[:port]', () => {
    expect(parseProxyName('a')).toEqual({ scheme: '', name: 'a', port: '' })
    expect(parseProxyName('a:http')).toEqual({ scheme: '', name: 'a', port: 'http' })
    expect(parseProxyName('https:a:8443')).toEqual({ scheme: 'https', name: 'a', port: '8443' })
    expect(parseProxyName('https:a:')).toEqual({ scheme: 'https', name: 'a', port: '' })
    expect(() => parseProxyName('ftp:a:1')).toThrow(/invalid proxy request/)
  })
})
