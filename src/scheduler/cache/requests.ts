/**
 * What a pod takes of a node, as plain numbers: cpu in thousandths, everything else in whole units. Same rules as
 * api/resource-usage (KEP-753 sidecars, KEP-2837 resources of the pod, overhead) plus what a running pod was given while a
 * resize is under way (KEP-1287); numbers instead of exact amounts because a scheduling cycle adds and compares millions.
 */
import { quantityMilliValue, quantityValue } from '../../api/quantity.js'
import type { Container, ContainerStatus, Pod } from '../../api/types/core-v1.js'

/** Resource name → amount. */
export type Amounts = Map<string, number>

/** What a container without a request counts as when nodes are ranked (upstream's util/pod_resources: 100m and 200 MB). */
export const assumedMilliCpu = 100
export const assumedMemory = 200 * 1024 * 1024
const assumed: readonly (readonly [string, number])[] = [
  ['cpu', assumedMilliCpu],
  ['memory', assumedMemory],
]

export interface PodRequests {
  readonly milliCpu: number
  readonly memory: number
  readonly ephemeralStorage: number
  /** Extended resources, hugepages and attachable volumes; undefined when there are none. */
  readonly scalars: ReadonlyMap<string, number> | undefined
  /** With the assumed amounts in place of missing requests. */
  readonly nonZeroMilliCpu: number
  readonly nonZeroMemory: number
}

const texts = new Map<string, number>()
const textsMax = 4_096

/** The number of a quantity's text. Remembers texts: a cluster's pods repeat a few. */
export function amountOf(resource: string, text: string): number {
  const key = resource === 'cpu' ? `c${text}` : text
  const known = texts.get(key)
  if (known !== undefined) return known
  const value = resource === 'cpu' ? quantityMilliValue(text) : quantityValue(text)
  if (texts.size >= textsMax) texts.clear()
  texts.set(key, value)
  return value
}

export function podRequests(pod: Pod): PodRequests {
  const total = sum(pod, false)
  const nonZero = lacksRequests(pod) ? sum(pod, true) : total
  let scalars: Amounts | undefined
  for (const [name, amount] of total) {
    if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || amount === 0) continue
    scalars ??= new Map()
    scalars.set(name, amount)
  }
  return {
    milliCpu: total.get('cpu') ?? 0,
    memory: total.get('memory') ?? 0,
    ephemeralStorage: total.get('ephemeral-storage') ?? 0,
    scalars,
    nonZeroMilliCpu: nonZero.get('cpu') ?? 0,
    nonZeroMemory: nonZero.get('memory') ?? 0,
  }
}

function lacksRequests({ spec }: Pod): boolean {
  const lacks = ({ resources }: Container) => resources?.requests?.['cpu'] === undefined || resources.requests['memory'] === undefined
  return (spec?.containers ?? []).some(lacks) || (spec?.initContainers ?? []).some(lacks)
}

function sum(pod: Pod, fill: boolean): Amounts {
  const { spec, status } = pod
  const running: Amounts = new Map()
  for (const container of spec?.containers ?? []) add(running, containerRequests(pod, container, status?.containerStatuses, fill))
  if (spec?.initContainers?.length) withInitContainers(pod, running, fill)
  const whole = spec?.resources?.requests
  if (whole) for (const name in whole) running.set(name, amountOf(name, whole[name] as string))
  const overhead = spec?.overhead
  if (overhead) for (const name in overhead) running.set(name, (running.get(name) ?? 0) + amountOf(name, overhead[name] as string))
  return running
}

/** The larger of what runs and of the worst moment of starting; sidecars started before count towards that moment. */
function withInitContainers(pod: Pod, running: Amounts, fill: boolean): void {
  const sidecars: Amounts = new Map()
  const starting: Amounts = new Map()
  for (const container of pod.spec?.initContainers ?? []) {
    const own = containerRequests(pod, container, pod.status?.initContainerStatuses, fill)
    if (container.restartPolicy === 'Always') {
      add(running, own)
      add(sidecars, own)
      raise(starting, sidecars)
    } else {
      const moment = new Map(sidecars)
      add(moment, own)
      raise(starting, moment)
    }
  }
  raise(running, starting)
}

function containerRequests(pod: Pod, container: Container, statuses: readonly ContainerStatus[] | undefined, fill: boolean): Amounts {
  const amounts: Amounts = new Map()
  const requests = container.resources?.requests
  if (requests) for (const name in requests) amounts.set(name, amountOf(name, requests[name] as string))
  if (statuses && pod.spec?.nodeName) {
    const status = statuses.find(({ name }) => name === container.name)
    const given = status?.resources?.requests
    const allocated = status?.allocatedResources
    // A resize that the node cannot do leaves the pod with what it has.
    if ((given || allocated) && isInfeasible(pod)) amounts.clear()
    if (given) raiseText(amounts, given)
    if (allocated) raiseText(amounts, allocated)
  }
  if (fill) for (const [name, amount] of assumed) if (!amounts.has(name)) amounts.set(name, amount)
  return amounts
}

function isInfeasible({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible') ?? false
}

function add(into: Amounts, from: ReadonlyMap<string, number>): void {
  for (const [name, amount] of from) into.set(name, (into.get(name) ?? 0) + amount)
}

function raise(into: Amounts, to: ReadonlyMap<string, number>): void {
  for (const [name, amount] of to) if (amount > (into.get(name) ?? 0)) into.set(name, amount)
}

function raiseText(into: Amounts, to: Readonly<Record<string, string>>): void {
  for (const name in to) {
    const amount = amountOf(name, to[name] as string)
    if (amount > (into.get(name) ?? 0)) into.set(name, amount)
  }
}
