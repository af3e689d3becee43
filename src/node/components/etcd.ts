/**
 * `quorate etcd`: the embedded store as a process of its own, with etcd's own flag names. http(s):// URLs serve the etcd v3 gRPC API;
 * unix:///path and quorate+https://host:port the leaner transport between Quorate's own processes.
 */
import { readFileSync } from 'node:fs'
import { QuorateError } from '../../base/errors.js'
import { openEmbeddedStore } from '../../storage/embedded/embedded.js'
import type { Engine } from '../../storage/engine/engine.js'
import { serveMetrics } from '../../storage/etcd-server/metrics-server.js'
import { serveEtcd } from '../../storage/etcd-server/server.js'
import { serveFramed } from '../../storage/framed/server.js'
import { durationMs, FlagError, type FlagDefinition, type Flags, type FlagTable, parseFlags, usage } from '../flags/flags.js'
import { type ComponentMain, type HostedDeps, running } from './component.js'

const definitions: readonly FlagDefinition[] = [
  { name: 'name', type: 'string', default: 'default', section: 'member' },
  {
    name: 'data-dir',
    type: 'string',
    default: 'default.etcd',
    section: 'member',
    help: 'Directory of the store. Open in one process at a time.',
  },
  {
    name: 'listen-client-urls',
    type: 'strings',
    default: '',
    section: 'member',
    help: 'unix:///path: a socket that only this user may open. http(s)://ip:port: the etcd v3 API. quorate+https://ip:port: as unix.',
  },
  { name: 'listen-metrics-urls', type: 'strings', default: '', section: 'member', help: 'Where /health and /metrics are served.' },
  { name: 'quota-backend-bytes', type: 'int', default: '0', section: 'member', help: 'Writes are refused beyond it; 0: no bound.' },
  { name: 'advertise-client-urls', type: 'strings', default: '', section: 'clustering', help: 'What the member list says.' },
  { name: 'auto-compaction-mode', type: 'string', default: 'periodic', section: 'clustering' },
  {
    name: 'auto-compaction-retention',
    type: 'string',
    default: '5m',
    section: 'clustering',
    help: 'History is kept at least so long: a duration, or hours. 0: for ever.',
  },
  { name: 'cert-file', type: 'string', section: 'security' },
  { name: 'key-file', type: 'string', section: 'security' },
  { name: 'trusted-ca-file', type: 'string', section: 'security', help: "The authority of clients' certificates." },
  { name: 'client-cert-auth', type: 'bool', default: 'false', section: 'security', help: 'Refuse clients without a certificate.' },
  { name: 'v', type: 'int', default: '0', section: 'logging' },
]
const notImplemented = new Set(['auto-compaction-mode'])

const table: FlagTable = {
  component: 'etcd',
  definitions,
  implemented: new Set(definitions.map(({ name }) => name).filter((name) => !notImplemented.has(name))),
}

const unixScheme = 'unix://'
const framedScheme = 'quorate+https:'

interface Closable {
  close(): Promise<void>
}

export const etcd: ComponentMain = {
  name: 'etcd',
  help: () =>
    usage(table, "Quorate's embedded store as a process of its own: one member of the etcd v3 API, shared by several API servers."),
  start(argv, deps) {
    const flags = parseFlags(table, argv)
    const urls = flags.list('listen-client-urls')
    if (urls.length === 0) throw new FlagError('--listen-client-urls must be specified', 'For example unix:///run/quorate/store.sock.')
    for (const url of urls) checkUrl('listen-client-urls', url, /^(unix:\/\/\/|https?:|quorate\+https:)/)
    for (const url of flags.list('listen-metrics-urls')) checkUrl('listen-metrics-urls', url, /^https?:/)
    const compactionIntervalMs = retentionMs(flags.string('auto-compaction-retention'))
    const tls = tlsOf(flags, urls, deps)
    return running(async () => {
      const engine = await openEmbeddedStore({ dir: deps.resolvePath(flags.string('data-dir')), clock: deps.clock, compactionIntervalMs })
      const servers: Closable[] = []
      const close = async () => {
        await Promise.all(servers.map((server) => server.close()))
        await engine.close()
      }
      try {
        for (const url of urls) servers.push(await serve(url, { engine, flags, tls, deps }))
        for (const url of flags.list('listen-metrics-urls')) {
          const quotaBytes = flags.int('quota-backend-bytes')
          servers.push(await serveMetrics({ engine, quotaBytes, ...hostPort(url), ...(url.startsWith('https:') && tls ? { tls } : {}) }))
        }
      } catch (error) {
        await close()
        throw new QuorateError('ListenFailed', `the store cannot listen: ${(error as Error).message}`, { cause: error })
      }
      deps.logger.info('Serving the embedded store', { urls: urls.join(','), revision: engine.durableRevision })
      return { stop: close }
    })
  },
}

