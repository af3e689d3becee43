/** `quorate lb`: the TCP load balancer in front of the API servers, as a process of its own. */
import { readFileSync } from 'node:fs'
import { QuorateError } from '../../base/errors.js'
import { type Backend, startBalancer } from '../../lb/balancer.js'
import { readyzCheck } from '../../lb/readyz.js'
import { FlagError, type FlagDefinition, type FlagTable, parseFlags, usage } from '../flags/flags.js'
import { type ComponentMain, running } from './component.js'

const definitions: readonly FlagDefinition[] = [
  { name: 'listen', type: 'string', default: '127.0.0.1:6443', section: 'lb', help: 'Where clients connect to.' },
  { name: 'backends', type: 'strings', default: '', section: 'lb', help: 'The API servers: NAME=HOST:PORT, separated by commas.' },
  { name: 'ca-file', type: 'string', section: 'lb', help: "The authority of the API servers' certificates: their /readyz is asked." },
  { name: 'v', type: 'int', default: '0', section: 'logging' },
]

const table: FlagTable = { component: 'lb', definitions, implemented: new Set(definitions.map(({ name }) => name)) }

export const lb: ComponentMain = {
  name: 'lb',
  help: () => usage(table, 'A TCP load balancer with health checks in front of API servers.'),
  start(argv, { clock, logger, resolvePath }) {
    const flags = parseFlags(table, argv)
    const [host, port] = hostPort('listen', flags.string('listen'))
    const backends = flags.list('backends').map(backendOf)
    if (backends.length === 0) throw new FlagError('--backends must be specified', 'For example cp-1=127.0.0.1:6444,cp-2=127.0.0.1:6445.')
    const ca = readFileSync(resolvePath(flags.string('ca-file')))
    return running(async () => {
      const balancer = await startBalancer({ host, port, backends, isHealthy: readyzCheck(ca), clock, logger }).catch((error: unknown) => {
        throw new QuorateError('ListenFailed', `the load balancer cannot listen on ${host}:${port}: ${(error as Error).message}`, {
          cause: error,
          remedy: 'Choose another port with --listen.',
        })
      })
      logger.info('Balancing connections', { address: `${host}:${balancer.port}`, backends: backends.map(({ name }) => name).join(',') })
      return { stop: () => balancer.close() }
    })
  },
}

function backendOf(text: string): Backend {
  const [name = '', address = ''] = text.split('=')
  const [host, port] = hostPort('backends', address)
  return { name, host, port }
}

function hostPort(flag: string, text: string): [string, number] {
  const at = text.lastIndexOf(':')
  const port = Number(text.slice(at + 1))
  if (at <= 0 || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw new FlagError(`--${flag}: ${JSON.stringify(text)} is no HOST:PORT`, 'For example 127.0.0.1:6443.')
  return [text.slice(0, at), port]
}
