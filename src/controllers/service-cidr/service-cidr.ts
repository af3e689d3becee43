/**
 * Guards ServiceCIDRs (KEP-1880): each gets a finalizer and the Ready condition; one that is being deleted goes when no Service
 * address would be left in no network, and not before every API server has had time to stop using it.
 */
import { contains, parseCidr, parseIp } from '../../api/ip.js'
import { keyOf } from '../../api/object.js'
import type { Condition } from '../../api/types/meta-v1.js'
import type { IPAddress, ServiceCIDR } from '../../api/types/networking-v1.js'
import { timestamp } from '../../base/clock.js'
import { resources } from '../../client/resources.js'
import { finalizerStep, writeFinalizers } from '../common/finalizers.js'
import type { Controller, Outcome, View } from '../controller.js'

const finalizer = 'networking.k8s.io/service-cidr-finalizer'
const managedByLabel = 'ipaddress.kubernetes.io/managed-by'
const allocator = 'ipallocator.k8s.io'
/** API servers see the deletion within this time and give no more addresses from the network. */
const graceMs = 10_000

export function serviceCidrController(): Controller {
  return {
    name: 'service-cidr-controller',
    eventSource: 'service-cidr-controller',
    watches: [
      {
        resource: resources.serviceCidrs,
        // One more or less may set another free.
        toKeys: (object, view) => [keyOf(object), ...ending(view)],
      },
      { resource: resources.ipAddresses, toKeys: (_object, view, change) => (change === 'delete' ? ending(view) : []) },
    ],
    async reconcile(key, view): Promise<Outcome | void> {
      const cidr = view.lister<ServiceCIDR>(resources.serviceCidrs).get(key)
      if (!cidr) return undefined
      const { deletionTimestamp } = cidr.metadata
      if (deletionTimestamp) {
        const all = view.lister<ServiceCIDR>(resources.serviceCidrs).list()
        if (!isDispensable(cidr, all, view.lister<IPAddress>(resources.ipAddresses).list())) return setReady(cidr, terminating, view)
        const leftMs = Date.parse(deletionTimestamp) + graceMs - view.clock.now()
        if (leftMs > 0) return { requeueAfterMs: leftMs }
      }
      const finalizers = finalizerStep(cidr, finalizer, () => false)
      if (finalizers) await writeFinalizers(view.client, resources.serviceCidrs, cidr, finalizers)
      if (!deletionTimestamp) await setReady(cidr, ready, view)
      return undefined
    },
  }
}

const ready = { type: 'Ready', status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' } as const
const terminating = {
  type: 'Ready',
  status: 'False',
  reason: 'Terminating',
  message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
} as const

function ending(view: View): readonly string[] {
  const all = view.lister<ServiceCIDR>(resources.serviceCidrs).list()
  return all.filter(({ metadata }) => metadata.deletionTimestamp).map(keyOf)
}

/** True when other networks hold all of it, or every address in use in it. */
export function isDispensable(cidr: ServiceCIDR, all: readonly ServiceCIDR[], addresses: readonly IPAddress[]): boolean {
  const own = cidrsOf(cidr)
  const others = all.filter(({ metadata }) => metadata.name !== cidr.metadata.name).flatMap(cidrsOf)
  const isWithin = own.every((each) =>
    others.some((other) => other.family === each.family && other.first <= each.first && other.last >= each.last),
  )
  if (isWithin) return true
  return addresses.every(({ metadata }) => {
    const ip = metadata.labels?.[managedByLabel] === allocator ? parseIp(metadata.name ?? '') : undefined
    return !ip || !own.some((each) => contains(each, ip)) || others.some((other) => contains(other, ip))
  })
}

const cidrsOf = ({ spec }: ServiceCIDR) => (spec?.cidrs ?? []).map(parseCidr).filter((cidr) => cidr !== undefined)

async function setReady(cidr: ServiceCIDR, wanted: Omit<Condition, 'lastTransitionTime'>, view: View): Promise<void> {
  const present = cidr.status?.conditions?.find(({ type }) => type === wanted.type)
  if (present?.status === wanted.status && present.message === wanted.message) return
  const lastTransitionTime = timestamp(view.clock.now())
  const body = { metadata: { uid: cidr.metadata.uid }, status: { conditions: [{ ...wanted, lastTransitionTime }] } }
  await view.client
    .resource<ServiceCIDR>(resources.serviceCidrs)
    .patch('', cidr.metadata.name ?? '', { type: 'strategic', body }, { subresource: 'status' })
}
