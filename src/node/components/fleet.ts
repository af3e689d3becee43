/** `quorate fleet`: simulated kubelets, thousands in one process. Runs the nodes of a file, which it follows, and those of --nodes. */
import { readFileSync, watchFile, unwatchFile } from 'node:fs'
import { messageOf, QuorateError } from '../../base/errors.js'
import type { Client } from '../../client/client.js'
import { type Fleet, startFleet } from '../../kubelet/fleet/fleet.js'
import type { FleetNode } from '../../kubelet/fleet/fleet-node.js'
import { FlagError, type Flags, type FlagTable, parseFlags, usage } from '../flags/flags.js'
import { gitVersion, packageVersion, platformName } from '../version.js'
import { type ComponentMain, type HostedDeps, running } from './component.js'
import { connectKubeconfig } from './kubeconfig-client.js'
import { serveKubelet } from './kubelet-serving.js'
import { readFlagFile } from './serving/flags.js'
import type { Serving } from './serving/serve.js'

const definitions = [
  { name: 'kubeconfig', type: 'string', help: 'How to reach the API server, and as whom: it acts for every node.' },
  { name: 'nodes', type: 'strings', help: 'Simulated nodes, NAME or NAME=IP.' },
  {
    name: 'config',
    type: 'string',
    help: 'A JSON file {"nodes": [{"name", "ip", "labels", "taints", "capacity", "stopped"}]} that is followed.',
  },
  { name: 'address', type: 'ip', default: '0.0.0.0', help: 'Where the kubelet server of all nodes listens.' },
  { name: 'port', type: 'int', default: '10250', help: 'Port of the kubelet server of all nodes; 0 for none.' },
  { name: 'tls-cert-file', type: 'string' },
  { name: 'tls-private-key-file', type: 'string' },
  { name: 'client-ca-file', type: 'string', help: 'Whose certificates the server trusts.' },
  { name: 'start-delay', type: 'duration', default: '100ms', help: 'How long a simulated container takes to start.' },
  { name: 'pod-cidr-wait', type: 'duration', default: '5s', help: 'How long pods of a new node wait for its podCIDR.' },
  { name: 'v', type: 'int', default: '0' },
] as const

const table: FlagTable = { component: 'fleet', definitions, implemented: new Set(definitions.map(({ name }) => name)) }
/** Who may ask: as kubeadm configures a kubelet. */
const access = {
  ...{ anonymous: false, webhookAuthentication: true, authorizationMode: 'Webhook' as const },
  ...{ authenticationTtlMs: 120_000, allowedTtlMs: 300_000, deniedTtlMs: 30_000 },
}
/** How often the file is looked at. A watch on it would not outlive an editor that replaces it. */
const followMs = 500

export const fleet: ComponentMain = {
  name: 'fleet',
  help: () => usage(table, 'Simulated nodes: kubelets without containers, as many as you like in one process.'),
  start(argv, deps) {
    const flags = parseFlags(table, argv)
    if (flags.string('kubeconfig') === '') throw new FlagError('--kubeconfig must be specified')
    const given = flags.list('nodes').map(nodeOf)
    return running(() => start(flags, given, deps))
  },
}

async function start(
  flags: Flags,
  given: readonly FleetNode[],
  deps: HostedDeps,
): Promise<{ stop(how?: { crash?: boolean }): Promise<void> }> {
  const { clock, random, logger, resolvePath } = deps
  const client = connectKubeconfig(flags.string('kubeconfig'), deps, { userAgent: 'fleet' })
  const file = flags.string('config') && resolvePath(flags.string('config'))
  const nodes = [...given, ...(file ? readNodes(file) : [])]
  const port = flags.int('port')
  const running = startFleet({
    ...{ client, clock, random, logger, version: packageVersion, nodes },
    identity: { kubeletVersion: gitVersion, architecture: platformName.split('/')[1] ?? '', ...(port > 0 ? { port } : {}) },
    podCidrWaitMs: flags.durationMs('pod-cidr-wait'),
    startDelayMs: flags.durationMs('start-delay'),
  })
  const serving = port > 0 ? await serveApi(flags, running, client, deps) : undefined
  if (file) follow(file, given, running, deps)
  await running.ready
  logger.info('Every node is registered', { nodes: nodes.length })
  return {
    async stop(how) {
      if (file) unwatchFile(file)
      await serving?.close(how)
      await running.stop()
      await client.close()
    },
  }
}

function serveApi(flags: Flags, { runtime, workers, keeper }: Fleet, client: Client, deps: HostedDeps): Promise<Serving> {
  const read = (name: string) => readFlagFile(flags, name, deps)
  const [cert, key, clientCa] = [read('tls-cert-file'), read('tls-private-key-file'), read('client-ca-file')]
  return serveKubelet({
    ...{ component: 'fleet', host: flags.string('address'), port: flags.int('port'), ipAddresses: [], access },
    ...(cert && key ? { cert, key } : {}),
    ...(clientCa ? { clientCa } : {}),
    ...{ client, deps, runtime, workers, clock: deps.clock, nodes: () => keeper.records() },
  })
}

function follow(file: string, given: readonly FleetNode[], fleet: Fleet, { logger }: HostedDeps): void {
  watchFile(file, { interval: followMs }, () => {
    try {
      const nodes = [...given, ...readNodes(file)]
      fleet.setNodes(nodes)
      logger.info('The list of nodes has changed', { nodes: nodes.length })
    } catch (error) {
      logger.error('The list of nodes cannot be read; the last one stays', { file, error: messageOf(error) })
    }
  })
}

function readNodes(file: string): FleetNode[] {
  try {
    const { nodes } = JSON.parse(readFileSync(file, 'utf8')) as { nodes?: unknown }
    if (!Array.isArray(nodes) || !nodes.every((node) => typeof (node as FleetNode)?.name === 'string'))
      throw new Error('no list "nodes" with names')
    return nodes as FleetNode[]
  } catch (error) {
    throw new QuorateError('FileUnreadable', `--config ${file}: ${messageOf(error)}`, { cause: error })
  }
}

function nodeOf(text: string): FleetNode {
  const [name = '', ip] = text.split('=')
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)) throw new FlagError(`--nodes: ${JSON.stringify(text)} is no NAME or NAME=IP`)
  return { name, ...(ip ? { ip } : {}) }
}
