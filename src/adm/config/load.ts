/** From a configuration file and flags to what a command works with. Flags and a file do not mix, but for a few (kubeadm's rule). */
import { isRecord } from '../../base/record.js'
import type { Fault } from '../../api/status.js'
import { defaultCluster, defaultInit, defaultJoin, defaultReset, type MachineFacts } from './defaults.js'
import { badConfig, type Documents, faultText, readDocuments } from './documents.js'
import type { ClusterConfiguration, InitConfiguration, JoinConfiguration, ResetConfiguration } from './types.js'
import { clusterFaults, initFaults, joinFaults } from './validation.js'

export interface LoadedInit {
  readonly init: InitConfiguration
  readonly cluster: ClusterConfiguration
  readonly kubelet?: Record<string, unknown>
  readonly kubeProxy?: Record<string, unknown>
  readonly warnings: readonly string[]
}

export interface ConfigSource {
  /** The text of --config. */
  readonly text?: string
  /** How it is called in messages. */
  readonly name: string
  /** What flags say, as documents that lie over those of the file. */
  readonly overrides?: {
    readonly init?: Record<string, unknown>
    readonly cluster?: Record<string, unknown>
    readonly join?: Record<string, unknown>
  }
}

/** Throws QuorateError BadConfig with every fault. */
export function loadInit(source: ConfigSource, facts: MachineFacts): LoadedInit {
  const documents = read(source)
  const { InitConfiguration: init, ClusterConfiguration: cluster } = documents.kubeadm
  const loaded = {
    init: defaultInit(over(init, source.overrides?.init), facts),
    cluster: defaultCluster(over(cluster, source.overrides?.cluster)),
  }
  refuse(source, [...named('InitConfiguration', initFaults(loaded.init)), ...named('ClusterConfiguration', clusterFaults(loaded.cluster))])
  const { kubelet, kubeProxy, warnings } = documents
  return { ...loaded, ...(kubelet ? { kubelet } : {}), ...(kubeProxy ? { kubeProxy } : {}), warnings }
}

export function loadJoin(source: ConfigSource, facts: MachineFacts): { join: JoinConfiguration; warnings: readonly string[] } {
  const documents = read(source)
  const join = defaultJoin(over(documents.kubeadm.JoinConfiguration, source.overrides?.join), facts)
  refuse(source, named('JoinConfiguration', joinFaults(join)))
  return { join, warnings: documents.warnings }
}

/** Every document of a file, completed and judged. */
export function validateAll(text: string, name: string, facts: MachineFacts): { warnings: readonly string[] } {
  const documents = readDocuments(text, name)
  const { kubeadm, warnings } = documents
  const faults = [
    ...(kubeadm.InitConfiguration ? named('InitConfiguration', initFaults(defaultInit(kubeadm.InitConfiguration, facts))) : []),
    ...(kubeadm.ClusterConfiguration ? named('ClusterConfiguration', clusterFaults(defaultCluster(kubeadm.ClusterConfiguration))) : []),
    ...(kubeadm.JoinConfiguration ? named('JoinConfiguration', joinFaults(defaultJoin(kubeadm.JoinConfiguration, facts))) : []),
  ]
  refuse({ name }, faults)
  return { warnings }
}

export function loadReset(source: ConfigSource): ResetConfiguration {
  return defaultReset(read(source).kubeadm.ResetConfiguration)
}

function read({ text, name }: ConfigSource): Documents {
  return text === undefined ? { kubeadm: {}, warnings: [] } : readDocuments(text, name)
}

function named(kind: string, faults: readonly Fault[]): string[] {
  return faults.map((fault) => `${kind}: ${faultText(fault)}`)
}

function refuse({ name }: ConfigSource, faults: readonly string[]): void {
  if (faults.length > 0) throw badConfig(name, faults)
}

/** Objects merge, everything else replaces. */
function over(base: Record<string, unknown> | undefined, top: Record<string, unknown> | undefined): Record<string, unknown> {
  const result: Record<string, unknown> = { ...base }
  for (const [name, value] of Object.entries(top ?? {})) {
    const below = result[name]
    result[name] = isRecord(below) && isRecord(value) ? over(below, value) : value
  }
  return result
}
