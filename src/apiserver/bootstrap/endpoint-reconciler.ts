import type { Cancel, Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import type { Store } from '../../storage/store.js'
import type { ServerAccess } from '../access.js'
import { writeEndpoints } from './endpoint-writer.js'
import { formatServer, parseServer, type ServerAddress } from './server-endpoints.js'

export interface EndpointReconcilerOptions {
  readonly access: ServerAccess
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  readonly self: ServerAddress
  /** A server that has not renewed for so long is dead. Default 15. */
  readonly ttlSeconds?: number
}

export interface EndpointReconciler {
  /** Says that this server lives and lists it; goes on until stopped. Resolves once it is listed. */
  start(): Promise<void>
  /** Takes this server off the list at once; with `crash` it just falls silent. */
  stop(how?: { crash?: boolean }): Promise<void>
}

const prefix = '/registry/masterleases/'
const retryMs = 500

/**
 * Keeps default/kubernetes listing every live API server. Each server renews a key under a store lease; whoever sees a key
 * come or go writes the same list, so that a dead server is off it when its lease ends, whatever died with it.
 */
export function endpointReconciler(options: EndpointReconcilerOptions): EndpointReconciler {
  const { access, store, clock, logger, self } = options
  const ttlSeconds = options.ttlSeconds ?? 15
  const ownKey = prefix + formatServer(self)
  const ending = new AbortController()
  let cancel: Cancel = () => {}
  let running: Promise<void> = Promise.resolve()

  const renew = async () => {
    const lease = await store.grantLease(ttlSeconds)
    await store.commit({ key: ownKey, expect: 'any', value: new TextEncoder().encode('{}'), lease })
  }
  const publish = async () => {
    const { entries } = await store.range(prefix)
    const servers = entries.flatMap((entry) => parseServer(entry.key.slice(prefix.length)) ?? [])
    await writeEndpoints(access, servers)
  }
  const schedule = (afterMs: number) => {
    cancel = clock.timer(afterMs, () => {
      running = tick()
    })
  }
  const tick = async () => {
    let nextMs = (ttlSeconds * 1000 * 2) / 3
    try {
      await renew()
      await publish()
    } catch (error) {
      logger.warn('API server endpoints cannot be renewed', { error: messageOf(error) })
      nextMs = retryMs
    }
    if (!ending.signal.aborted) schedule(nextMs)
  }
  /** Other servers' keys come and go between two ticks. */
  const follow = async () => {
    while (!ending.signal.aborted) {
      try {
        const from = (await store.revision()) + 1
        await publish()
        for await (const batch of store.watch(prefix, { from, signal: ending.signal })) {
          const elsewhere = batch.events.some(
            (event) => event.key !== ownKey && (event.type === 'delete' || event.createRevision === event.revision),
          )
          if (elsewhere) await publish()
        }
      } catch (error) {
        if (ending.signal.aborted) return
        logger.warn('API server leases cannot be watched', { error: messageOf(error) })
      }
      await clock.sleep(retryMs, ending.signal).catch(() => undefined)
    }
  }
  let following: Promise<void> = Promise.resolve()
  return {
    async start() {
      await renew()
      await publish()
      schedule((ttlSeconds * 1000 * 2) / 3)
      following = follow()
    },
    async stop(how) {
      ending.abort(new Error('stopped'))
      cancel()
      if (how?.crash) return
      try {
        await running
        await following
        await store.commit({ key: ownKey, expect: 'any' })
        await publish()
      } catch (error) {
        // The lease ends by itself; stopping must not hang on a store that is gone.
        logger.warn('API server cannot be taken off the endpoints', { error: messageOf(error) })
      }
    },
  }
}
