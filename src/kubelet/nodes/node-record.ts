import type { Node } from '../../api/types/core-v1.js'
import { NodeUsage } from '../pods/node-usage.js'
import type { PodHost } from '../worker/pod-record.js'
import type { NodeDescription } from './node-object.js'

/** One node of this process. Mutable, owned by NodeKeeper. */
export class NodeRecord implements PodHost {
  readonly usage = new NodeUsage()
  readonly name: string
  readonly description: NodeDescription
  /** Registered by us, or only kept alive (somebody else made the Node). */
  readonly registers: boolean
  readonly tellsEvents: boolean
  readonly checksReferences: boolean
  readonly rebooted: boolean
  node: Node | undefined
  /** Once registered, a Node that is deleted is not made again. */
  registered = false
  leaseVersion: string | undefined
  nextRenewMs = 0
  nextStatusMs = 0
  /** Until when its pods wait for a podCIDR. */
  readonly networkDueMs: number
  readonly #now: () => number

  constructor(
    description: NodeDescription,
    options: {
      registers: boolean
      tellsEvents: boolean
      checksReferences: boolean
      rebooted: boolean
      networkDueMs: number
      now: () => number
    },
  ) {
    this.name = description.name
    this.description = description
    this.registers = options.registers
    this.tellsEvents = options.tellsEvents
    this.checksReferences = options.checksReferences
    this.rebooted = options.rebooted
    this.networkDueMs = options.networkDueMs
    this.#now = options.now
  }

  get hostIps(): readonly string[] {
    const own = this.node?.status?.addresses?.filter(({ type }) => type === 'InternalIP').map(({ address }) => address)
    return this.description.ips.length > 0 || !own?.length ? this.description.ips : own
  }

  get networkReady(): boolean {
    return this.node?.spec?.podCIDR !== undefined || this.#now() >= this.networkDueMs
  }
}
