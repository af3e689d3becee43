import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAuthority, createLeaf, type KeyPair } from '../pki/certificates.js'
import { readyzCheck } from './readyz.js'

const signal = () => AbortSignal.timeout(5_000)

describe('the health check of an API server', () => {
  let ca: KeyPair
  let server: Server
  let connections = 0
  let answer: { status: number; body: string; chunked?: boolean } | 'nothing'
  beforeEach(async () => {
    const nowMs = Date.now()
    ca = await createAuthority('kubernetes', { nowMs })
    const leaf = await createLeaf(ca, { commonName: 'a', usages: ['server'], ipAddresses: ['127.0.0.1'], nowMs })
    answer = { status: 200, body: 'ok' }
    connections = 0
    server = createServer(leaf, (request, response) => {
      if (answer === 'nothing' || request.url !== '/readyz') return
      response.writeHead(answer.status, answer.chunked ? {} : { 'content-length': answer.body.length })
      response.end(answer.body)
    })
    server.on('secureConnection', () => connections++)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })
  const backend = () => ({ name: 'a', host: '127.0.0.1', port: (server.address() as AddressInfo).port })

  it('is passed with 200 and failed with anything else, over one connection', async () => {
    const check = readyzCheck(ca.cert)
    expect(await check(backend(), signal())).toBe(true)
    answer = { status: 500, body: '[-]etcd failed: reason withheld\n'.repeat(50) }
    expect(await check(backend(), signal())).toBe(false)
    answer = { status: 200, body: 'ok' }
    expect(await check(backend(), signal())).toBe(true)
    expect(connections).toBe(1)
  })

  it('reads an answer of unknown length too, over a new connection each time', async () => {
    const check = readyzCheck(ca.cert)
    answer = { status: 200, body: 'ok', chunked: true }
    expect(await check(backend(), signal())).toBe(true)
    expect(await check(backend(), signal())).toBe(true)
    expect(connections).toBe(2)
  })

  it('connects anew after the server has closed the connection', async () => {
    const check = readyzCheck(ca.cert)
    expect(await check(backend(), signal())).toBe(true)
    server.closeAllConnections()
    await check(backend(), signal()).catch(() => undefined)
    expect(await check(backend(), signal())).toBe(true)
  })

  it('rejects for a server of another authority, one that refuses, and one that hangs', async () => {
    const stranger = await createAuthority('kubernetes', { nowMs: Date.now() })
    await expect(readyzCheck(stranger.cert)(backend(), signal())).rejects.toThrow()
    answer = 'nothing'
    await expect(readyzCheck(ca.cert)(backend(), AbortSignal.timeout(50))).rejects.toThrow('no answer in time')
    const gone = backend()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await expect(readyzCheck(ca.cert)(gone, signal())).rejects.toThrow(/ECONNREFUSED/)
  })
})
