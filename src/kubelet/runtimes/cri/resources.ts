import { quantityMilliValue, quantityValue } from '../../../api/quantity.js'
import type { Container, Pod } from '../../../api/types/core-v1.js'
import { qosClassOf } from '../../pods/qos.js'
import type { Resources } from './api/types.js'
import type { AnyContainer } from './names.js'

/** What a container's requests and limits mean to the kernel: the numbers that upstream's kubelet gives a runtime. Pure. */
export interface NodeResources {
  readonly memoryBytes: number
  readonly cgroupVersion: 1 | 2
}

const sharesPerCpu = 1024
const sharesMin = 2
const sharesMax = 262_144
const periodUs = 100_000
/** The kernel takes no less. */
const quotaMinUs = 1000
const guaranteedScore = -997
const bestEffortScore = 1000

export function resourcesOf(pod: Pod, container: AnyContainer, node: NodeResources): Resources {
  const { requests = {}, limits = {} } = ('resources' in container ? container.resources : undefined) ?? {}
  const cpuLimit = quantityMilliValue(limits.cpu)
  // Only what is asked for counts; a limit alone asks for as much.
  const cpu = requests.cpu === undefined && limits.cpu !== undefined ? cpuLimit : quantityMilliValue(requests.cpu)
  const memoryLimit = quantityValue(limits.memory)
  const hugepages = Object.entries(limits).filter(([name]) => name.startsWith('hugepages-'))
  return {
    cpuShares: sharesOf(cpu),
    ...(cpuLimit > 0 ? { cpuPeriod: periodUs, cpuQuota: Math.max(Math.floor((cpuLimit * periodUs) / 1000), quotaMinUs) } : {}),
    ...(memoryLimit > 0 ? { memoryLimitInBytes: memoryLimit, memorySwapLimitInBytes: memoryLimit } : {}),
    oomScoreAdj: oomScoreOf(pod, container, node.memoryBytes),
    // Without a limit nothing of a page size may be had.
    hugepageLimits: hugepages.map(([name, value]) => ({ pageSize: pageSizeOf(name), limit: quantityValue(value) })),
    // As upstream: the pod's processes die together (cgroup v2).
    ...(node.cgroupVersion === 2 ? { unified: { 'memory.oom.group': '1' } } : {}),
  }
}

export function sharesOf(milliCpu: number): number {
  if (milliCpu === 0) return sharesMin
  return Math.min(Math.max(Math.floor((milliCpu * sharesPerCpu) / 1000), sharesMin), sharesMax)
}

/** Who is killed first when memory runs out (KEP-less; node-pressure eviction docs): those that use more than they asked for. */
export function oomScoreOf(pod: Pod, container: AnyContainer, memoryBytes: number): number {
  if (isNodeCritical(pod)) return guaranteedScore
  const qos = pod.status?.qosClass ?? qosClassOf(pod)
  if (qos === 'Guaranteed') return guaranteedScore
  if (qos === 'BestEffort') return bestEffortScore
  const asked = quantityValue(('resources' in container ? container.resources : undefined)?.requests?.memory)
  const score = memoryBytes > 0 ? bestEffortScore - Math.floor((1000 * asked) / memoryBytes) : bestEffortScore - 1
  return Math.min(Math.max(score, bestEffortScore + guaranteedScore), bestEffortScore - 1)
}

function isNodeCritical({ spec, metadata }: Pod): boolean {
  return spec?.priorityClassName === 'system-node-critical' && metadata.namespace === 'kube-system'
}

/** "hugepages-2Mi" → "2MB", as cgroups name it. */
function pageSizeOf(resource: string): string {
  return resource.slice('hugepages-'.length).replace(/^(\d+)([KMG])i$/, '$1$2B')
}

/** What a whole pod asks for and may use, for its sandbox (KEP-1972): the sum of its main containers. */
export function podResourcesOf(pod: Pod): Resources {
  const containers: readonly Container[] = pod.spec?.containers ?? []
  const sum = (value: (container: Container) => number) => containers.reduce((total, container) => total + value(container), 0)
  const cpuLimits = containers.map(({ resources }) => quantityMilliValue(resources?.limits?.cpu))
  const memoryLimits = containers.map(({ resources }) => quantityValue(resources?.limits?.memory))
  const total = (values: readonly number[]) => values.reduce((all, value) => all + value, 0)
  return {
    cpuShares: sharesOf(sum(({ resources }) => quantityMilliValue(resources?.requests?.cpu ?? resources?.limits?.cpu))),
    cpuPeriod: periodUs,
    ...(cpuLimits.every((value) => value > 0) ? { cpuQuota: Math.floor((total(cpuLimits) * periodUs) / 1000) } : {}),
    ...(memoryLimits.every((value) => value > 0) ? { memoryLimitInBytes: total(memoryLimits) } : {}),
  }
}
