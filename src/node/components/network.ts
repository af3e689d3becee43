/** `quorate network`: the built-in pod network of one node. It runs as root, in its host's network. */
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { Health } from '../../apiserver/health.js'
import { localHost } from '../../network/host/local-host.js'
import { type NetworkOptions, removeNetwork, runNetwork } from '../../network/agent.js'
import { pluginsNeeded } from '../../network/cni/conflist.js'
import type { Backend } from '../../network/routes/plan.js'
import { FlagError, type FlagDefinition, type Flags, type FlagTable, parseFlags, usage } from '../flags/flags.js'
import { type ComponentMain, type HostedDeps, running } from './component.js'
import { connectKubeconfig } from './kubeconfig-client.js'
import { componentMetrics, requestMetrics } from './serving/metrics.js'
import { servePlain } from './serving/plain.js'

const name = 'network'

/** Names as users of kube-proxy, the kubelet and flannel know them. */
const definitions: readonly FlagDefinition[] = [
  { name: 'kubeconfig', type: 'string', section: 'network', help: 'How to reach the API server.' },
  { name: 'hostname-override', type: 'string', section: 'network', help: "The node's name, where it is not the machine's." },
  {
    ...{ name: 'backend', type: 'string', default: 'auto', section: 'network' },
    help: 'How nodes are reached: host-gw (all on one link), vxlan, or auto: directly on one link, by vxlan elsewhere.',
  },
  { name: 'vxlan-vni', type: 'int', default: '1', section: 'network', help: 'The VXLAN network identifier; one for all nodes.' },
  { name: 'vxlan-port', type: 'int', default: '8472', section: 'network', help: 'The UDP port of VXLAN; one for all nodes.' },
  { name: 'mtu', type: 'int', default: '0', section: 'network', help: "Of pods; 0: the uplink's, minus what VXLAN adds." },
  { name: 'ip-masq', type: 'bool', default: 'true', section: 'network', help: 'Pods leave the cluster under the address of their node.' },
  { name: 'network-policy', type: 'bool', default: 'true', section: 'network', help: 'NetworkPolicies are enforced.' },
  { name: 'bridge', type: 'string', default: 'cni0', section: 'network', help: "The bridge of this node's pods." },
  {
    name: 'cni-conf-dir',
    type: 'string',
    default: '/etc/cni/net.d',
    section: 'network',
    help: 'Where runtimes look for CNI configurations.',
  },
  {
    ...{ name: 'cni-bin-dir', type: 'strings', default: '/opt/cni/bin,/usr/lib/cni', section: 'network' },
    help: 'Where CNI plugins may be; missing ones are named in the log.',
  },
  { name: 'sync-period', type: 'duration', default: '30s', section: 'network', help: 'How often the kernel is looked at without a cause.' },
  { name: 'cleanup', type: 'bool', default: 'false', section: 'network', help: 'Remove what the network has made on this node, and exit.' },
  {
    ...{ name: 'healthz-bind-address', type: 'string', default: '127.0.0.1:10264', section: 'serving' },
    help: 'Where /healthz, /livez, /readyz and /metrics are served.',
  },
  { name: 'v', type: 'int', default: '0', section: 'logging' },
]

const table: FlagTable = { component: name, definitions, implemented: new Set(definitions.map((definition) => definition.name)) }

export const network: ComponentMain = {
  name,
  help: () => usage(table, 'The built-in pod network of a node: CNI configuration, routes between nodes, NetworkPolicy.'),
  start(argv, deps) {
    const flags = parseFlags(table, argv)
    const options = optionsOf(flags, deps)
    if (flags.bool('cleanup')) {
      const done = cleanUp(options, deps)
      return { ready: done, done, stop: () => done.catch(() => undefined) }
    }
    if (flags.string('kubeconfig') === '')
      throw new FlagError('--kubeconfig must be specified', 'For example --kubeconfig=/var/lib/quorate-network/kubeconfig.conf.')
    const [host, port] = hostPort('healthz-bind-address', flags.string('healthz-bind-address'))
    return running(async () => {
      const { clock, random, logger } = deps
      tellMissingPlugins(flags.list('cni-bin-dir'), deps)
      const metrics = componentMetrics()
      const client = connectKubeconfig(flags.string('kubeconfig'), deps, {
        userAgent: 'quorate-network',
        observe: requestMetrics(metrics, clock),
      })
      const ending = new AbortController()
      const health = new Health()
      const server = await servePlain({ ...{ component: name, host, port, flag: 'healthz-bind-address' }, health, metrics })
      const machine = localHost({ clock })
      const agent = runNetwork({ client, clock, random, logger, metrics, host: machine, network: options, signal: ending.signal })
      health.add({ name: 'network', check: () => agent.check() }, 'healthz', 'readyz')
      return {
        // What is there stays: pods go on talking while their agent is replaced.
        async stop(how) {
          ending.abort()
          if (!how?.crash) await agent.stopped()
          await Promise.all([server.close(), client.close()])
        },
      }
    })
  },
}

function optionsOf(flags: Flags, { hostname: machine = hostname(), resolvePath }: HostedDeps): NetworkOptions {
  const backend = flags.string('backend')
  if (!isBackend(backend)) throw new FlagError(`--backend: ${JSON.stringify(backend)} is none of auto, host-gw, vxlan`)
  const within = (flag: string, least: number, most: number) => {
    const value = flags.int(flag)
    if (value < least || value > most) throw new FlagError(`--${flag}: ${value} is not between ${least} and ${most}`)
    return value
  }
  // IPv6 asks for 1280 at least (RFC 8200).
  const mtu = flags.int('mtu') === 0 ? 0 : within('mtu', 1280, 65_535)
  const bridge = flags.string('bridge')
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(bridge)) throw new FlagError(`--bridge: ${JSON.stringify(bridge)} is no name of a device`)
  return {
    nodeName: (flags.string('hostname-override') || machine).trim().toLowerCase(),
    ...{ backend, mtu, bridge },
    vxlan: { id: within('vxlan-vni', 1, 2 ** 24 - 1), port: within('vxlan-port', 1, 65_535) },
    leases: '/run/quorate-network/leases',
    cniConfDir: resolvePath(flags.string('cni-conf-dir')),
    masquerade: flags.bool('ip-masq'),
    policies: flags.bool('network-policy'),
    syncPeriodMs: flags.durationMs('sync-period'),
  }
}

function isBackend(text: string): text is Backend {
  return ['auto', 'host-gw', 'vxlan'].includes(text)
}

async function cleanUp(options: NetworkOptions, { clock, logger }: HostedDeps): Promise<void> {
  await removeNetwork({ host: localHost({ clock }), network: options, logger })
  logger.info('The network of this node has been removed')
}

function tellMissingPlugins(dirs: readonly string[], { resolvePath, logger }: HostedDeps): void {
  const missing = pluginsNeeded.filter((plugin) => !dirs.some((dir) => existsSync(join(resolvePath(dir), plugin))))
  if (missing.length > 0)
    logger.error('CNI plugins are missing: pods cannot be connected', { missing: missing.join(','), dirs: dirs.join(',') })
}

function hostPort(flag: string, text: string): [string, number] {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2] ?? ''
  const port = Number(match?.[3])
  if (isIP(host) === 0 || port > 65_535)
    throw new FlagError(`--${flag}: ${JSON.stringify(text)} is no IP:PORT`, 'For example 127.0.0.1:10264.')
  return [host, port]
}
