/** `quorate kube-scheduler`: upstream's flags and configuration file around the scheduler. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { parse } from 'yaml'
import { messageOf, QuorateError } from '../../base/errors.js'
import { Health } from '../../apiserver/health.js'
import { eventRecorder } from '../../client/event-recorder/recorder.js'
import { electLeader, type LeaderElection } from '../../client/leader-election/leader-election.js'
import { defaultConfig, defaultSchedulerName, type SchedulerConfig, schedulerConfigOf } from '../../scheduler/config/config.js'
import { type RunningScheduler, runScheduler } from '../../scheduler/scheduler.js'
import definitions from '../flags/data/kube-scheduler.json' with { type: 'json' }
import { durationMs, FlagError, type FlagDefinition, type Flags, type FlagTable, parseFlags, usage } from '../flags/flags.js'
import { type ComponentMain, type HostedDeps, running } from './component.js'
import { connectKubeconfig } from './kubeconfig-client.js'
import { servingFlags, servingOf } from './serving/flags.js'
import { componentMetrics, requestMetrics } from './serving/metrics.js'
import { serve } from './serving/serve.js'

const name = 'kube-scheduler'

const table: FlagTable = {
  component: name,
  definitions: definitions as readonly FlagDefinition[],
  implemented: new Set([
    ...servingFlags,
    ...['config', 'kubeconfig', 'pod-max-in-unschedulable-pods-duration'],
    ...['leader-elect', 'leader-elect-lease-duration', 'leader-elect-renew-deadline', 'leader-elect-retry-period'],
    ...['leader-elect-resource-name', 'leader-elect-resource-namespace'],
    // Off is what there is: no profiling endpoints.
    'profiling',
    ...['v', 'logging-format'],
  ]),
}

export const kubeScheduler: ComponentMain = {
  name,
  help: () => usage(table, 'The Kubernetes scheduler: finds a node for every pod that has none.'),
  start(argv, deps) {
    const flags = parseFlags(table, argv)
    if (flags.string('kubeconfig') === '' && flags.string('config') === '')
      throw new FlagError('--kubeconfig or --config must be specified', 'For example --kubeconfig=/etc/kubernetes/scheduler.conf.')
    return running((fail) => startScheduler(flags, deps, fail))
  },
}

async function startScheduler(flags: Flags, deps: HostedDeps, fail: (error: Error) => void) {
  const { clock, random, logger } = deps
  const config = readConfig(flags, deps)
  const election = electionOf(flags, config, deps)
  const kubeconfig = config.kubeconfig || flags.string('kubeconfig')
  if (kubeconfig === '') throw new QuorateError('FlagMissing', 'neither the configuration nor --kubeconfig names a kubeconfig')
  const metrics = componentMetrics()
  const leads = metrics.gauge('leader_election_master_status', 'Whether this process leads: 1, or waits: 0.', ['name'])
  const client = connectKubeconfig(kubeconfig, deps, { userAgent: name, observe: requestMetrics(metrics, clock) })
  const ending = new AbortController()
  // Upstream's events come from the scheduler by its name in pods, not from the program.
  const component = config.profiles[0]?.schedulerName ?? defaultSchedulerName
  const events = eventRecorder({ client, clock, random, logger, component, signal: ending.signal })
  let scheduler: RunningScheduler | undefined
  let elected: LeaderElection | undefined
  const health = new Health()
  health.add({ name: 'leaderElection', check: () => checkElection(elected) }, 'healthz', 'livez')
  health.add({ name: 'sched-handler-sync', check: () => undefined }, 'readyz')
  const serving = servingOf(flags, deps, name)
  const server = serving.port === 0 ? undefined : await serve({ ...serving, component: name, deps, health, metrics })

  const work = (signal: AbortSignal) => {
    scheduler = runScheduler({ client, clock, random, logger, events, config, metrics, signal })
  }
  const stop = async (how?: { crash?: boolean }) => {
    ending.abort()
    await elected?.stop({ release: !how?.crash })
    if (!how?.crash) await scheduler?.stopped
    await Promise.all([server?.close(how), serving.close(), client.close()])
  }
  if (!election) work(ending.signal)
  else {
    leads.set([election.name], 0)
    const onLeading = (signal: AbortSignal) => {
      leads.set([election.name], 1)
      work(signal)
    }
    elected = electLeader({ client, clock, random, logger, events, ...election, onLeading })
    // Upstream's rule: one that has lost its lease ends, so that nothing of it goes on by mistake.
    void elected.ended.then(async (how) => {
      if (how !== 'lost' || ending.signal.aborted) return
      await stop({ crash: true })
      fail(new QuorateError('LeadershipLost', 'leader election lost'))
    })
  }
  return { stop }
}

function readConfig(flags: Flags, { resolvePath }: HostedDeps): SchedulerConfig {
  const unschedulableMsMax = flags.durationMs('pod-max-in-unschedulable-pods-duration')
  const file = flags.string('config')
  if (file === '') return { ...defaultConfig, unschedulableMsMax }
  let document: unknown
  try {
    document = parse(readFileSync(resolvePath(file), 'utf8'))
  } catch (error) {
    throw new QuorateError('FileUnreadable', `--config: ${messageOf(error)}`, { cause: error })
  }
  return { ...schedulerConfigOf(document), unschedulableMsMax }
}

/** Flags that were given go before the configuration. undefined: no election. */
function electionOf(flags: Flags, { leaderElection: config }: SchedulerConfig, { random, hostname: machine = hostname() }: HostedDeps) {
  const text = (flag: string, configured: string | undefined) => (flags.has(flag) ? flags.string(flag) : configured || flags.string(flag))
  const elects = flags.has('leader-elect') ? flags.bool('leader-elect') : (config.leaderElect ?? true)
  if (!elects) return undefined
  const election = {
    namespace: unquoted(text('leader-elect-resource-namespace', config.resourceNamespace)),
    name: unquoted(text('leader-elect-resource-name', config.resourceName)),
    identity: `${machine}_${random.uuid()}`,
    leaseDurationMs: durationMs(text('leader-elect-lease-duration', config.leaseDuration)),
    renewDeadlineMs: durationMs(text('leader-elect-renew-deadline', config.renewDeadline)),
    retryPeriodMs: durationMs(text('leader-elect-retry-period', config.retryPeriod)),
  }
  if (election.leaseDurationMs <= election.renewDeadlineMs)
    throw new FlagError('--leader-elect-lease-duration must be greater than --leader-elect-renew-deadline')
  if (election.renewDeadlineMs <= election.retryPeriodMs * 1.2)
    throw new FlagError('--leader-elect-renew-deadline must be greater than 1.2 times --leader-elect-retry-period')
  return election
}

/** The reference prints some defaults in quotes. */
function unquoted(text: string): string {
  return text.replaceAll('"', '')
}

function checkElection(election: LeaderElection | undefined): void {
  if (election && !election.isHealthy()) throw new Error('failed election to renew leadership on lease')
}
