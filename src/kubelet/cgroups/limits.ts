import { unitsOf } from '../pods/node-usage.js'
import { podUsage } from '../../api/resource-usage/pod.js'
import type { Container, Pod } from '../../api/types/core-v1.js'
import { qosClassOf } from '../pods/qos.js'

/** What the kernel is told of a pod's requests and limits (pkg/kubelet/cm, ResourceConfigForPod). Pure. */
export interface Limits {
  readonly cpuShares?: number
  /** -1: none. */
  readonly cpuQuotaUs?: number
  readonly cpuPeriodUs?: number
  /** -1: none. */
  readonly memoryBytes?: number
  /** -1: none. */
  readonly processes?: number
}

const sharesMin = 2
const sharesMax = 262_144
const quotaUsMin = 1_000

export function cpuShares(milli: number): number {
  return milli <= 0 ? sharesMin : Math.min(sharesMax, Math.max(sharesMin, Math.floor((milli * 1_024) / 1_000)))
}

export function cpuQuotaUs(milli: number, periodUs: number): number {
  return milli <= 0 ? -1 : Math.max(quotaUsMin, Math.floor((milli * periodUs) / 1_000))
}

/** Shares of version 1 as a weight of version 2: 1,024 is 100, both ends meet (opencontainers/cgroups). */
export function cpuWeight(shares: number): number {
  if (shares <= sharesMin) return 1
  if (shares >= sharesMax) return 10_000
  const log = Math.log2(shares)
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34))
}

export interface LimitOptions {
  /** cpuCFSQuota */
  readonly enforcesQuota: boolean
  readonly cpuPeriodUs: number
  /** podPidsLimit; below 1: none. */
  readonly processesMax: number
}

export function podLimits(pod: Pod, { enforcesQuota, cpuPeriodUs, processesMax }: LimitOptions): Limits {
  const requests = podUsage(pod, 'requests')
  const limits = podUsage(pod, 'limits')
  const of = (from: typeof requests, name: string) => {
    const amount = from.get(name)
    return amount ? unitsOf(name, amount) : 0
  }
  const processes = processesMax > 0 ? { processes: processesMax } : {}
  if (qosClassOf(pod) === 'BestEffort') return { cpuShares: sharesMin, ...processes }
  const quota = enforcesQuota && allLimit(pod, 'cpu') ? { cpuQuotaUs: cpuQuotaUs(of(limits, 'cpu'), cpuPeriodUs), cpuPeriodUs } : {}
  const memory = allLimit(pod, 'memory') ? { memoryBytes: of(limits, 'memory') } : {}
  return { cpuShares: cpuShares(of(requests, 'cpu')), ...quota, ...memory, ...processes }
}

/** A pod's group can be limited when none of its containers is without a limit, or when the pod itself has one (KEP-2837). */
function allLimit({ spec }: Pod, name: string): boolean {
  if (spec?.resources?.limits?.[name] !== undefined) return true
  const running: readonly Container[] = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
  return running.every(({ resources }) => Number.parseFloat(resources?.limits?.[name] ?? '0') > 0)
}

/** CPU shares of the group of all Burstable pods: what they ask for together. */
export function burstableShares(pods: Iterable<Pod>): number {
  let milli = 0
  for (const pod of pods) {
    if (qosClassOf(pod) !== 'Burstable') continue
    const cpu = podUsage(pod, 'requests').get('cpu')
    if (cpu) milli += unitsOf('cpu', cpu)
  }
  return cpuShares(milli)
}
