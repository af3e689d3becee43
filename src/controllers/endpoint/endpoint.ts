/**
 * Writes the Endpoints object of every Service with a selector: one address a ready pod, unready ones apart. The object is there
 * also when it is empty, and goes with its Service. What somebody made for a Service without a selector is left alone.
 */
import { keyOf, splitKey } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Endpoints, Pod, Service } from '../../api/types/core-v1.js'
import { assert, messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import { batched, changesEndpoints, hasClusterIp, headlessLabel, triggerTimeAnnotation } from '../common/service-pods.js'
import { sameJson } from '../../api/same-json.js'
import { isGoingNamespace, unlessGone } from '../common/refusals.js'
import { Latest } from '../common/latest.js'
import { Pace } from '../common/pace.js'
import { ServiceMembers } from '../common/service-members.js'
import { TriggerTimes } from '../common/trigger-times.js'
import type { Controller, Outcome, View } from '../controller.js'
import { addressesMax, countAddresses, subsetsOf, truncate } from './subsets.js'

const managedByLabel = 'endpoints.kubernetes.io/managed-by'
/** An address that is written costs as much as ten pods that are looked at: the largest object is written once a second at most. */
const costPerAddress = 10
const overCapacityAnnotation = 'endpoints.kubernetes.io/over-capacity'
/** Endpoints that are somebody's lock, from before Leases: they have no Service and are none of ours. */
export const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader'

export interface EndpointOptions {
  /** --endpoint-updates-batch-period */
  readonly batchPeriodMs?: number
}

export function endpointController({ batchPeriodMs = 0 }: EndpointOptions = {}): Controller {
  let memory: Memory | undefined
  return {
    name: 'endpoints-controller',
    eventSource: 'endpoint-controller',
    watches: [
      { resource: resources.services, toKeys: (object) => memory?.members.serviceKeys(object) ?? [] },
      {
        resource: resources.pods,
        toKeys: (object, view) => batched(memory?.members.podKeys(object as Pod) ?? [], batchPeriodMs, view),
        changed: changesEndpoints,
      },
      // Endpoints that are deleted are made again.
      { resource: resources.endpoints, toKeys: (object, _view, change) => (change === 'delete' ? [keyOf(object)] : []) },
    ],
    start(view) {
      memory = {
        members: new ServiceMembers(view),
        times: new TriggerTimes(),
        latest: new Latest(view.informer<Endpoints>(resources.endpoints)),
        pace: new Pace(view.clock),
      }
      // Their Service may have gone while nobody looked.
      for (const endpoints of view.lister<Endpoints>(resources.endpoints).list()) {
        if (!endpoints.metadata.annotations?.[leaderAnnotation]) view.enqueue(keyOf(endpoints))
      }
    },
    async reconcile(key, view) {
      assert(memory, 'reconcile before start')
      return reconcile(key, view, memory)
    },
  }
}

interface Memory {
  readonly members: ServiceMembers
  readonly times: TriggerTimes
  readonly latest: Latest<Endpoints>
  readonly pace: Pace
}

async function reconcile(key: string, view: View, { members, times, latest, pace }: Memory): Promise<Outcome | void> {
  const service = view.lister<Service>(resources.services).get(key)
  const present = latest.get(key)
  if (!service) {
    for (const memory of [members, times, latest, pace]) memory.forget(key)
    const { namespace, name } = splitKey(key)
    if (present) await unlessGone(view.client.resource(resources.endpoints).delete(namespace, name))
    return undefined
  }
  if (service.spec?.type === 'ExternalName' || !service.spec?.selector) return undefined
  const waitMs = pace.delayMs(key)
  if (waitMs > 0) return { requeueAfterMs: waitMs }
  const pods = members.of(service)
  const triggerTime = times.observe(key, service, pods)
  const wanted = desired(service, pods, present, triggerTime)
  if (!wanted) return undefined
  await write(view, wanted, present, latest)
  // The object is written whole: what it costs grows with its addresses.
  pace.ran(key, countAddresses(wanted.subsets ?? []) * costPerAddress)
  return undefined
}

/** The object as it should be; undefined when it is so already. The trigger time alone is no reason to write. */
export function desired(
  service: Service,
  pods: readonly Pod[],
  present: Endpoints | undefined,
  triggerTime: string | undefined,
): Endpoints | undefined {
  const all = subsetsOf(service, pods)
  const subsets = [...truncate(all)]
  const isOver = countAddresses(all) > addressesMax
  const labels = {
    ...service.metadata.labels,
    [managedByLabel]: 'endpoint-controller',
    ...(hasClusterIp(service) ? {} : { [headlessLabel]: '' }),
  }
  if (hasClusterIp(service)) delete (labels as Record<string, string>)[headlessLabel]
  const { [triggerTimeAnnotation]: _, [overCapacityAnnotation]: isMarked, ...annotations } = present?.metadata.annotations ?? {}
  if (
    present &&
    sameJson(present.subsets ?? [], subsets) &&
    sameJson(present.metadata.labels, labels) &&
    (isMarked === 'truncated') === isOver
  ) {
    return undefined
  }
  if (triggerTime) annotations[triggerTimeAnnotation] = triggerTime
  if (isOver) annotations[overCapacityAnnotation] = 'truncated'
  const { namespace, name } = service.metadata
  return {
    ...present,
    metadata: { ...present?.metadata, namespace, name, labels, annotations },
    subsets,
  }
}

async function write(view: View, wanted: Endpoints, present: Endpoints | undefined, latest: Latest<Endpoints>): Promise<void> {
  const endpoints = view.client.resource<Endpoints>(resources.endpoints)
  try {
    latest.wrote(await (present ? endpoints.update(wanted) : endpoints.create(wanted)))
  } catch (error) {
    if (!present && isGoingNamespace(error)) return
    if (!hasReason(error, 'Conflict') && !hasReason(error, 'AlreadyExists')) {
      const about = { ...wanted, apiVersion: 'v1', kind: 'Endpoints' }
      const [reason, verb] = present ? ['FailedToUpdateEndpoint', 'update'] : ['FailedToCreateEndpoint', 'create']
      view.events.event(about, 'Warning', reason, `Failed to ${verb} endpoint ${keyOf(wanted)}: ${messageOf(error)}`)
    }
    throw error
  }
}
