/** etcd's Lease service. */
import * as rpc from '../etcd/rpc.js'
import { faults } from './faults.js'
import type { Call, CallHandlers } from './grpc-server.js'
import { headerOf, type Member } from './member.js'
import { keyOf } from './ranges.js'

/** etcd's bound on a lease's time to live, in seconds. */
const ttlMax = 9_000_000_000
/** etcd gives no lease less than this: its elections take about so long. */
const ttlMin = 2

export class LeaseService {
  readonly #member: Member

  constructor(member: Member) {
    this.#member = member
  }

  async grant(bytes: Buffer): Promise<Uint8Array> {
    const { ttl: wanted, id: asked } = rpc.leaseGrantRequest.decode(bytes)
    const { engine } = this.#member
    if (wanted > ttlMax) throw faults.leaseTtlTooLarge()
    if (asked !== '0' && engine.leases.has(asked)) throw faults.leaseExists()
    const ttl = Math.max(wanted, ttlMin)
    const id = asked === '0' ? await engine.grantLease(ttl) : await engine.grantLease(ttl, asked)
    return rpc.leaseGrantResponse.encode({ header: headerOf(this.#member), id, ttl })
  }

  async revoke(bytes: Buffer): Promise<Uint8Array> {
    const { id } = rpc.leaseRevokeRequest.decode(bytes)
    const { engine } = this.#member
    if (!engine.leases.has(id)) throw faults.leaseNotFound()
    await engine.revokeLease(id)
    return rpc.leaseRevokeResponse.encode({ header: headerOf(this.#member) })
  }

  keepAlive(call: Call): CallHandlers {
    return {
      message: (bytes) => {
        const { id } = rpc.leaseKeepAliveRequest.decode(bytes)
        // A lease that is gone is answered with no time left, not with an error.
        const ttl = this.#member.engine.leases.renew(id) ?? 0
        call.send(rpc.leaseKeepAliveResponse.encode({ header: headerOf(this.#member), id, ttl }))
      },
      finished: () => call.end(),
      closed() {},
    }
  }

  async timeToLive(bytes: Buffer): Promise<Uint8Array> {
    const { id, keys } = rpc.leaseTimeToLiveRequest.decode(bytes)
    const header = headerOf(this.#member)
    const lease = this.#member.engine.leases.describe(id)
    if (!lease) return rpc.leaseTimeToLiveResponse.encode({ header, id, ttl: -1 })
    return rpc.leaseTimeToLiveResponse.encode({
      header,
      id,
      ttl: lease.leftSeconds,
      grantedTtl: lease.ttlSeconds,
      keys: keys ? lease.keys.map(keyOf) : [],
    })
  }

  async leases(): Promise<Uint8Array> {
    const leases = this.#member.engine.leases.ids().map((id) => ({ id }))
    return rpc.leaseLeasesResponse.encode({ header: headerOf(this.#member), leases })
  }
}
