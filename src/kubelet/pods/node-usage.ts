import type { Amount } from '../../api/resource-usage/amount.js'
import { podUsage } from '../../api/resource-usage/pod.js'
import type { Pod } from '../../api/types/core-v1.js'

/** What the pods that a node runs take of it. Kept by adding and taking away, so that one more pod costs no look at the others. */
export class NodeUsage {
  readonly #pods = new Map<string, PodShare>()
  readonly #sums = new Map<string, number>()
  readonly #ports = new Map<string, number>()

  get podCount(): number {
    return this.#pods.size
  }

  /** In units of `unitsOf`. */
  used(resource: string): number {
    return this.#sums.get(resource) ?? 0
  }

  /** Whether a port of the host is taken by somebody else. */
  isTaken(port: string): boolean {
    const [address, rest] = splitPort(port)
    if ((this.#ports.get(port) ?? 0) > 0) return true
    if (address !== anyAddress) return (this.#ports.get(`${anyAddress}/${rest}`) ?? 0) > 0
    for (const [taken, count] of this.#ports) if (count > 0 && splitPort(taken)[1] === rest) return true
    return false
  }

  add(uid: string, share: PodShare): void {
    if (this.#pods.has(uid)) return
    this.#pods.set(uid, share)
    this.#change(share, 1)
  }

  delete(uid: string): void {
    const share = this.#pods.get(uid)
    if (!share || !this.#pods.delete(uid)) return
    this.#change(share, -1)
  }

  #change({ requests, ports }: PodShare, by: 1 | -1): void {
    for (const [name, amount] of requests) this.#sums.set(name, (this.#sums.get(name) ?? 0) + by * amount)
    for (const port of ports) this.#ports.set(port, (this.#ports.get(port) ?? 0) + by)
  }
}

export interface PodShare {
  readonly requests: readonly (readonly [resource: string, amount: number])[]
  /** "ADDRESS/PROTOCOL/PORT". */
  readonly ports: readonly string[]
}

/** CPU in thousandths, everything else whole: numbers that add up exactly. */
export function unitsOf(resource: string, { nanos }: Amount): number {
  const unit = resource === 'cpu' ? 1_000_000n : 1_000_000_000n
  return Number((nanos + unit - 1n) / unit)
}

const anyAddress = '0.0.0.0'
const nothing: PodShare = { requests: [], ports: [] }

export function shareOf(pod: Pod): PodShare {
  const { spec } = pod
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
  const asks = spec?.overhead || spec?.resources || containers.some(({ resources }) => resources?.requests)
  const requests = asks ? [...podUsage(pod, 'requests')].map(([name, amount]) => [name, unitsOf(name, amount)] as const) : []
  const ports = containers.flatMap((container) =>
    (container.ports ?? [])
      .filter(({ hostPort }) => hostPort !== undefined && hostPort > 0)
      .map(({ hostIP, protocol, hostPort }) => `${hostIP || anyAddress}/${protocol ?? 'TCP'}/${hostPort}`),
  )
  return requests.length === 0 && ports.length === 0 ? nothing : { requests, ports }
}

function splitPort(port: string): [string, string] {
  const slash = port.indexOf('/')
  return [port.slice(0, slash), port.slice(slash + 1)]
}
