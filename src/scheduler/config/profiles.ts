/** Profiles as configured: upstream's default plugins, less those disabled, plus those enabled, point by point. */
import { resources } from '../../client/resources.js'
import type { Plugin } from '../framework/plugin.js'
import { Profile } from '../framework/profile.js'
import { type InterPodAffinityArgs, interPodAffinity } from '../plugins/inter-pod-affinity/inter-pod-affinity.js'
import { imageLocality } from '../plugins/image-locality/image-locality.js'
import { type NodeAffinityArgs, nodeAffinity } from '../plugins/node-affinity/node-affinity.js'
import { nodeName } from '../plugins/node-name/node-name.js'
import { nodePorts } from '../plugins/node-ports/node-ports.js'
import { type BalancedAllocationArgs, balancedAllocation } from '../plugins/node-resources/balanced-allocation.js'
import { type NodeResourcesFitArgs, nodeResourcesFit } from '../plugins/node-resources/fit.js'
import { nodeUnschedulable } from '../plugins/node-unschedulable/node-unschedulable.js'
import { nodeVolumeLimits } from '../plugins/node-volume-limits/node-volume-limits.js'
import type { OwnerListers, PodTopologySpreadArgs } from '../plugins/pod-topology-spread/constraints.js'
import { podTopologySpread } from '../plugins/pod-topology-spread/pod-topology-spread.js'
import type { StorageListers } from '../plugins/volume-binding/claims.js'
import { type VolumeBindingArgs, volumeBinding } from '../plugins/volume-binding/volume-binding.js'
import { volumeRestrictions } from '../plugins/volume-restrictions/volume-restrictions.js'
import { volumeZone } from '../plugins/volume-zone/volume-zone.js'
import type { PluginDeps } from './plugin-deps.js'
import { schedulingGates } from '../plugins/scheduling-gates/scheduling-gates.js'
import { taintToleration } from '../plugins/taint-toleration/taint-toleration.js'
import { ConfigError, defaultSchedulerName, type ExtensionPoint, type ProfileConfig, type SchedulerConfig } from './config.js'

type Args = Readonly<Record<string, unknown>>
type Make = (args: Args, deps: PluginDeps) => Plugin

/** A plugin that is a rule of the shell (order of the queue, binding, preemption): it has a name, and can be disabled. */
const named =
  (name: string): Make =>
  () => ({ name })

/** In upstream's order, with upstream's weights. */
const defaults: readonly { readonly name: string; readonly weight: number; readonly make: Make }[] = [
  { name: 'SchedulingGates', weight: 0, make: schedulingGates },
  { name: 'PrioritySort', weight: 0, make: named('PrioritySort') },
  { name: 'NodeUnschedulable', weight: 0, make: nodeUnschedulable },
  { name: 'NodeName', weight: 0, make: nodeName },
  { name: 'TaintToleration', weight: 3, make: taintToleration },
  { name: 'NodeAffinity', weight: 2, make: (args) => nodeAffinity(args as NodeAffinityArgs) },
  { name: 'NodePorts', weight: 0, make: nodePorts },
  { name: 'NodeResourcesFit', weight: 1, make: (args) => nodeResourcesFit(args as NodeResourcesFitArgs) },
  { name: 'VolumeRestrictions', weight: 0, make: (_, deps) => volumeRestrictions(storageListers(deps)) },
  { name: 'NodeVolumeLimits', weight: 0, make: (_, deps) => nodeVolumeLimits(storageListers(deps)) },
  {
    name: 'VolumeBinding',
    weight: 0,
    make: (args, deps) => volumeBinding(args as VolumeBindingArgs, storageListers(deps), deps),
  },
  { name: 'VolumeZone', weight: 0, make: (_, deps) => volumeZone(storageListers(deps)) },
  { name: 'PodTopologySpread', weight: 2, make: (args, deps) => podTopologySpread(args as PodTopologySpreadArgs, ownerListers(deps)) },
  {
    name: 'InterPodAffinity',
    weight: 2,
    make: (args, { namespaceLabels }) => interPodAffinity(args as InterPodAffinityArgs, namespaceLabels),
  },
  { name: 'DefaultPreemption', weight: 0, make: named('DefaultPreemption') },
  { name: 'NodeResourcesBalancedAllocation', weight: 1, make: (args) => balancedAllocation(args as BalancedAllocationArgs) },
  { name: 'ImageLocality', weight: 1, make: imageLocality },
  { name: 'DefaultBinder', weight: 0, make: named('DefaultBinder') },
]

/** Known to upstream; what they decide (devices by claim, features that nodes declare) is nothing that Quorate's nodes have. */
const unused = new Set(['DynamicResources', 'NodeDeclaredFeatures'])

