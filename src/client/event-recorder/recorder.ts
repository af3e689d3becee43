/**
 * Recorders that write core/v1 Events through a client in the background, from bounded queues: those about one object in order,
 * those about different objects a few at once.
 */
import type { KubeObject } from '../../api/object.js'
import { hasReason, StatusError } from '../../api/status.js'
import type { Event } from '../../api/types/core-v1.js'
import { timestamp } from '../../base/clock.js'
import type { ComponentDeps } from '../../base/component.js'
import { messageOf } from '../../base/errors.js'
import type { Client } from '../client.js'
import type { EventRecorder } from '../event-recorder.js'
import { resources } from '../resources.js'
import { type Correlated, EventCorrelator } from './correlator.js'

/** Events that wait to be written; more are dropped (client-go's figures). */
const queueMax = 1000
const lanesCount = 8
const triesMax = 12
const retryMs = 10_000

export interface EventRecorderOptions extends ComponentDeps {
  readonly client: Client
  /** Who reports: "deployment-controller", "kubelet". */
  readonly component: string
  /** The machine it reports from; for those that run on each node. */
  readonly host?: string
  /** Aborted: what still waits is dropped. */
  readonly signal?: AbortSignal
}

export function eventRecorder(options: EventRecorderOptions): EventRecorder {
  return new BackgroundRecorder(options)
}

interface Lane {
  queue: Correlated[]
  isWriting: boolean
}

/** Which lane an object's events go through. */
function laneOf({ metadata }: KubeObject): number {
  const text = metadata.uid ?? metadata.name ?? ''
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (hash * 31 + text.charCodeAt(at)) >>> 0
  return hash % lanesCount
}

class BackgroundRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions
  /** Made for the first event: most of a controller manager's forty recorders never see one, and its tables are big. */
  #correlatorOnUse: EventCorrelator | undefined
  readonly #lanes = Array.from({ length: lanesCount }, (): Lane => ({ queue: [], isWriting: false }))
  #waiting = 0
  #dropped = 0
  /** Makes the names of events of one instant differ. */
  #serial = 0

  constructor(options: EventRecorderOptions) {
    this.#options = options
  }

  event(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { signal, clock } = this.#options
    if (signal?.aborted) return
    if (this.#waiting >= queueMax) {
      this.#dropped++
      return
    }
    // Before it waits: of thousands that a big controller says at once only the few that will be written take a place.
    const correlated = this.#correlator().correlate(this.#make(about, type, reason, message), clock.now())
    if (!correlated) return
    const lane = this.#lanes[laneOf(about)] as Lane
    lane.queue.push(correlated)
    this.#waiting++
    if (lane.isWriting) return
    lane.isWriting = true
    queueMicrotask(() => void this.#run(lane))
  }

  #correlator(): EventCorrelator {
    this.#correlatorOnUse ??= new EventCorrelator()
    return this.#correlatorOnUse
  }

  #make(about: KubeObject, type: string, reason: string, message: string): Event {
    const { clock, component, host } = this.#options
    const { namespace, name, uid, resourceVersion } = about.metadata
    const now = timestamp(clock.now())
    this.#serial = (this.#serial + 1) % 1_000_000
    const nanoseconds = BigInt(Math.floor(clock.now())) * 1_000_000n + BigInt(this.#serial)
    return {
      metadata: { name: `${name}.${nanoseconds.toString(16)}`, namespace: namespace ?? 'default' },
      involvedObject: { apiVersion: about.apiVersion, kind: about.kind, namespace, name, uid, resourceVersion },
      ...{ type, reason, message, count: 1, firstTimestamp: now, lastTimestamp: now },
      source: { component, ...(host ? { host } : {}) },
      reportingComponent: component,
      reportingInstance: host ?? '',
    }
  }

  /** Never throws: nobody waits for an event. */
  async #run(lane: Lane): Promise<void> {
    const { logger, signal } = this.#options
    while (lane.queue.length > 0 && !signal?.aborted) {
      const batch = lane.queue
      lane.queue = []
      for (const correlated of batch) {
        this.#waiting--
        if (signal?.aborted) break
        try {
          await this.#write(correlated)
        } catch (error) {
          const { reason, metadata } = correlated.event
          logger.warn('An event could not be written', { reason, object: metadata.name, error: messageOf(error) })
        }
      }
    }
    lane.isWriting = false
    if (this.#waiting > 0 || this.#dropped === 0) return
    logger.warn('Events were dropped: too many waited to be written', { count: this.#dropped })
    this.#dropped = 0
  }

  async #write(correlated: Correlated): Promise<void> {
    const { clock, random, logger, signal } = this.#options
    for (let tries = 1; ; tries++) {
      try {
        const written = await this.#send(correlated)
        this.#correlator().written(correlated.key, written.metadata.name ?? '')
        return
      } catch (error) {
        if (error instanceof StatusError) {
          // Said already, or of a namespace that goes: not worth a line of the log.
          if (hasReason(error, 'AlreadyExists') || isOfGoingNamespace(error)) return
          throw error
        }
        if (tries >= triesMax || signal?.aborted) throw error
        logger.debug('An event is tried again', { error: messageOf(error) })
        // The first wait is spread, so that components that lost one server do not come back together.
        await clock.sleep(tries === 1 ? retryMs * random.next() : retryMs, signal)
      }
    }
  }

  async #send({ event, patch }: Correlated): Promise<Event> {
    const events = this.#options.client.resource<Event>(resources.events)
    const { namespace = '', name = '' } = event.metadata
    if (patch) {
      try {
        return await events.patch(namespace, name, { type: 'strategic', body: patch }, this.#writeOptions())
      } catch (error) {
        // It has expired: told anew, with its count.
        if (!hasReason(error, 'NotFound')) throw error
      }
    }
    return events.create({ ...event, apiVersion: 'v1', kind: 'Event' }, this.#writeOptions())
  }

  #writeOptions(): { signal?: AbortSignal } {
    const { signal } = this.#options
    return signal ? { signal } : {}
  }
}

function isOfGoingNamespace(error: StatusError): boolean {
  return error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false
}
