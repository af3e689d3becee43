import type { Lease } from '../../api/types/coordination-v1.js'
import { hasReason } from '../../api/status.js'
import { type Cancel, type Clock, microTimestamp } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import { resources } from '../../client/resources.js'
import type { ServerAccess } from '../access.js'
import type { PostStartHook } from './post-start-hook.js'

const renewMs = 10_000
const durationSeconds = 3600

export interface IdentityLeaseOptions {
  readonly access: ServerAccess
  readonly clock: Clock
  readonly logger: Logger
  /** This server's name in the cluster, the same after a restart ("apiserver-cp-1"). */
  readonly identity: string
  readonly hostname: string
}

/** A Lease in kube-system for each API server (KEP-1965), by which people and tools see who is there. */
export function identityLeaseHook({ access, clock, logger, identity, hostname }: IdentityLeaseOptions): PostStartHook {
  const client = access.client.resource<Lease>(resources.leases)
  let cancel: Cancel = () => {}
  let stopped = false

  const renew = async () => {
    const now = microTimestamp(clock.now())
    const spec = { holderIdentity: identity, leaseDurationSeconds: durationSeconds, renewTime: now }
    try {
      const existing = await client.get('kube-system', identity)
      await client.update({ ...existing, spec: { ...existing.spec, ...spec } })
    } catch (error) {
      if (hasReason(error, 'Conflict')) return
      if (!hasReason(error, 'NotFound')) throw error
      const labels = { 'apiserver.kubernetes.io/identity': 'kube-apiserver', 'kubernetes.io/hostname': hostname }
      await client.create({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: identity, namespace: 'kube-system', labels },
        spec: { ...spec, acquireTime: now },
      })
    }
  }
  const tick = async () => {
    try {
      await renew()
    } catch (error) {
      logger.warn('API server identity lease cannot be renewed', { error: messageOf(error) })
    }
    if (!stopped)
      cancel = clock.timer(renewMs, () => {
        void tick()
      })
  }
  return {
    name: 'start-kube-apiserver-identity-lease-controller',
    async start(signal) {
      signal.addEventListener('abort', () => {
        stopped = true
        cancel()
      })
      // The namespace may be a moment away: the next round finds it.
      await tick()
    },
    async stop(how) {
      stopped = true
      cancel()
      if (how?.crash) return
      await client.delete('kube-system', identity).catch((error: unknown) => {
        if (!hasReason(error, 'NotFound')) logger.warn('API server identity lease cannot be released', { error: messageOf(error) })
      })
    },
  }
}
