/**
 * --etcd-servers: which driver each URL means. http:// and https:// are always etcd's own gRPC API, whoever serves it: real etcd, or
 * `quorate etcd`. unix:///path (pipe:NAME on Windows) and quorate+https://host:port are the leaner transport of `quorate etcd`.
 */
import type { Clock } from '../../base/clock.js'
import { QuorateError } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import { type Compactor, startCompactor } from '../../storage/etcd/compactor.js'
import { openEtcdStore } from '../../storage/etcd/etcd.js'
import { underPrefix } from '../../storage/etcd/prefix.js'
import { connectFramed } from '../../storage/framed/client.js'
import type { Store } from '../../storage/store.js'

export interface StoreAddress {
  readonly servers: readonly string[]
  /** --etcd-cafile, --etcd-certfile, --etcd-keyfile: the files' contents. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  /** --etcd-prefix: where the API server's keys lie instead of below /registry. */
  readonly prefix: string
  /** --etcd-compaction-interval: how often etcd's history is cut; 0: not by this server. Quorate's own store cuts its own. */
  readonly compactionIntervalMs: number
  readonly clock: Clock
  readonly logger: Logger
  resolvePath(path: string): string
}

const unixScheme = 'unix://'
const pipeScheme = 'pipe:'
const framedScheme = 'quorate+https:'
/** What the API server's keys begin with. */
const ownPrefix = '/registry'

/** Throws QuorateError for an address that cannot be meant. */
export function openStore(address: StoreAddress): Store {
  const store = isEtcd(address.servers) ? openEtcd(address) : openFramed(address)
  const prefix = `/${address.prefix.replace(/^\/+|\/+$/g, '')}`
  return prefix === ownPrefix ? store : underPrefix(store, { from: ownPrefix, to: prefix })
}

function isEtcd(servers: readonly string[]): boolean {
  return servers.length > 0 && servers.every((server) => /^https?:\/\//.test(server))
}

function openEtcd({ servers, tls, clock, logger, compactionIntervalMs }: StoreAddress): Store {
  for (const server of servers) {
    if (!URL.canParse(server) || new URL(server).port === '') throw refused(servers, `${server} is no URL with a port`)
  }
  const secure = servers.some((server) => server.startsWith('https:'))
  if (!secure && (tls.ca || tls.cert))
    throw refused(servers, 'certificates are given (--etcd-cafile, --etcd-certfile), but the URLs are not https://')
  if (Boolean(tls.cert) !== Boolean(tls.key)) throw refused(servers, '--etcd-certfile and --etcd-keyfile belong together')
  const store = openEtcdStore({ endpoints: servers, tls, clock, logger })
  const compactor: Compactor | undefined =
    compactionIntervalMs > 0 ? startCompactor({ store, clock, logger, intervalMs: compactionIntervalMs }) : undefined
  const close = store.close.bind(store)
  store.close = async () => {
    compactor?.stop()
    await close()
  }
  return store
}

function openFramed({ servers, tls, clock, resolvePath }: StoreAddress): Store {
  const [first = ''] = servers
  if (servers.length === 1) {
    if (first.startsWith(unixScheme)) return connectFramed({ address: { path: resolvePath(first.slice(unixScheme.length)) }, clock })
    if (first.startsWith(pipeScheme)) return connectFramed({ address: { path: `\\\\.\\pipe\\${first.slice(pipeScheme.length)}` }, clock })
    if (first.startsWith(framedScheme)) {
      const { hostname, port } = new URL(first.replace(framedScheme, 'https:'))
      const { ca, cert, key } = tls
      if (!ca || !cert || !key) throw refused(servers, '--etcd-cafile, --etcd-certfile and --etcd-keyfile are needed')
      return connectFramed({ address: { host: hostname, port: Number(port), tls: { ca, cert, key } }, clock })
    }
  }
  throw refused(servers, 'give http(s):// URLs of etcd members, or the one socket of `quorate etcd`')
}

function refused(servers: readonly string[], why: string): QuorateError {
  return new QuorateError('StoreUnknown', `--etcd-servers=${servers.join(',')} cannot be used: ${why}`, {
    remedy: 'For example --etcd-servers=https://127.0.0.1:2379, or unix:///path for the socket of `quorate etcd`.',
  })
}
