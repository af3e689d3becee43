import type { Service } from '../../api/types/core-v1.js'
import type { IPAddress } from '../../api/types/networking-v1.js'
import { hasReason } from '../../api/status.js'
import type { Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import { resources } from '../../client/resources.js'
import type { ServerAccess } from '../access.js'
import { AddressUnavailable, type ClusterIpAllocator } from './cluster-ip.js'
import type { NodePortAllocator } from './node-port.js'
import { addressesOf, portsOf } from './service-allocator.js'

export interface RepairDeps {
  readonly access: ServerAccess
  readonly addresses: ClusterIpAllocator
  readonly ports: NodePortAllocator
  readonly clock: Clock
  readonly logger: Logger
}

/** Between two passes; long enough for a write that is under way to end. */
export const repairIntervalMs = 180_000
/** An address younger than this may belong to a Service that is being written. */
const graceMs = 60_000

/**
 * Brings allocations in line with the Services there are: what a crash between two writes leaked is freed, what is in use
 * and not marked is marked. A port is freed when two passes in a row find it unused.
 */
export function allocationRepair(deps: RepairDeps): { pass(): Promise<void> } {
  let suspects: ReadonlySet<number> = new Set()
  return {
    async pass() {
      const { items } = await deps.access.client.resource<Service>(resources.services).list()
      suspects = await repairPorts(deps, items, suspects)
      await repairAddresses(deps, items)
    },
  }
}

async function repairPorts(
  { ports, logger }: RepairDeps,
  services: readonly Service[],
  suspects: ReadonlySet<number>,
): Promise<Set<number>> {
  const used = new Set(services.flatMap((service) => portsOf(service.spec)))
  const next = new Set<number>()
  const { freed, added } = await ports.repair((taken) => {
    const keep = new Set(used)
    next.clear()
    for (const port of taken) {
      if (used.has(port) || suspects.has(port)) continue
      next.add(port)
      keep.add(port)
    }
    return keep
  })
  if (freed.length > 0) logger.warn('leaked node ports are freed', { ports: freed })
  if (added.length > 0) logger.warn('node ports in use were not marked', { ports: added })
  return next
}

async function repairAddresses({ access, addresses, clock, logger }: RepairDeps, services: readonly Service[]): Promise<void> {
  const client = access.client.resource<IPAddress>(resources.ipAddresses)
  const { items } = await client.list()
  const owners = new Map(services.flatMap((service) => addressesOf(service.spec).map((address) => [address, service] as const)))
  for (const { metadata, spec } of items) {
    const owner = owners.get(metadata.name ?? '')
    const fits = owner?.metadata.name === spec?.parentRef?.name && owner?.metadata.namespace === spec?.parentRef?.namespace
    const young = clock.now() - Date.parse(metadata.creationTimestamp ?? '') < graceMs
    if (spec?.parentRef?.resource !== 'services' || (owner && fits) || young) continue
    logger.warn('leaked cluster IP is freed', { address: metadata.name })
    await client.delete('', metadata.name ?? '', { preconditions: { uid: metadata.uid } }).catch((error: unknown) => {
      if (!hasReason(error, 'NotFound') && !hasReason(error, 'Conflict')) throw error
    })
  }
  const known = new Set(items.map(({ metadata }) => metadata.name))
  for (const [address, { metadata }] of owners) {
    if (known.has(address)) continue
    try {
      await addresses.take(address, { namespace: metadata.namespace ?? '', name: metadata.name ?? '' }, true)
      logger.warn('cluster IP in use was not marked', { address })
    } catch (error) {
      if (!(error instanceof AddressUnavailable)) throw error
      logger.warn('cluster IP in use cannot be marked', { address, error: messageOf(error) })
    }
  }
}
