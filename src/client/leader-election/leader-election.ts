/**
 * One leader among candidates, by a Lease (client-go's rules). It guarantees: a candidate takes the lease only when it was free,
 * or when this candidate itself has seen it unchanged for its whole duration; a leader that could not renew within the renew
 * deadline (shorter than the lease) has stopped leading before another can begin, provided that clocks run at about the same
 * speed. What clocks show does not matter. An election ends when leadership is lost: its component must end with it.
 */
import { hasReason } from '../../api/status.js'
import type { Lease, LeaseSpec } from '../../api/types/coordination-v1.js'
import type { ComponentDeps } from '../../base/component.js'
import { assert, messageOf } from '../../base/errors.js'
import type { Client } from '../client.js'
import type { EventRecorder } from '../event-recorder.js'
import { resources } from '../resources.js'
import { freeAtMs, heldSpec, holderOf, isHeld, type Observed, observe, releasedSpec } from './lease-record.js'

export interface LeaderElectionOptions extends ComponentDeps {
  readonly client: Client
  /** Of the Lease. */
  readonly namespace: string
  readonly name: string
  /** Unique among the candidates; upstream's form is HOSTNAME_UUID. */
  readonly identity: string
  /** Defaults: 15 s, 10 s, 2 s, as --leader-elect-* have them. */
  readonly leaseDurationMs?: number
  readonly renewDeadlineMs?: number
  readonly retryPeriodMs?: number
  readonly events?: EventRecorder
  /** Leadership was won. The signal is aborted when it is lost or given up. */
  onLeading(signal: AbortSignal): void
  /** Another (or this) candidate was seen to lead. */
  onNewLeader?(identity: string): void
}

export interface LeaderElection {
  readonly isLeader: boolean
  /** Identity of the leader as last seen; '' when none. */
  readonly leader: string
  /** False when this candidate leads by a lease that ran out unrenewed: it should have ended (upstream's /healthz check). */
  isHealthy(): boolean
  /** Resolves when the election has ended; never rejects. */
  readonly ended: Promise<'lost' | 'stopped'>
  /** Ends it. `release` lets others lead at once; do it when the work has stopped. Without, the lease runs out. */
  stop(how: { release: boolean }): Promise<void>
}

/** Candidates wait up to so many times longer than their period, so that they do not meet. */
const jitterFactor = 1.2
/**
 * Candidates look twice as often as the leader renews. A lease counts from when its last change was seen, so what they see late
 * they also take over late: in client-go, which looks half as often, up to 4.4 s later.
 */
const looksPerRetry = 2
/** The first wait after an attempt that failed (the server does not answer yet, or not yet to this candidate); it doubles. */
const failureWaitMs = 100
/** Candidates that wait for one lease to run out come at most about so far apart. */
const takeoverSpreadMs = 200
/** A leader that has not renewed for so long beyond its lease is unhealthy. */
const unhealthyAfterMs = 20_000

export function electLeader(options: LeaderElectionOptions): LeaderElection {
  return new Election(options)
}

class Election implements LeaderElection {
  readonly #options: LeaderElectionOptions
  readonly #leaseDurationMs: number
  readonly #renewDeadlineMs: number
  readonly #retryPeriodMs: number
  readonly #stopping = new AbortController()
  readonly #leading = new AbortController()
  readonly ended: Promise<'lost' | 'stopped'>
  #observed: Observed | undefined
  #told = ''
  /** Ends the attempt under way. */
  #current: AbortController | undefined
  /** Attempts since the last one that was answered. */
  #failures = 0
  #leads = false

