/** `quorate kube-controller-manager`: upstream's flags around the controllers. */
import { hostname } from 'node:os'
import { QuorateError } from '../../base/errors.js'
import type { Client } from '../../client/client.js'
import { Health } from '../../apiserver/health.js'
import { startControllerManager } from '../../controllers/manager/manager.js'
import { serviceAccountClients } from '../../controllers/manager/service-account-client.js'
import { controllerNames, selectControllers } from '../../controllers/names.js'
import { controllerMakers, makeControllers } from '../../controllers/registry.js'
import definitionsJson from '../flags/data/kube-controller-manager.json' with { type: 'json' }
import { FlagError, type FlagDefinition, type Flags, type FlagTable, parseFlags, usage } from '../flags/flags.js'
import { type ComponentMain, type HostedDeps, running } from './component.js'
import { concurrencyFlags, controllerFlags, controllerOptions, signerFlags } from './controller-options.js'
import { bareTransport, connectKubeconfig, userAgentOf } from './kubeconfig-client.js'
import { servingFlags, servingOf } from './serving/flags.js'
import { componentMetrics, queueMetrics, requestMetrics } from './serving/metrics.js'
import { serve, type Serving } from './serving/serve.js'

const name = 'kube-controller-manager'
const definitions = definitionsJson as readonly FlagDefinition[]
const concurrency = concurrencyFlags(definitions)

const table: FlagTable = {
  component: name,
  definitions,
  implemented: new Set([
    ...servingFlags,
    ...controllerFlags,
    ...signerFlags,
    ...concurrency.map(({ flag }) => flag),
    ...['kubeconfig', 'controllers', 'use-service-account-credentials', 'controller-shutdown-timeout'],
    ...['leader-elect', 'leader-elect-lease-duration', 'leader-elect-renew-deadline', 'leader-elect-retry-period'],
    ...['leader-elect-resource-name', 'leader-elect-resource-namespace'],
    // Off is what there is: no profiling endpoints, no loops of a cloud (whose resources the cluster's name would be part of).
    ...['profiling', 'configure-cloud-routes', 'cluster-name'],
    ...['v', 'logging-format'],
  ]),
}

export const kubeControllerManager: ComponentMain = {
  name,
  help: () => usage(table, 'The controllers of a Kubernetes cluster: they drive its objects towards their specs.'),
  start(argv, deps) {
    const flags = parseFlags(table, argv)
    const enabled = enabledControllers(flags)
    if (flags.string('kubeconfig') === '')
      throw new FlagError('--kubeconfig must be specified', 'For example --kubeconfig=/etc/kubernetes/controller-manager.conf.')
    checkElection(flags)
    return running((fail) => startManager(flags, enabled, deps, fail))
  },
}

function enabledControllers(flags: Flags): ReadonlySet<string> {
  const { enabled, named, unknown } = selectControllers(flags.list('controllers'))
  if (unknown.length > 0) throw new FlagError(`--controllers: ${unknown.join(', ')} not known`, `Known are: ${controllerNames.join(', ')}.`)
  const missing = [...named].filter((each) => controllerMakers[each] === undefined)
  if (missing.length > 0)
    throw new FlagError(`--controllers: ${missing.join(', ')} known to ${name} but not implemented by Quorate`, 'Leave them out.')
  return enabled
}

/** What leader election itself would take for a bug is a mistake of whoever wrote the flags. */
function checkElection(flags: Flags): void {
  const [lease, deadline, retry] = ['lease-duration', 'renew-deadline', 'retry-period'].map((each) =>
    flags.durationMs(`leader-elect-${each}`),
  )
  if ((lease ?? 0) <= (deadline ?? 0))
    throw new FlagError('--leader-elect-lease-duration must be greater than --leader-elect-renew-deadline')
  if ((deadline ?? 0) <= (retry ?? 0) * 1.2)
    throw new FlagError('--leader-elect-renew-deadline must be greater than 1.2 times --leader-elect-retry-period')
}

