/** Upstream's KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1) with its defaults. */
import { QuorateError } from '../../base/errors.js'

export interface PluginSet {
  readonly enabled?: readonly { readonly name: string; readonly weight?: number }[]
  readonly disabled?: readonly { readonly name: string }[]
}

export type ExtensionPoint =
  | 'preEnqueue'
  | 'queueSort'
  | 'preFilter'
  | 'filter'
  | 'postFilter'
  | 'preScore'
  | 'score'
  | 'reserve'
  | 'permit'
  | 'preBind'
  | 'bind'
  | 'postBind'
  | 'multiPoint'

export interface ProfileConfig {
  readonly schedulerName?: string
  readonly percentageOfNodesToScore?: number
  readonly plugins?: Readonly<Partial<Record<ExtensionPoint, PluginSet>>>
  readonly pluginConfig?: readonly { readonly name: string; readonly args?: Readonly<Record<string, unknown>> }[]
}

export interface LeaderElectionConfig {
  readonly leaderElect: boolean
  readonly leaseDuration: string
  readonly renewDeadline: string
  readonly retryPeriod: string
  readonly resourceLock: string
  readonly resourceName: string
  readonly resourceNamespace: string
}

export interface SchedulerConfig {
  readonly percentageOfNodesToScore: number
  readonly podInitialBackoffSeconds: number
  readonly podMaxBackoffSeconds: number
  readonly unschedulableMsMax: number
  readonly profiles: readonly ProfileConfig[]
  readonly kubeconfig: string
  readonly leaderElection: Readonly<Partial<LeaderElectionConfig>>
}

export const defaultSchedulerName = 'default-scheduler'

export const defaultConfig: SchedulerConfig = {
  percentageOfNodesToScore: 0,
  podInitialBackoffSeconds: 1,
  podMaxBackoffSeconds: 10,
  unschedulableMsMax: 5 * 60_000,
  profiles: [{ schedulerName: defaultSchedulerName }],
  kubeconfig: '',
  leaderElection: {},
}

export class ConfigError extends QuorateError {
  constructor(message: string) {
    super('BadSchedulerConfiguration', message, { remedy: 'Correct the file given by --config.' })
  }
}

const apiVersion = 'kubescheduler.config.k8s.io/v1'

/** Of a parsed file. Throws ConfigError. */
export function schedulerConfigOf(document: unknown): SchedulerConfig {
  if (!isRecord(document)) throw new ConfigError('the configuration is not an object')
  if (document['apiVersion'] !== apiVersion || document['kind'] !== 'KubeSchedulerConfiguration')
    throw new ConfigError(
      `no kind "${String(document['kind'])}" is registered for version "${String(document['apiVersion'])}" (want KubeSchedulerConfiguration of ${apiVersion})`,
    )
  if (Array.isArray(document['extenders']) && document['extenders'].length > 0)
    throw new ConfigError('extenders: not implemented by Quorate')
  const given = document as Partial<Omit<SchedulerConfig, 'kubeconfig'>> & { readonly clientConnection?: { readonly kubeconfig?: string } }
  const profiles = given.profiles?.length ? given.profiles : defaultConfig.profiles
  const config: SchedulerConfig = {
    percentageOfNodesToScore: given.percentageOfNodesToScore ?? defaultConfig.percentageOfNodesToScore,
    podInitialBackoffSeconds: given.podInitialBackoffSeconds ?? defaultConfig.podInitialBackoffSeconds,
    podMaxBackoffSeconds: given.podMaxBackoffSeconds ?? defaultConfig.podMaxBackoffSeconds,
    unschedulableMsMax: defaultConfig.unschedulableMsMax,
    profiles: profiles.map((profile) => ({ schedulerName: defaultSchedulerName, ...profile })),
    kubeconfig: given.clientConnection?.kubeconfig ?? '',
    leaderElection: given.leaderElection ?? {},
  }
  validate(config)
  return config
}

function validate(config: SchedulerConfig): void {
  const names = config.profiles.map(({ schedulerName }) => schedulerName)
  const repeated = names.find((name, i) => names.indexOf(name) !== i)
  if (repeated !== undefined) throw new ConfigError(`profiles: Duplicate value: "${repeated}"`)
  for (const share of [
    config.percentageOfNodesToScore,
    ...config.profiles.map(({ percentageOfNodesToScore = 0 }) => percentageOfNodesToScore),
  ])
    if (!(share >= 0 && share <= 100)) throw new ConfigError('percentageOfNodesToScore: Invalid value: not in valid range [0-100]')
  if (!(config.podInitialBackoffSeconds > 0)) throw new ConfigError('podInitialBackoffSeconds: Invalid value: must be greater than 0')
  if (!(config.podMaxBackoffSeconds >= config.podInitialBackoffSeconds))
    throw new ConfigError('podMaxBackoffSeconds: Invalid value: must be greater than or equal to PodInitialBackoffSeconds')
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
