/**
 * Cuts etcd's history, as the API server is asked to (etcd keeps everything otherwise). Of all API servers one does it each time
 * round: they agree by the version of one key, the one that kube-apiserver uses too, so that both kinds can share an etcd.
 */
import type { Cancel, Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import type { Store } from '../store.js'
import { CompactedError } from '../store.js'

export interface CompactorOptions {
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  /** History is kept at least this long and at most about twice as long. */
  readonly intervalMs: number
}

export interface Compactor {
  stop(): void
}

/** kube-apiserver's name for it. Its value is the revision that was the present when it was written. */
const electionKey = 'compact_rev_key'

export function startCompactor({ store, clock, logger, intervalMs }: CompactorOptions): Compactor {
  let stopped = false
  let cancel: Cancel = () => undefined
  /** The version of the key and the store's revision one time round ago. */
  let knownVersion = 0
  let knownRevision = 0

  const round = async () => {
    const entry = await store.get(electionKey)
    // Someone else has had this turn: take note and wait for the next.
    if ((entry?.version ?? 0) !== knownVersion) {
      knownVersion = entry?.version ?? 0
      knownRevision = await store.revision()
      return
    }
    const value = new TextEncoder().encode(String(knownRevision))
    const result = await store.commit({ key: electionKey, expect: entry?.revision ?? 'absent', value })
    if (!result.ok) {
      knownVersion = result.current?.version ?? 0
      knownRevision = result.revision
      return
    }
    const target = knownRevision
    knownVersion = result.version
    knownRevision = result.revision
    if (target > 0) await store.compact(target)
  }
  const tick = async () => {
    try {
      await round()
    } catch (error) {
      if (!(error instanceof CompactedError)) logger.warn('The history of etcd cannot be compacted', { error: messageOf(error) })
    }
    if (!stopped) cancel = clock.timer(intervalMs, () => void tick())
  }
  void tick()
  return {
    stop() {
      stopped = true
      cancel()
    },
  }
}
