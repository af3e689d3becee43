import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../base/virtual-clock.js'
import type { Transport, TransportRequest, TransportResponse } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import { restClient } from '../../client/rest-client.js'
import { serviceAccountClients } from './service-account-client.js'

const encoder = new TextEncoder()
const json = (status: number, body: unknown): TransportResponse => ({ status, headers: {}, body: encoder.encode(JSON.stringify(body)) })
const failure = (code: number, reason: string) => json(code, { kind: 'Status', status: 'Failure', code, reason })

/** An API server that gives tokens to accounts that exist, and knows which tokens are still good. */
function fakeServer() {
  const accounts = new Set(['node-controller'])
  const good = new Set<string>()
  const asked: string[] = []
  let serial = 0
  const asRoot = (request: TransportRequest): TransportResponse => {
    asked.push(`${request.method} ${request.path}`)
    const account = /serviceaccounts\/([^/]+)\/token$/.exec(request.path)?.[1]
    if (account === undefined) {
      const { metadata } = JSON.parse(new TextDecoder().decode(request.body)) as { metadata: { name: string } }
      accounts.add(metadata.name)
      return json(201, {})
    }
    if (!accounts.has(account)) return failure(404, 'NotFound')
    const token = `${account}-${++serial}`
    good.add(token)
    return json(201, { status: { token } })
  }
  const asAccount = (request: TransportRequest): TransportResponse => {
    const token = request.headers?.['authorization']?.replace('Bearer ', '') ?? ''
    asked.push(`${request.method} as ${token}`)
    return good.has(token) ? json(200, { items: [], metadata: {} }) : failure(401, 'Unauthorized')
  }
  const transport = (answer: (request: TransportRequest) => TransportResponse): Transport => ({
    request: (request) => Promise.resolve(answer(request)),
    stream: () => Promise.reject(new Error('not here')),
    close: () => Promise.resolve(),
  })
  return { asked, good, root: restClient(transport(asRoot)), transport: transport(asAccount) }
}

describe('clients of service accounts', () => {
  const make = () => {
    const clock = new VirtualClock()
    const server = fakeServer()
    const clientOf = serviceAccountClients({ root: server.root, transport: server.transport, userAgent: 'test', clock })
    const list = (name: string) => clientOf({ name }).resource(resources.pods).list()
    return { ...server, clock, clientOf, list }
  }

  it("act under upstream's accounts, one client and one token each", async () => {
    const { asked, clientOf, list } = make()
    await Promise.all([list('node-lifecycle-controller'), list('node-ipam-controller'), list('taint-eviction-controller')])
    expect(clientOf({ name: 'node-ipam-controller' })).toBe(clientOf({ name: 'node-lifecycle-controller' }))
    expect(asked).toEqual([
      'POST /api/v1/namespaces/kube-system/serviceaccounts/node-controller/token',
      ...new Array<string>(3).fill('GET as node-controller-1'),
    ])
  })

  it('make an account that is missing', async () => {
    const { asked, list } = make()
    await list('deployment-controller')
    expect(asked).toEqual([
      'POST /api/v1/namespaces/kube-system/serviceaccounts/deployment-controller/token',
      'POST /api/v1/namespaces/kube-system/serviceaccounts',
      'POST /api/v1/namespaces/kube-system/serviceaccounts/deployment-controller/token',
      'GET as deployment-controller-1',
    ])
  })

  it('renew a token before its hour is over', async () => {
    const { asked, clock, list } = make()
    await list('ttl-node-controller').catch(() => undefined)
    await list('node-ipam-controller')
    await clock.advance(47 * 60_000)
    await list('node-ipam-controller')
    await clock.advance(2 * 60_000)
    await list('node-ipam-controller')
    expect(asked.filter((line) => line.startsWith('GET as node'))).toEqual([
      'GET as node-controller-2',
      'GET as node-controller-2',
      'GET as node-controller-3',
    ])
  })

  it('ask for another token when theirs is refused', async () => {
    const { asked, good, list } = make()
    await list('node-ipam-controller')
    good.clear()
    await list('node-ipam-controller')
    expect(asked.at(-1)).toBe('GET as node-controller-2')
  })

  it('leave the maker of tokens to the manager itself', () => {
    const { root, clientOf } = make()
    expect(clientOf({ name: 'serviceaccount-token-controller' })).toBe(root)
  })
})
