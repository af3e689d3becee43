/** `quorate etcd`: the embedded store as a process of its own. */
import { QuorateError } from '../../base/errors.js'
import { openEmbeddedStore } from '../../storage/embedded/embedded.js'
import { serveFramed } from '../../storage/framed/server.js'
import { type FlagTable, parseFlags, usage } from '../flags/flags.js'
import { type ComponentMain, running } from './component.js'

const table: FlagTable = {
  component: 'etcd',
  definitions: [
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
      help: 'unix:///path: a socket that only this user may open.',
    },
    { name: 'advertise-client-urls', type: 'strings', default: '', section: 'clustering' },
    { name: 'auto-compaction-retention', type: 'duration', default: '5m', section: 'member', help: 'History is kept at least so long.' },
  ],
  implemented: new Set(['name', 'data-dir', 'listen-client-urls', 'advertise-client-urls', 'auto-compaction-retention']),
}

const unixScheme = 'unix://'

export const etcd: ComponentMain = {
  name: 'etcd',
  help: () => usage(table, "Quorate's embedded store as a process of its own, shared by several API servers."),
  start(argv, { clock, logger, resolvePath }) {
    const flags = parseFlags(table, argv)
    const urls = flags.list('listen-client-urls')
    const foreign = urls.find((url) => !url.startsWith(unixScheme))
    if (urls.length === 0 || foreign !== undefined) {
      throw new QuorateError('BadFlag', `--listen-client-urls=${urls.join(',')}: only unix:// sockets are served`, {
        remedy: 'Give a socket, for example --listen-client-urls=unix:///run/quorate/store.sock.',
      })
    }
    return running(async () => {
      const engine = await openEmbeddedStore({
        dir: resolvePath(flags.string('data-dir')),
        clock,
        compactionIntervalMs: flags.durationMs('auto-compaction-retention'),
      })
      const servers = await Promise.all(urls.map((url) => serveFramed(engine, { path: resolvePath(url.slice(unixScheme.length)) })))
      logger.info('Serving the embedded store', { urls: urls.join(','), revision: engine.durableRevision })
      return {
        async stop() {
          await Promise.all(servers.map((server) => server.close()))
          await engine.close()
        },
      }
    })
  },
}
