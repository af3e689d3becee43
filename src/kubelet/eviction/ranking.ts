import { quantityValue } from '../../api/quantity.js'
import { podUsage } from '../../api/resource-usage/pod.js'
import type { Container, Pod } from '../../api/types/core-v1.js'
import { unitsOf } from '../pods/node-usage.js'
import type { Signal } from './signals.js'
import { resourceOf } from './signals.js'

/** Whom to evict first (pkg/kubelet/eviction): who uses more than was asked for, then the lesser priority, then who uses most over it. Pure. */
export interface PodUse {
  readonly memoryBytes: number
  /** What its containers wrote, its logs and its volumes on the node's disk. */
  readonly diskBytes: number
  readonly inodes: number
  readonly processes: number
  readonly containers: readonly ContainerUse[]
  /** emptyDir volumes on disk. */
  readonly volumes: readonly { readonly name: string; readonly bytes: number }[]
}

export interface ContainerUse {
  readonly name: string
  readonly memoryBytes: number
  /** Written by it, and its logs. */
  readonly diskBytes: number
}

export interface Candidate {
  readonly pod: Pod
  /** Undefined: nothing is known of it, so it goes first. */
  readonly use: PodUse | undefined
}

const systemCritical = 2_000_000_000

/** Static pods and those of the system's priorities are not evicted. */
export function isCritical(pod: Pod): boolean {
  const source = pod.metadata.annotations?.['kubernetes.io/config.source']
  const isStatic = source !== undefined && source !== 'api'
  return isStatic || pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined || (pod.spec?.priority ?? 0) >= systemCritical
}

export function ranked(candidates: readonly Candidate[], signal: Signal): Candidate[] {
  const resource = resourceOf(signal)
  const of = ({ pod, use }: Candidate) => {
    const asked = resource === 'memory' || resource === 'ephemeral-storage' ? requested(pod, resource) : 0
    const used = use ? usedOf(use, resource) : 0
    return { known: use !== undefined, exceeds: used > asked, over: used - asked }
  }
  // Processes and inodes are not asked for: only priority and use count.
  const compareExceeds = resource === 'memory' || resource === 'ephemeral-storage'
  return candidates
    .map((candidate) => ({ candidate, ...of(candidate) }))
    .sort((a, b) => {
      if (a.known !== b.known) return a.known ? 1 : -1
      if (compareExceeds && a.exceeds !== b.exceeds) return a.exceeds ? -1 : 1
      const priority = (a.candidate.pod.spec?.priority ?? 0) - (b.candidate.pod.spec?.priority ?? 0)
      return priority !== 0 ? priority : b.over - a.over
    })
    .map(({ candidate }) => candidate)
}

export function usedOf(use: PodUse, resource: ReturnType<typeof resourceOf>): number {
  if (resource === 'memory') return use.memoryBytes
  if (resource === 'pids') return use.processes
  return resource === 'inodes' ? use.inodes : use.diskBytes
}

function requested(pod: Pod, resource: string): number {
  const amount = podUsage(pod, 'requests').get(resource)
  return amount ? unitsOf(resource, amount) : 0
}

/** What a message says of the containers that use more than they asked for. */
export function offenders({ spec }: Pod, use: PodUse, signal: Signal): { container: Container; used: number; request: string }[] {
  const resource = resourceOf(signal)
  if (resource !== 'memory' && resource !== 'ephemeral-storage') return []
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
  return all.flatMap((container) => {
    const found = use.containers.find(({ name }) => name === container.name)
    const request = container.resources?.requests?.[resource] ?? '0'
    const used = resource === 'memory' ? (found?.memoryBytes ?? 0) : (found?.diskBytes ?? 0)
    return found && used > quantityValue(request) ? [{ container, used, request }] : []
  })
}
