import { hasReason } from '../../api/status.js'
import type { Service } from '../../api/types/core-v1.js'
import type { IPAddress, ServiceCIDR } from '../../api/types/networking-v1.js'
import { type Clock, timestamp } from '../../base/clock.js'
import { resources } from '../../client/resources.js'
import { formatIp, parseCidr } from '../../api/ip.js'
import type { ServerAccess } from '../access.js'

export interface KubernetesServiceOptions {
  /** --service-cluster-ip-range, the default family first. */
  readonly cidrs: readonly string[]
  /** The port that this server listens on. */
  readonly port: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

const retryMs = 200
const triesMax = 50
/** An address this old whose Service is not there belongs to a server that died between the two writes. */
const leakedAfterMs = 10_000

/** default/kubernetes, at the first address of the range, by which pods find the API servers. */
export async function ensureKubernetesService(access: ServerAccess, options: KubernetesServiceOptions): Promise<void> {
  const { clock, signal, port } = options
  const [cidr] = options.cidrs.flatMap((text) => parseCidr(text) ?? [])
  if (!cidr) return
  const address = formatIp({ family: cidr.family, value: cidr.first + 1n })
  const services = access.client.resource<Service>(resources.services)
  for (let tries = 0; ; tries++) {
    try {
      await services.get('default', 'kubernetes')
      return
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error
    }
    try {
      await services.create(kubernetesService(address, cidr.family, port))
      return
    } catch (error) {
      if (hasReason(error, 'AlreadyExists')) return
      // Another server may have taken the address a moment ago, for the same Service.
      if (!hasReason(error, 'Invalid') || tries >= triesMax) throw error
      await freeLeakedAddress(access, address, clock)
      await clock.sleep(retryMs, signal)
    }
  }
}

function kubernetesService(address: string, family: string, port: number): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      type: 'ClusterIP',
      clusterIP: address,
      clusterIPs: [address],
      ipFamilies: [family as 'IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }],
    },
  }
}

async function freeLeakedAddress(access: ServerAccess, address: string, clock: Clock): Promise<void> {
  const client = access.client.resource<IPAddress>(resources.ipAddresses)
  try {
    const found = await client.get('', address)
    const created = Date.parse(found.metadata.creationTimestamp ?? '')
    if (clock.now() - created > leakedAfterMs) await client.delete('', address, { preconditions: { uid: found.metadata.uid } })
  } catch (error) {
    if (!hasReason(error, 'NotFound') && !hasReason(error, 'Conflict')) throw error
  }
}

/** ServiceCIDR "kubernetes": the flag's ranges as an object (KEP-1880). Ready at once, as the server itself serves it. */
export async function ensureServiceCidr(
  access: ServerAccess,
  { cidrs, clock }: Pick<KubernetesServiceOptions, 'cidrs' | 'clock'>,
): Promise<void> {
  const client = access.client.resource<ServiceCIDR>(resources.serviceCidrs)
  const existing = await client.get('', 'kubernetes').catch((error: unknown) => {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  })
  try {
    const stored =
      existing ??
      (await client.create({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'ServiceCIDR',
        metadata: { name: 'kubernetes' },
        spec: { cidrs: [...cidrs] },
      }))
    if (stored.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) return
    await client.updateStatus({
      ...stored,
      status: {
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            reason: '',
            message: 'Kubernetes default Service CIDR is ready',
            lastTransitionTime: timestamp(clock.now()),
          },
        ],
      },
    })
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists') && !hasReason(error, 'Conflict')) throw error
  }
}