export function profilesOf(config: SchedulerConfig, deps: PluginDeps): ReadonlyMap<string, Profile> {
  return new Map(
    config.profiles.map((profile) => [
      profile.schedulerName ?? defaultSchedulerName,
      profileOf(profile, config.percentageOfNodesToScore, deps),
    ]),
  )
}

function profileOf(config: ProfileConfig, percentage: number, deps: PluginDeps): Profile {
  checkNames(config)
  const args = new Map(config.pluginConfig?.map((each) => [each.name, each.args ?? {}]))
  const plugins = new Map(defaults.map(({ name, make }) => [name, make(args.get(name) ?? {}, deps)]))
  const at = (...points: ExtensionPoint[]) =>
    enabledAt(config, points).flatMap(({ name, weight }) => {
      const plugin = plugins.get(name)
      return plugin ? [{ plugin, weight }] : []
    })
  const only = (...points: ExtensionPoint[]) => at(...points).map(({ plugin }) => plugin)
  const preemption = only('postFilter').some(({ name }) => name === 'DefaultPreemption')
  const preemptionArgs = args.get('DefaultPreemption') ?? {}
  return new Profile({
    schedulerName: config.schedulerName ?? defaultSchedulerName,
    preEnqueue: only('preEnqueue').filter(({ preEnqueue }) => preEnqueue),
    filter: only('filter', 'preFilter').filter(({ preFilter }) => preFilter),
    score: at('score', 'preScore')
      .filter(({ plugin }) => plugin.score)
      .map(({ plugin, weight }) => ({ plugin, weight: weight || 1 })),
    reserve: only('reserve').filter(({ reserve, unreserve }) => reserve || unreserve),
    preBind: only('preBind').filter(({ preBind }) => preBind),
    preemption: preemption
      ? {
          minCandidateNodesPercentage: numberOr(preemptionArgs['minCandidateNodesPercentage'], 10),
          minCandidateNodesAbsolute: numberOr(preemptionArgs['minCandidateNodesAbsolute'], 100),
        }
      : undefined,
    percentageOfNodesToScore: config.percentageOfNodesToScore ?? percentage,
  })
}

interface Enabled {
  readonly name: string
  readonly weight: number
}

/** What a point itself says goes before what holds for all points (KEP-2891). */
function enabledAt({ plugins }: ProfileConfig, points: readonly ExtensionPoint[]): Enabled[] {
  const everywhere = merged(defaults, plugins?.multiPoint)
  return points.reduce((list, point) => merged(list, plugins?.[point]), everywhere)
}

function merged(
  list: readonly Enabled[],
  set: { enabled?: readonly { name: string; weight?: number }[]; disabled?: readonly { name: string }[] } = {},
) {
  const disabled = new Set(set.disabled?.map(({ name }) => name))
  const kept = disabled.has('*') ? [] : list.filter(({ name }) => !disabled.has(name))
  const result = kept.map(({ name, weight }) => ({ name, weight }))
  for (const { name, weight } of set.enabled ?? []) {
    const same = result.findIndex((each) => each.name === name)
    const usual = list.find((each) => each.name === name)?.weight ?? defaults.find((each) => each.name === name)?.weight ?? 0
    const entry = { name, weight: weight || usual }
    if (same >= 0) result[same] = entry
    else result.push(entry)
  }
  return result
}

function storageListers({ informer }: PluginDeps): StorageListers {
  return {
    volumes: informer(resources.persistentVolumes),
    claims: informer(resources.persistentVolumeClaims),
    classes: informer<never>(resources.storageClasses).lister,
    csiNodes: informer<never>(resources.csiNodes).lister,
    csiDrivers: informer<never>(resources.csiDrivers).lister,
    capacities: informer<never>(resources.csiStorageCapacities).lister,
  }
}

function ownerListers({ informer }: PluginDeps): OwnerListers {
  return {
    services: informer<never>(resources.services).lister,
    replicationControllers: informer<never>(resources.replicationControllers).lister,
    replicaSets: informer<never>(resources.replicaSets).lister,
    statefulSets: informer<never>(resources.statefulSets).lister,
  }
}

function checkNames({ plugins, pluginConfig }: ProfileConfig): void {
  const known = (name: string) => unused.has(name) || defaults.some((each) => each.name === name)
  for (const [point, set] of Object.entries(plugins ?? {}))
    for (const { name } of [...(set.enabled ?? []), ...(set.disabled ?? [])])
      if (name !== '*' && !known(name)) throw new ConfigError(`plugins.${point}: the plugin "${name}" does not exist`)
  for (const { name } of pluginConfig ?? []) if (!known(name)) throw new ConfigError(`pluginConfig: the plugin "${name}" does not exist`)
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}
