/**
 * Writes the EndpointSlices of every Service with a selector, one kind of slice an address family and set of ports. The slices go
 * with their Service (garbage collection).
 */
import { keyOf } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Node, Pod, Service } from '../../api/types/core-v1.js'
import type { EndpointSlice } from '../../api/types/discovery-v1.js'
import { assert, messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import { OwnWrites } from '../common/own-writes.js'
import { batched, changesEndpoints, type Family, isEndpoint } from '../common/service-pods.js'
import { Pace } from '../common/pace.js'
import { sameJson } from '../../api/same-json.js'
import { ServiceMembers } from '../common/service-members.js'
import { TriggerTimes } from '../common/trigger-times.js'
import type { Controller, Outcome, View } from '../controller.js'
import { endpointOf, familiesOf, portMapKey, portsOf } from './endpoints.js'
import { layOut, managedByLabel, type PortGroup, serviceNameLabel, type SliceChanges, sliceManager } from './slices.js'
import { TopologyRouting } from './topology-routing.js'
import { indexSlices, slicesOf, writeSlices } from './write-slices.js'

export interface EndpointSliceOptions {
  /** --max-endpoints-per-slice */
  readonly endpointsPerSliceMax?: number
  /** --endpointslice-updates-batch-period */
  readonly batchPeriodMs?: number
}

export function endpointSliceController({ endpointsPerSliceMax = 100, batchPeriodMs = 0 }: EndpointSliceOptions = {}): Controller {
  let memory: Memory | undefined
  return {
    name: 'endpointslice-controller',
    eventSource: 'endpoint-slice-controller',
    watches: [
      { resource: resources.services, toKeys: (object) => memory?.members.serviceKeys(object) ?? [] },
      {
        resource: resources.pods,
        toKeys: (object, view) => batched(memory?.members.podKeys(object as Pod) ?? [], batchPeriodMs, view),
        changed: changesEndpoints,
      },
      // A node's zone is read when its pods change; slices are not rewritten for it, unless their hints go by the zones' CPU.
      {
        resource: resources.nodes,
        toKeys: (object, _view, change) => [
          ...(change === 'add' ? (memory?.waiting.arrived(keyOf(object)) ?? []) : []),
          ...(memory?.routing.nodesChanged() ?? []),
        ],
        changed: (object, old) => !sameJson(capacity(object as Node), capacity(old as Node)),
      },
      {
        resource: resources.endpointSlices,
        toKeys(object, _view, change) {
          if (object.metadata.labels?.[managedByLabel] !== sliceManager) return []
          const key = `${object.metadata.namespace}/${object.metadata.labels[serviceNameLabel]}`
          return memory?.writes.seen(key, object, keyOf(object), change) ? [key] : []
        },
      },
    ],
    start(view) {
      indexSlices(view)
      memory = {
        members: new ServiceMembers(view),
        times: new TriggerTimes(),
        writes: new OwnWrites(),
        waiting: new WaitingForNodes(),
        routing: new TopologyRouting(view),
        pace: new Pace(view.clock),
      }
    },
    async reconcile(key, view): Promise<Outcome | void> {
      assert(memory, 'reconcile before start')
      const { members, times, writes, routing, pace } = memory
      const service = view.lister<Service>(resources.services).get(key)
      if (!service) {
        for (const each of [members, times, writes, routing, pace]) each.forget(key)
        return undefined
      }
      if (service.spec?.type === 'ExternalName' || !service.spec?.selector) return undefined
      if (!writes.isCurrent(key, view.informer<EndpointSlice>(resources.endpointSlices))) return undefined
      const waitMs = pace.delayMs(key)
      if (waitMs > 0) return { requeueAfterMs: waitMs }
      const pods = members.of(service)
      if (await sync(key, { service, pods, view, memory, max: endpointsPerSliceMax })) pace.ran(key, pods.length)
      return undefined
    },
  }
}

interface Memory {
  readonly members: ServiceMembers
  readonly times: TriggerTimes
  readonly writes: OwnWrites
  readonly waiting: WaitingForNodes
  readonly routing: TopologyRouting
  readonly pace: Pace
}

interface Sync {
  readonly service: Service
  readonly pods: readonly Pod[]
  readonly view: View
  readonly memory: Memory
  readonly max: number
}

/** True when it had anything to write. */
async function sync(key: string, { service, pods, view, memory, max }: Sync): Promise<boolean> {
  const { times, writes, waiting, routing } = memory
  const triggerTime = times.observe(key, service, pods)
  const slices = slicesOf(view, key, sliceManager).filter((slice) => !slice.metadata.deletionTimestamp)
  const { groupsOf, missingNodes } = group(service, pods, view)
  const families = familiesOf(service)
  const total: SliceChanges = {
    create: [],
    update: [],
    remove: slices.filter(({ addressType }) => !families.includes(addressType as Family)),
  }
  for (const family of families) {
    const present = slices.filter(({ addressType }) => addressType === family)
    const changes = layOut({ service, family, present, groups: groupsOf(family), max })
    const touched = new Set([...changes.update, ...changes.remove].map(({ metadata }) => metadata.name))
    const unchanged = present.filter(({ metadata }) => !touched.has(metadata.name))
    const hinted = routing.hinted(key, { service, family, changes, unchanged })
    total.create.push(...hinted.create)
    total.update.push(...hinted.update)
    total.remove.push(...hinted.remove)
  }
  // A Service that is going gets no new slices: the garbage collector could miss them.
  if (service.metadata.deletionTimestamp) total.create = []
  try {
    await writeSlices(key, total, { view, writes, triggerTime })
  } catch (error) {
    const message = `Error updating Endpoint Slices for Service ${key}: ${messageOf(error)}`
    const about = { ...service, apiVersion: 'v1', kind: 'Service' }
    // A conflict says only that the cache was behind.
    if (!hasReason(error, 'Conflict')) view.events.event(about, 'Warning', 'FailedToUpdateEndpointSlices', message)
    throw error
  }
  for (const node of missingNodes) waiting.wait(key, node)
  return total.create.length + total.update.length + total.remove.length > 0
}

/** What of a node counts for topology aware routing. */
const capacity = ({ metadata, status }: Node) => [
  metadata.labels,
  status?.allocatable?.cpu,
  status?.conditions?.find(({ type }) => type === 'Ready')?.status,
]

interface Grouped {
  groupsOf(family: Family): PortGroup[]
  /** Nodes that are not known (yet); their pods were left out. */
  readonly missingNodes: ReadonlySet<string>
}

/** The pods by the ports they have. A pod on an unknown node is left out, unless the Service wants to show everything. */
function group(service: Service, pods: readonly Pod[], view: View): Grouped {
  const nodes = view.lister<Node>(resources.nodes)
  const byPorts = new Map<string, { ports: PortGroup['ports']; pods: Pod[] }>()
  const missingNodes = new Set<string>()
  for (const pod of pods) {
    if (!isEndpoint(pod, true)) continue
    const node = pod.spec?.nodeName ?? ''
    if (!nodes.get(node) && !service.spec?.publishNotReadyAddresses) {
      missingNodes.add(node)
      continue
    }
    const ports = portsOf(service, pod)
    const key = portMapKey(ports)
    const found = byPorts.get(key)
    if (found) found.pods.push(pod)
    else byPorts.set(key, { ports, pods: [pod] })
  }
  return {
    missingNodes,
    groupsOf: (family) =>
      [...byPorts.values()].map(({ ports, pods: members }) => ({
        ports,
        endpoints: members
          .map((pod) => endpointOf(service, pod, nodes.get(pod.spec?.nodeName ?? ''), family))
          .filter(({ addresses }) => addresses.length > 0),
      })),
  }
}

/** Services that left out a pod because the cache did not show its node. */
class WaitingForNodes {
  readonly #byNode = new Map<string, Set<string>>()

  wait(key: string, node: string): void {
    const keys = this.#byNode.get(node)
    if (keys) keys.add(key)
    else this.#byNode.set(node, new Set([key]))
  }

  /** Takes the keys that waited for it. */
  arrived(node: string): readonly string[] {
    const keys = this.#byNode.get(node)
    this.#byNode.delete(node)
    return keys ? [...keys] : []
  }
}