interface Serving {
  readonly engine: Engine
  readonly flags: Flags
  readonly tls: Tls | undefined
  readonly deps: HostedDeps
}

function serve(url: string, { engine, flags, tls, deps }: Serving): Promise<Closable> {
  if (url.startsWith(unixScheme)) return serveFramed(engine, { path: deps.resolvePath(url.slice(unixScheme.length)) })
  if (url.startsWith(framedScheme))
    return serveFramed(engine, { ...hostPort(url.replace(framedScheme, 'https:')), tls: tls as Required<Tls> })
  const advertised = flags.list('advertise-client-urls')
  return serveEtcd({
    engine,
    clock: deps.clock,
    name: flags.string('name'),
    advertiseUrls: advertised.length > 0 ? advertised : [url],
    quotaBytes: flags.int('quota-backend-bytes'),
    address: { ...hostPort(url), ...(url.startsWith('https:') && tls ? { tls } : {}) },
  })
}

interface Tls {
  readonly cert: string
  readonly key: string
  /** Set when clients must show a certificate. */
  readonly ca?: string
}

function tlsOf(flags: Flags, urls: readonly string[], { resolvePath }: HostedDeps): Tls | undefined {
  const secure = [...urls, ...flags.list('listen-metrics-urls')].find((url) => /^(quorate\+)?https:/.test(url))
  const [cert, key, ca] = ['cert-file', 'key-file', 'trusted-ca-file'].map((name) => readFlagFile(flags, name, resolvePath))
  if (!secure) return undefined
  if (!cert || !key) throw new FlagError(`${secure} needs --cert-file and --key-file`)
  const framed = urls.some((url) => url.startsWith(framedScheme))
  if (flags.bool('client-cert-auth') || framed) {
    if (!ca) throw new FlagError(`--trusted-ca-file must be specified with ${framed ? framedScheme : '--client-cert-auth'}`)
    return { cert, key, ca }
  }
  return { cert, key }
}

function readFlagFile(flags: Flags, name: string, resolvePath: (path: string) => string): string | undefined {
  const file = flags.string(name)
  if (file === '') return undefined
  try {
    return readFileSync(resolvePath(file), 'utf8')
  } catch (error) {
    throw new QuorateError('FileUnreadable', `--${name}: ${(error as Error).message}`, { cause: error })
  }
}

function checkUrl(flag: string, url: string, scheme: RegExp): void {
  const usable = scheme.test(url) && (url.startsWith(unixScheme) || (URL.canParse(url) && /:\d+\/?$/.test(url)))
  if (!usable)
    throw new FlagError(
      `--${flag}=${url}: not an address that can be served`,
      'Give http://127.0.0.1:2379, https:// with certificates, or unix:///path.',
    )
}

function hostPort(url: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^\w+:\/\/(.*):(\d+)\/?$/.exec(url) ?? []
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

/** etcd reads a bare number as hours. */
function retentionMs(text: string): number {
  return /^\d+$/.test(text) ? Number(text) * 3_600_000 : durationMs(text)
}
