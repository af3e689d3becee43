/** `quorate kube-proxy`: upstream's flags and configuration file around the proxier, in the mode nftables. */
import { existsSync } from 'node:fs'
import { availableParallelism, hostname } from 'node:os'
import type { IpFamily } from '../../api/ip.js'
import { splitKey } from '../../api/object.js'
import type { RunningComponent } from '../../base/component.js'
import { messageOf, QuorateError } from '../../base/errors.js'
import { eventRecorder } from '../../client/event-recorder/recorder.js'
import { ProxyHealth } from '../../proxy/health/proxy-health.js'
import { ServiceHealth } from '../../proxy/health/service-health.js'
import { dialectOf, tableName } from '../../proxy/nftables/base.js'
import { healthCheckAddresses } from '../../proxy/node-view.js'
import { runProgram } from '../../proxy/program.js'
import { Proxier } from '../../proxy/proxier.js'
import { proxyMetrics } from '../../proxy/proxy-metrics.js'
import { conntrackMax, setConntrack } from '../../proxy/sysctls.js'
import definitions from '../flags/data/kube-proxy.json' with { type: 'json' }
import { FlagError, type FlagDefinition, type FlagTable, parseFlags, usage } from '../flags/flags.js'
import { type ComponentMain, type HostedDeps, running } from './component.js'
import { healthPages, metricPages, servePlain } from './kube-proxy-pages.js'
import { type KubeProxyConfig, kubeProxyConfig } from './kube-proxy-config.js'
import { connectKubeconfig } from './kubeconfig-client.js'
import { componentMetrics, requestMetrics } from './serving/metrics.js'

const name = 'kube-proxy'

const table: FlagTable = {
  component: name,
  definitions: definitions as readonly FlagDefinition[],
  implemented: new Set([
    ...['config', 'kubeconfig', 'hostname-override', 'cleanup', 'init-only'],
    ...['proxy-mode', 'cluster-cidr', 'detect-local-mode', 'pod-bridge-interface', 'pod-interface-name-prefix', 'nodeport-addresses'],
    ...['masquerade-all', 'iptables-masquerade-bit', 'iptables-min-sync-period', 'iptables-sync-period'],
    ...['bind-address', 'healthz-bind-address', 'metrics-bind-address', 'bind-address-hard-fail'],
    ...['conntrack-max-per-core', 'conntrack-min', 'conntrack-tcp-be-liberal', 'conntrack-tcp-timeout-close-wait'],
    ...['conntrack-tcp-timeout-established', 'conntrack-udp-timeout', 'conntrack-udp-timeout-stream'],
    // Watches need no resync, and the client no rate: what they would change does not happen.
    ...['config-sync-period', 'kube-api-burst', 'kube-api-qps', 'kube-api-content-type'],
    // Off is what there is: no profiling endpoints.
    'profiling',
    ...['v', 'logging-format'],
  ]),
}

export const kubeProxy: ComponentMain = {
  name,
  help: () => usage(table, "The Kubernetes network proxy: brings traffic for Services to their endpoints, by this node's nftables."),
  start(argv, deps) {
    const flags = parseFlags(table, argv)
    const config = kubeProxyConfig(flags, deps)
    if (flags.bool('cleanup')) return task(cleanup(deps))
    if (flags.bool('init-only')) return task(initialise(config, deps))
    if (config.kubeconfig === '')
      throw new FlagError(
        'neither --kubeconfig nor clientConnection.kubeconfig of --config is specified',
        'For example --kubeconfig=/var/lib/kube-proxy/kubeconfig.conf.',
      )
    return running(() => startProxy(config, deps))
  },
}

const run = runProgram()

/** A component that does one thing and ends. */
function task(work: Promise<void>): RunningComponent {
  return { ready: work, done: work, stop: () => work.catch(() => undefined) }
}

async function startProxy(config: KubeProxyConfig, deps: HostedDeps) {
  const { clock, random, logger } = deps
  const nodeName = (config.hostnameOverride || deps.hostname || hostname()).trim().toLowerCase()
  const families = addressFamilies()
  const metrics = componentMetrics()
  const own = proxyMetrics(metrics, families)
  // Everything that can be wrong with the kubeconfig ends it here, with the path named.
  const client = connectKubeconfig(config.kubeconfig, deps, { userAgent: name, observe: requestMetrics(metrics, clock) })
  await initialise(config, deps)
  const ending = new AbortController()
  const events = eventRecorder({ client, clock, random, logger, component: name, signal: ending.signal })
  const health = new ProxyHealth(clock, 2 * config.syncMs)
  const serviceHealth = new ServiceHealth({
    ...{ nodeName, logger },
    addresses: () => healthCheckAddresses(config.rules, families, proxier.node),
    isProxyHealthy: () => health.isHealthy,
    failed(key, message) {
      const about = { apiVersion: 'v1', kind: 'Service', metadata: splitKey(key) }
      events.event(about, 'Warning', 'FailedToStartServiceHealthcheck', message)
    },
  })
  const { rules, minSyncMs, syncMs } = config
  const proxier: Proxier = new Proxier({
    ...{ client, clock, random, logger, nodeName, families, rules, minSyncMs, syncMs, run, health, serviceHealth, metrics: own },
  })
  const { signal } = ending
  const servers = [
    { address: config.healthzBindAddress, handle: healthPages(health, own) },
    { address: config.metricsBindAddress, handle: metricPages(metrics, config) },
  ].filter(({ address }) => address !== '')
  try {
    await Promise.all(servers.map((server) => servePlain({ ...server, hardFail: config.bindAddressHardFail, deps, signal })))
  } catch (error) {
    ending.abort()
    await proxier.stop()
    throw error
  }
  logger.info('Proxying Services', { mode: 'nftables', node: nodeName, families: families.join(',') })
  return {
    // The rules stay: packets go on while a proxy restarts.
    async stop() {
      ending.abort()
      await Promise.all([proxier.stop(), serviceHealth.close()])
      await client.close()
    },
  }
}

function addressFamilies(): IpFamily[] {
  return existsSync('/proc/net/if_inet6') ? ['IPv4', 'IPv6'] : ['IPv4']
}

/** What needs the full rights of root: whether nftables can be used, and the kernel's settings. */
async function initialise({ conntrack }: KubeProxyConfig, { logger }: HostedDeps): Promise<void> {
  await run('nft', ['list', 'tables']).catch((error: unknown) => {
    throw new QuorateError('NftablesUnusable', `nftables cannot be used: ${messageOf(error)}`, {
      remedy: 'Install nftables (nft 1.0.1 or later), and run kube-proxy as root.',
      cause: error,
    })
  })
  await setConntrack({ ...conntrack, max: conntrackMax({ ...conntrack, cores: availableParallelism() }) }, logger)
}

/** --cleanup: nothing of a proxy is left in the kernel. */
async function cleanup({ logger }: HostedDeps): Promise<void> {
  for (const family of addressFamilies()) {
    const { ip } = dialectOf(family)
    // Added first, because deleting a table that is not there is an error.
    await run('nft', ['-f', '-'], [`add table ${ip} ${tableName}\ndelete table ${ip} ${tableName}\n`])
    logger.info('The table has been deleted', { family })
  }
}
