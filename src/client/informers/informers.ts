/** Informers of one process: each resource is listed and watched once, however many want it. */
import { apiVersionOf, type GroupVersionResource, type KubeObject } from '../../api/object.js'
import type { Clock } from '../../base/clock.js'
import type { Logger } from '../../base/logger.js'
import { type Random, realRandom } from '../../base/random.js'
import type { Client } from '../client.js'
import type { Informer } from '../informer.js'
import { Reflector, type Selection } from './reflector.js'
import { SharedInformer } from './shared-informer.js'

export type { Selection } from './reflector.js'

export interface InformerFactoryOptions {
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  /** Aborting it is `stop`. */
  readonly signal?: AbortSignal
  /** Of the jitter of retries. */
  readonly random?: Random
  /** Makes what the caches keep of an object smaller; it may change the object that it is given. */
  readonly transform?: (object: KubeObject) => void
}

export interface InformerFactory {
  /** The informer of a resource (and selection): the same one for every caller. One asked for after `start` starts at once. */
  informer<T extends KubeObject>(of: GroupVersionResource, selection?: Selection): Informer<T>
  start(): void
  /** Resolves once every informer asked for so far has delivered its first list. Rejects when stopped before. */
  synced(): Promise<void>
  /** Ends every watch. The caches stay readable and no longer change. */
  stop(): void
}

interface Entry {
  readonly informer: SharedInformer<KubeObject>
  readonly reflector: Reflector<KubeObject>
  readonly ending: AbortController
}

export function informerFactory({
  client,
  clock,
  logger,
  signal,
  random = realRandom(),
  transform,
}: InformerFactoryOptions): InformerFactory {
  const entries = new Map<string, Entry>()
  const ending = new AbortController()
  // Each reflector has a signal of its own: a signal with dozens of listeners is taken for a leak.
  const stop = () => {
    ending.abort(new Error('the informers have been stopped'))
    for (const entry of entries.values()) entry.ending.abort(ending.signal.reason)
  }
  if (signal?.aborted) stop()
  else signal?.addEventListener('abort', stop, { once: true })
  let started = false

  const make = (of: GroupVersionResource, selection: Selection): Entry => {
    const informer = new SharedInformer<KubeObject>(logger, transform)
    const resource = client.resource<KubeObject>(of)
    const own = new AbortController()
    if (ending.signal.aborted) own.abort(ending.signal.reason)
    const reflector = new Reflector({ resource, selection, informer, clock, random, logger, signal: own.signal })
    const entry = { informer, reflector, ending: own }
    if (started) void entry.reflector.run()
    return entry
  }

  return {
    informer<T extends KubeObject>(of: GroupVersionResource, selection: Selection = {}): Informer<T> {
      const { namespace = '', labelSelector = '', fieldSelector = '' } = selection
      const key = [apiVersionOf(of), of.resource, namespace, labelSelector, fieldSelector].join('\0')
      let entry = entries.get(key)
      if (!entry) entries.set(key, (entry = make(of, selection)))
      return entry.informer as unknown as Informer<T>
    },
    start() {
      if (started) return
      started = true
      for (const { reflector } of entries.values()) void reflector.run()
    },
    synced: () =>
      new Promise((resolve, reject) => {
        if (ending.signal.aborted) return reject(ending.signal.reason as Error)
        let left = entries.size
        const onStop = () => reject(ending.signal.reason as Error)
        ending.signal.addEventListener('abort', onStop, { once: true })
        const done = () => {
          if (left > 0) return
          ending.signal.removeEventListener('abort', onStop)
          resolve()
        }
        for (const { informer } of entries.values())
          informer.whenSynced(() => {
            left--
            done()
          })
        done()
      }),
    stop() {
      signal?.removeEventListener('abort', stop)
      stop()
    },
  }
}
