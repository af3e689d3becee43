/** Keeps routes and CNI configuration of a node as its cluster's nodes ask. */
import type { Clock } from '../../base/clock.js'
import type { Logger } from '../../base/logger.js'
import type { Client } from '../../client/client.js'
import type { ConfDir } from '../cni/conf-dir.js'
import { conflist } from '../cni/conflist.js'
import type { NetworkHost } from '../host/host.js'
import type { NetworkNode } from '../network-node.js'
import { setNetworkAvailable } from '../node-condition.js'
import { applySettings } from '../settings.js'
import { applyRoutes, linkOf, reachOf } from './kernel.js'
import { planRoutes, podMtu, type RoutePlan, type RoutePlanOptions, vxlanMtu, vxlanName } from './plan.js'

export interface RouteOptions extends RoutePlanOptions {
  /** Of pods; 0: found out from the uplink. */
  readonly mtu: number
  readonly leases: string
}

export interface RouteKeeperOptions {
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  readonly host: NetworkHost
  readonly confDir: ConfDir
  readonly network: RouteOptions & { readonly nodeName: string }
}

export class RouteKeeper {
  readonly #options: RouteKeeperOptions
  #faults = ''
  #isSaid = false
  /** How many nodes there have been by this name: one that goes while it is told was not told. */
  #nodesGone = 0
  #areSettingsMade = false
  tunnels = 0

  constructor(options: RouteKeeperOptions) {
    this.#options = options
  }

  async sync(local: NetworkNode, nodes: Iterable<NetworkNode>): Promise<void> {
    const { host, network, client, clock, logger, confDir } = this.#options
    const [main] = local.addresses
    const uplink = main && (await linkOf(host, main.text))
    if (!main || !uplink) throw new Error(`no device has the address of this node, ${main?.text ?? 'which has no InternalIP'}`)
    if (!this.#areSettingsMade) {
      const families = [...new Set(local.podCidrs.map(({ family }) => family))]
      await applySettings(host, logger, families)
      this.#areSettingsMade = true
    }
    const others = [...nodes].filter(({ name }) => name !== local.name)
    const reach = await reachOf(
      host,
      others.flatMap(({ addresses }) => addresses.map(({ text }) => text)),
    )
    const plan = planRoutes(local, others, reach, network)
    const overlay = { vxlanName: vxlanName(network.vxlan.id), mtu: vxlanMtu(uplink.mtu, main.family) }
    if (await applyRoutes(host, plan, overlay))
      logger.info('Routes have been changed', { routes: plan.routes.length, tunnels: plan.tunnels.length })
    this.tunnels = plan.tunnels.length
    this.#tellFaults(plan)
    const mtu = network.mtu || podMtu(uplink.mtu, plan, network, main.family)
    const text = conflist({ bridge: network.bridge, podCidrs: local.podCidrs, mtu, leases: network.leases })
    if (await confDir.write(text))
      logger.info('The CNI configuration has been written', { mtu, ranges: local.podCidrs.map((cidr) => cidr.text).join(',') })
    if (this.#isSaid) return
    const gone = this.#nodesGone
    await setNetworkAvailable(client, clock, network.nodeName)
    this.#isSaid = gone === this.#nodesGone
  }

  /** The node has to be told (again) that its network is available. */
  unsaid(): void {
    this.#isSaid = false
    this.#nodesGone++
  }

  async remove(): Promise<void> {
    await removeRoutes(this.#options)
    this.tunnels = 0
    this.unsaid()
  }

  #tellFaults({ faults }: RoutePlan): void {
    const text = faults.join('; ')
    if (text === this.#faults) return
    this.#faults = text
    for (const fault of faults) this.#options.logger.warn('A node is out of reach', { fault })
  }
}

/** Configuration first: no pod is begun on a network that is going away. */
export async function removeRoutes({
  host,
  confDir,
  network,
}: Pick<RouteKeeperOptions, 'host' | 'confDir'> & { readonly network: RouteOptions }) {
  await confDir.remove()
  const nothing = { routes: [], neighbors: [], tunnels: [], faults: [] }
  await applyRoutes(host, nothing, { vxlanName: vxlanName(network.vxlan.id), mtu: 0 })
}
