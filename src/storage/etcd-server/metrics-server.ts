/** What etcd serves for its keepers at --listen-metrics-urls: /health, /readyz, /livez, /metrics, /version; over plain HTTP or TLS. */
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { messageOf } from '../../base/errors.js'
import { Metrics } from '../../base/metrics.js'
import type { Engine } from '../engine/engine.js'
import { apiVersion } from './member.js'

export interface MetricsServerOptions {
  readonly engine: Engine
  readonly host: string
  readonly port: number
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string }
  readonly quotaBytes: number
}

export interface MetricsServer {
  readonly port: number
  close(): Promise<void>
}

export function serveMetrics({ engine, host, port, tls, quotaBytes }: MetricsServerOptions): Promise<MetricsServer> {
  let sizeBytes = 0
  const metrics = new Metrics()
  const gauge = (name: string, help: string, read: () => number) => metrics.gaugeOf(name, help, [], () => [[[], read()]])
  gauge('etcd_server_has_leader', 'Whether or not a leader exists. 1 is existence, 0 is not.', () => 1)
  gauge('etcd_server_is_leader', 'Whether or not this member is a leader. 1 if is, 0 otherwise.', () => 1)
  gauge('etcd_server_quota_backend_bytes', 'Current backend storage quota size in bytes.', () => quotaBytes)
  gauge('etcd_mvcc_db_total_size_in_bytes', 'Size of the stored records in bytes.', () => sizeBytes)
  gauge('etcd_debugging_mvcc_current_revision', 'The current revision of store.', () => engine.durableRevision)
  gauge('etcd_debugging_mvcc_compact_revision', 'The revision of the last compaction in store.', () => engine.compactedRevision)
  gauge('etcd_debugging_lease_leases', 'Leases that are held.', () => engine.leases.ids().length)

  const pages: Readonly<Record<string, () => Promise<[type: string, body: string]>>> = {
    '/health': async () => {
      await engine.ping()
      return ['application/json', '{"health":"true"}']
    },
    '/livez': async () => ['text/plain', 'ok\n'],
    '/readyz': async () => {
      await engine.ping()
      return ['text/plain', 'ok\n']
    },
    '/version': async () => ['application/json', JSON.stringify({ etcdserver: apiVersion, etcdcluster: apiVersion.replace(/\d+$/, '0') })],
    '/metrics': async () => {
      sizeBytes = await engine.sizeBytes()
      return ['text/plain; version=0.0.4; charset=utf-8', metrics.text()]
    },
  }
  const pageOf = new Map(Object.entries(pages))
  const server: Server = tls
    ? createTlsServer({ ...tls, requestCert: Boolean(tls.ca), rejectUnauthorized: Boolean(tls.ca), minVersion: 'TLSv1.2' })
    : createServer()
  server.on('request', (request, response) => {
    const page = pageOf.get((request.url ?? '').split('?')[0] as string)
    if (!page) return response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n')
    if (request.method !== 'GET' && request.method !== 'HEAD') return response.writeHead(405, { allow: 'GET' }).end()
    page().then(
      ([type, body]) => response.writeHead(200, { 'content-type': type }).end(body),
      (error: unknown) =>
        response.writeHead(503, { 'content-type': 'application/json' }).end(JSON.stringify({ health: 'false', reason: messageOf(error) })),
    )
    return undefined
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            server.closeAllConnections()
          }),
      }),
    )
  })
}