async function startManager(flags: Flags, enabled: ReadonlySet<string>, deps: HostedDeps, fail: (error: Error) => void) {
  const { clock, random, logger } = deps
  const metrics = componentMetrics()
  const observeQueue = queueMetrics(metrics, clock)
  const observe = requestMetrics(metrics, clock)
  const leads = metrics.gauge('leader_election_master_status', 'Whether this process leads: 1, or waits: 0.', ['name'])
  const options = controllerOptions(flags, deps)
  const kubeconfig = flags.string('kubeconfig')
  const client = connectKubeconfig(kubeconfig, deps, { userAgent: name, observe })
  const accounts = flags.bool('use-service-account-credentials') ? accountClients(kubeconfig, client, deps) : undefined
  const electing = flags.bool('leader-elect')
  // Its own, so that a renewal never waits behind the controllers' requests.
  const electionClient = connectKubeconfig(kubeconfig, deps, { userAgent: `${name}-leader-election`, observe })
  if (electing) leads.set([flags.string('leader-elect-resource-name')], 0)

  const serving = servingOf(flags, deps, name)
  const health = new Health()
  const server = serving.port === 0 ? undefined : await startServer()
  const manager = startControllerManager({
    ...{ client, clock, random, logger },
    ...(accounts ? { clientOf: accounts.clientOf } : {}),
    makeControllers: () => makeControllers(enabled, options),
    workers: Object.fromEntries(concurrency.map(({ flag, controller }) => [controller, flags.int(flag)])),
    observerOf: (controller, queue) => observeQueue(controller.name, queue),
    shutdownTimeoutMs: flags.durationMs('controller-shutdown-timeout'),
    onLeading: (does) => leads.set([flags.string('leader-elect-resource-name')], does ? 1 : 0),
    ...(electing ? { election: { ...electionOf(flags, deps), client: electionClient } } : {}),
  })
  health.add({ name: 'leaderElection', check: () => checkHealthy(manager.isHealthy()) }, 'healthz', 'livez', 'readyz')
  let stopping = false
  const shutdown = async (how?: { crash?: boolean }) => {
    stopping = true
    await manager.stop(how)
    await Promise.all([server?.close(how), serving.close(), accounts?.close(), client.close(), electionClient.close()])
  }
  // Upstream's rule: a manager that has lost its lease ends, so that nothing of it goes on by mistake.
  void manager.ended.then(async (how) => {
    if (how !== 'lost' || stopping) return
    await shutdown({ crash: true })
    fail(new QuorateError('LeadershipLost', 'leader election lost'))
  })
  return { stop: shutdown }

  function startServer(): Promise<Serving> {
    const configz = () => ({ 'kubecontrollermanager.config.k8s.io': configOf(flags, enabled) })
    return serve({ ...serving, component: name, deps, health, metrics, configz })
  }
}

function electionOf(flags: Flags, { random, hostname: nodeName = hostname() }: HostedDeps) {
  return {
    namespace: flags.string('leader-elect-resource-namespace'),
    name: flags.string('leader-elect-resource-name'),
    identity: `${nodeName}_${random.uuid()}`,
    leaseDurationMs: flags.durationMs('leader-elect-lease-duration'),
    renewDeadlineMs: flags.durationMs('leader-elect-renew-deadline'),
    retryPeriodMs: flags.durationMs('leader-elect-retry-period'),
  }
}

function accountClients(kubeconfig: string, root: Client, deps: HostedDeps) {
  const transport = bareTransport(kubeconfig, deps)
  const clientOf = serviceAccountClients({ root, transport, userAgent: userAgentOf(name), clock: deps.clock })
  return { clientOf, close: () => transport.close() }
}

function checkHealthy(healthy: boolean): void {
  if (!healthy) throw new Error('failed election to renew leadership on lease')
}

/** What /configz shows: the part of KubeControllerManagerConfiguration that flags of this process set. */
function configOf(flags: Flags, enabled: ReadonlySet<string>): unknown {
  return {
    Generic: {
      Port: flags.int('secure-port'),
      Address: flags.string('bind-address'),
      Controllers: flags.list('controllers').length ? flags.list('controllers') : ['*'],
      LeaderElection: {
        LeaderElect: flags.bool('leader-elect'),
        LeaseDuration: flags.string('leader-elect-lease-duration'),
        RenewDeadline: flags.string('leader-elect-renew-deadline'),
        RetryPeriod: flags.string('leader-elect-retry-period'),
        ResourceLock: 'leases',
        ResourceName: flags.string('leader-elect-resource-name'),
        ResourceNamespace: flags.string('leader-elect-resource-namespace'),
      },
    },
    KubeCloudShared: {
      ClusterName: flags.string('cluster-name'),
      ClusterCIDR: flags.string('cluster-cidr'),
      AllocateNodeCIDRs: flags.bool('allocate-node-cidrs'),
      UseServiceAccountCredentials: flags.bool('use-service-account-credentials'),
    },
    Enabled: [...enabled].filter((each) => controllerMakers[each] !== undefined),
  }
}