  constructor(options: LeaderElectionOptions) {
    this.#options = options
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000
    assert(this.#leaseDurationMs > this.#renewDeadlineMs, 'the lease must outlast the renew deadline')
    assert(this.#renewDeadlineMs > this.#retryPeriodMs * jitterFactor, 'the renew deadline must leave room for a retry')
    this.ended = this.#run()
  }

  get isLeader(): boolean {
    return this.#leads
  }

  get leader(): string {
    return holderOf(this.#observed?.lease)
  }

  isHealthy(): boolean {
    if (!this.#leads || !this.#observed) return true
    return this.#options.clock.monotonic() <= this.#observed.atMs + this.#leaseDurationMs + unhealthyAfterMs
  }

  async stop({ release }: { release: boolean }): Promise<void> {
    const wasLeader = this.#leads
    this.#stopping.abort(new Error('the election was stopped'))
    this.#current?.abort(new Error('the election was stopped'))
    this.#leading.abort(new Error('leadership was given up'))
    await this.ended
    if (wasLeader && release) await this.#release()
  }

  async #run(): Promise<'lost' | 'stopped'> {
    const { clock, random, logger } = this.#options
    const { signal } = this.#stopping
    while (!(await this.#try(this.#renewDeadlineMs))) {
      const jitter = 1 + jitterFactor * random.next()
      const failureMs = this.#failures === 0 ? Number.POSITIVE_INFINITY : failureWaitMs * 2 ** (this.#failures - 1) * jitter
      const waitMs = Math.min((this.#retryPeriodMs / looksPerRetry) * jitter, this.#untilFreeMs(jitter), failureMs)
      await clock.sleep(waitMs, signal).catch(() => undefined)
      if (signal.aborted) return 'stopped'
    }
    if (signal.aborted) return 'stopped'
    this.#lead()
    await this.#keep()
    this.#leads = false
    if (signal.aborted) return 'stopped'
    logger.error('Leadership was lost', { lease: this.#leaseName, identity: this.#options.identity })
    this.#leading.abort(new Error('leadership was lost'))
    return 'lost'
  }

  /** A lease that runs out before the next retry is asked for then: a crashed leader is followed a retry sooner than in client-go. */
  #untilFreeMs(jitter: number): number {
    const nowMs = this.#options.clock.monotonic()
    if (!this.#observed || !isHeld(this.#observed, nowMs)) return Number.POSITIVE_INFINITY
    return freeAtMs(this.#observed) - nowMs + (jitter - 1) * takeoverSpreadMs
  }

  #lead(): void {
    const { identity, logger, events, onLeading } = this.#options
    this.#leads = true
    logger.info('Leadership was won', { lease: this.#leaseName, identity })
    const about = { ...this.#observed?.lease, apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' } as Lease
    events?.event(about, 'Normal', 'LeaderElection', `${identity} became leader`)
    onLeading(this.#leading.signal)
  }

  /** Renews until a renewal has failed for the whole renew deadline. */
  async #keep(): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#stopping
    let renewedAtMs = clock.monotonic()
    while (!signal.aborted) {
      await clock.sleep(this.#retryPeriodMs, signal).catch(() => undefined)
      if (signal.aborted) return
      const leftMs = renewedAtMs + this.#renewDeadlineMs - clock.monotonic()
      if (leftMs <= 0) return
      const startedAtMs = clock.monotonic()
      if (await this.#try(leftMs)) renewedAtMs = startedAtMs
      // Somebody else holds it: there is nothing to wait for.
      else if (this.leader !== '' && this.leader !== this.#options.identity) return
    }
  }

  /** One attempt to take or renew the lease, of at most `limitMs`. */
  async #try(limitMs: number): Promise<boolean> {
    const { clock, logger } = this.#options
    const attempt = new AbortController()
    this.#current = attempt
    const { signal } = attempt
    // Half the deadline: a server that hangs leaves time to ask another one.
    const cancel = clock.timer(Math.min(limitMs, this.#renewDeadlineMs / 2), () => attempt.abort(new Error('no answer in time')))
    try {
      const held = await orAborted(this.#attempt(signal), signal)
      this.#failures = 0
      return held
    } catch (error) {
      this.#failures++
      // Of two that create the lease at once one is late: it looks again and sees who leads.
      if (hasReason(error, 'AlreadyExists')) return false
      if (!this.#stopping.signal.aborted)
        logger.warn('The lease could not be taken or renewed', { lease: this.#leaseName, error: messageOf(error) })
      return false
    } finally {
      cancel()
    }
  }

  async #attempt(signal: AbortSignal): Promise<boolean> {
    const { clock, identity } = this.#options
    if (this.#leads && this.#observed && holderOf(this.#observed.lease) === identity && isHeld(this.#observed, clock.monotonic())) {
      try {
        return await this.#write(this.#observed.lease, signal)
      } catch (error) {
        // Somebody has written to it: see who.
        if (!hasReason(error, 'Conflict') && !hasReason(error, 'NotFound')) throw error
      }
    }
    const lease = await this.#read(signal)
    if (!lease) return this.#write(undefined, signal)
    this.#see(observe(this.#observed, lease, clock.monotonic()))
    if (this.#observed && holderOf(lease) !== identity && isHeld(this.#observed, clock.monotonic())) return false
    return this.#write(lease, signal)
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    const { namespace, name } = this.#options
    try {
      // From the server's cache: candidates look often, and what they write is refused when they saw an older state.
      return await this.#leases().get(namespace, name, { signal, resourceVersion: '0' })
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    }
  }

  async #write(before: Lease | undefined, signal: AbortSignal): Promise<boolean> {
    const { clock, identity, namespace, name } = this.#options
    // Counted from before the request: the lease must not be thought to last longer here than others see it.
    const atMs = clock.monotonic()
    const spec: LeaseSpec = heldSpec({ identity, leaseDurationMs: this.#leaseDurationMs }, before?.spec, clock.now())
    const lease = before
      ? await this.#leases().update({ ...before, spec }, { signal })
      : await this.#leases().create({ metadata: { namespace, name }, spec }, { signal })
    this.#see({ lease, atMs })
    return true
  }

  async #release(): Promise<void> {
    const { clock, logger, identity } = this.#options
    const lease = this.#observed?.lease
    if (!lease || holderOf(lease) !== identity) return
    const limit = new AbortController()
    const cancel = clock.timer(this.#retryPeriodMs, () => limit.abort(new Error('no answer in time')))
    try {
      const spec = releasedSpec(lease.spec, clock.now())
      await orAborted(this.#leases().update({ ...lease, spec }, { signal: limit.signal }), limit.signal)
      logger.info('The lease was released', { lease: this.#leaseName })
    } catch (error) {
      logger.warn('The lease could not be released', { lease: this.#leaseName, error: messageOf(error) })
    } finally {
      cancel()
    }
  }

  #see(observed: Observed): void {
    this.#observed = observed
    const leader = holderOf(observed.lease)
    if (leader === this.#told) return
    this.#told = leader
    if (leader !== '') this.#options.onNewLeader?.(leader)
  }

  #leases() {
    return this.#options.client.resource<Lease>(resources.leases)
  }

  get #leaseName(): string {
    return `${this.#options.namespace}/${this.#options.name}`
  }
}

/** A transport may leave a request hanging that was aborted; an election must not. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
