import type { Clock } from '../../../base/clock.js'
import { messageOf } from '../../../base/errors.js'
import type { Logger } from '../../../base/logger.js'
import type { Notice } from '../../runtime.js'
import type { CriClient } from './api/client.js'
import { runHook } from './lifecycle-hooks.js'
import type { AnyContainer } from './names.js'
import type { ContainerEntry } from './pod-cache.js'

/**
 * Ends containers: their preStop hook, then the runtime's stop signal, then a kill, all within the grace period (docs: Pod Lifecycle,
 * Termination). A shorter grace period that is asked for later counts; a runtime that does not answer is asked again.
 */
export interface ContainerStopsOptions {
  readonly client: CriClient
  readonly clock: Clock
  readonly logger: Logger
  find(uid: string, name: string): ContainerEntry | undefined
  specOf(uid: string, name: string): AnyContainer | undefined
  podIp(uid: string): string
  tell(uid: string, notice: Notice): void
  /** The runtime says that it has ended. */
  stopped(uid: string, entry: ContainerEntry): Promise<void>
}

interface Stop {
  readonly uid: string
  readonly entry: ContainerEntry
  deadlineMs: number
  hook: 'open' | 'runs' | 'done'
  /** Aborts the wait for a hook when the time that is left becomes shorter. */
  readonly hurry: AbortController
}

/** Upstream's least time between the signal and the kill. */
const leastGraceMs = 2_000
const retryMs = 2_000

export class ContainerStops {
  readonly #options: ContainerStopsOptions
  /** By the runtime's id of the container. */
  readonly #stops = new Map<string, Stop>()

  constructor(options: ContainerStopsOptions) {
    this.#options = options
  }

  stop(uid: string, name: string, graceMs: number): void {
    const { find, clock } = this.#options
    const entry = find(uid, name)
    if (!entry || entry.view.state === 'exited') return
    const deadlineMs = clock.monotonic() + graceMs
    const asked = this.#stops.get(entry.criId)
    if (asked) {
      if (deadlineMs >= asked.deadlineMs) return
      asked.deadlineMs = deadlineMs
      asked.hurry.abort()
      if (asked.hook === 'done') void this.#signal(asked)
      return
    }
    const stop: Stop = { uid, entry, deadlineMs, hook: 'open', hurry: new AbortController() }
    this.#stops.set(entry.criId, stop)
    void this.#carryOut(stop, name)
  }

  /** A container of the pod has changed: what has ended needs no more. */
  changed(uid: string): void {
    for (const [id, stop] of this.#stops)
      if (stop.uid === uid && this.#options.find(uid, stop.entry.view.name)?.view.state === 'exited') this.#stops.delete(id)
  }

  forget(uid: string): void {
    for (const [id, stop] of this.#stops) if (stop.uid === uid) this.#stops.delete(id)
  }

  async #carryOut(stop: Stop, name: string): Promise<void> {
    const { clock, specOf, tell } = this.#options
    const hook = specOf(stop.uid, name)?.lifecycle?.preStop
    if (hook && stop.deadlineMs > clock.monotonic()) {
      stop.hook = 'runs'
      await Promise.race([this.#preStop(stop, name), hurried(stop)]).catch((error: unknown) =>
        tell(stop.uid, { reason: 'FailedPreStopHook', message: `PreStopHook failed: ${messageOf(error)}`, warning: true }),
      )
    }
    stop.hook = 'done'
    await this.#signal(stop)
  }

  async #preStop({ uid, entry, deadlineMs }: Stop, name: string): Promise<void> {
    const { client, clock, specOf, podIp } = this.#options
    const container = specOf(uid, name)
    const hook = container?.lifecycle?.preStop
    if (!container || !hook) return
    const leftMs = Math.max(deadlineMs - clock.monotonic(), 0)
    const target = {
      container,
      podIp: podIp(uid),
      exec: (command: readonly string[], ms: number) => client.execSync(entry.criId, command, ms),
    }
    await Promise.race([runHook(hook, target, clock, leftMs), clock.sleep(leftMs)])
  }

  async #signal(stop: Stop): Promise<void> {
    const { client, clock, logger, stopped } = this.#options
    const { criId, view } = stop.entry
    if (this.#stops.get(criId) !== stop) return
    const leftMs = Math.max(stop.deadlineMs - clock.monotonic(), 0)
    try {
      // Nothing is left only when the caller said so.
      const graceMs = leftMs > 0 ? Math.max(leftMs, leastGraceMs) : 0
      await client.stopContainer(criId, Math.ceil(graceMs / 1000))
      await stopped(stop.uid, stop.entry)
    } catch (error) {
      logger.warn('A container could not be stopped; it is tried again', { container: view.name, error: messageOf(error) })
      clock.timer(retryMs, () => void this.#signal(stop))
    }
  }
}

function hurried({ hurry }: Stop): Promise<void> {
  return new Promise((resolve) => hurry.signal.addEventListener('abort', () => resolve(), { once: true }))
}
