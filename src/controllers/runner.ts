/**
 * Runs controllers over shared informers: one work queue each, a key never twice at once, failures again with backoff.
 * A controller that waits for a cache (a resource that its API server does not serve, say) holds up no other one.
 */
import type { KubeObject } from '../api/object.js'
import type { Client } from '../client/client.js'
import { informerFactory, type InformerFactory } from '../client/informers/informers.js'
import type { QueueObserver } from '../client/work-queue/work-queue.js'
import type { ComponentDeps } from '../base/component.js'
import type { Controller } from './controller.js'
import { ControllerRun } from './run/controller-run.js'

export interface RunControllersOptions extends ComponentDeps {
  readonly client: Client
  /** A client of its own for a controller (upstream's --use-service-account-credentials); `client` when left out. */
  clientOf?(controller: Controller): Client
  /** Shared with others of the process; made (and stopped) by the runner when left out. */
  readonly informers?: InformerFactory
  readonly controllers: readonly Controller[]
  /** How many keys at once, by controller name; the controller's own figure where it is not named. */
  readonly workers?: Readonly<Record<string, number>>
  /** For metrics of a controller's queue. */
  observerOf?(controller: Controller, queue: ObservedQueue): QueueObserver
  /** Aborting it stops every worker; `stopped` then resolves. */
  readonly signal: AbortSignal
}

export interface ObservedQueue {
  /** Since when each key that is worked on has been, on the monotonic clock. */
  working(): Iterable<number>
}

export interface RunningControllers {
  /** Resolves once every cache is filled and the workers run. Rejects when stopped before. */
  readonly synced: Promise<void>
  /** Resolves once the last reconcile has ended after `signal` was aborted. */
  readonly stopped: Promise<void>
}

const workersDefault = 5

export function runControllers(options: RunControllersOptions): RunningControllers {
  const { client, clock, random, logger, controllers, signal } = options
  const informers = options.informers ?? informerFactory({ client, clock, random, logger, signal, transform: dropManagedFields })
  const endings = controllers.map(() => new AbortController())
  const end = () => {
    for (const ending of endings) ending.abort(signal.reason)
  }
  if (signal.aborted) end()
  else signal.addEventListener('abort', end, { once: true })
  const runs = controllers.map(
    (controller, i) =>
      new ControllerRun(controller, {
        ...{ clock, random, logger: logger.child({ controller: controller.name }), informers },
        // Each has a signal of its own: a signal with dozens of listeners is taken for a leak.
        signal: (endings[i] as AbortController).signal,
        client: options.clientOf?.(controller) ?? client,
        workers: options.workers?.[controller.name] ?? controller.workers ?? workersDefault,
        ...(options.observerOf ? { observe: (queue) => options.observerOf?.(controller, queue) } : {}),
      }),
  )
  informers.start()
  const synced = Promise.all(runs.map((run) => run.started)).then(() => undefined)
  // A caller that does not look at it must not be ended by its rejection.
  synced.catch(() => undefined)
  return { synced, stopped: Promise.all(runs.map((run) => run.stopped)).then(() => undefined) }
}

/** Often half of an object, and no controller reads them; a write without them leaves them as they are. */
function dropManagedFields({ metadata }: KubeObject): void {
  metadata.managedFields = undefined
}
