/** The machine's own network. */
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { QuorateError } from '../../base/errors.js'
import { listenDns } from './listener.js'
import type { HttpPage, Listening, Network } from './network.js'
import { streamPeer, udpPeer } from './peers.js'

export function machineNetwork(): Network {
  return { listen: listenDns, http: listenHttp, httpStatus, udp: udpPeer, stream: streamPeer, localAddresses }
}

async function listenHttp(host: string, port: number, page: (path: string) => HttpPage | undefined): Promise<Listening> {
  const server = createServer((request, response) => {
    const { status, type = 'text/plain; charset=utf-8', body } = page((request.url ?? '/').split('?')[0] as string) ?? notFound
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body)
  })
  const listening = once(server, 'listening')
  server.listen({ port, ...(host === '' ? {} : { host }) })
  await listening.catch((error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'EADDRINUSE' ? 'bind: address already in use' : message
    throw new QuorateError('ListenFailed', `listen tcp ${host}:${port}: ${why}`, { cause: error })
  })
  const close = async () => {
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()))
    server.closeAllConnections()
    await closed
  }
  return { port: (server.address() as AddressInfo).port, close }
}

const notFound: HttpPage = { status: 404, body: '404 page not found\n' }

function httpStatus(host: string, port: number, path: string, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get({ host, port, path, timeout: timeoutMs, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', reject)
  })
}

function localAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address)
}
