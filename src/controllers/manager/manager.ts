/**
 * The controllers of a cluster under one leader: they run while this process leads (or at once, without election), and end before
 * the lease is released. A manager that lost its leadership has ended; whoever runs it starts a new one.
 */
import type { ComponentDeps } from '../../base/component.js'
import type { Client } from '../../client/client.js'
import { eventRecorder } from '../../client/event-recorder/recorder.js'
import { electLeader, type LeaderElection, type LeaderElectionOptions } from '../../client/leader-election/leader-election.js'
import type { Controller } from '../controller.js'
import { runControllers, type RunControllersOptions, type RunningControllers } from '../runner.js'

export interface ControllerManagerOptions
  extends ComponentDeps,
    Pick<RunControllersOptions, 'client' | 'clientOf' | 'workers' | 'observerOf'> {
  /** Called when the controllers are to run. */
  makeControllers(): readonly Controller[]
  /** Without it the controllers run at once, whoever else runs some. */
  readonly election?: Election
  /** How long an orderly stop waits for reconciles that are under way. */
  readonly shutdownTimeoutMs: number
  /** Told when this process begins and ends to lead. */
  onLeading?(leads: boolean): void
}

export type Election = Pick<
  LeaderElectionOptions,
  'namespace' | 'name' | 'identity' | 'leaseDurationMs' | 'renewDeadlineMs' | 'retryPeriodMs'
> & {
  /** Renewals should not wait behind the controllers' requests: a client of its own where there is one. */
  readonly client?: Client
}

export interface ControllerManager {
  /** False when it leads by a lease that has long run out. */
  isHealthy(): boolean
  readonly isLeader: boolean
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<'lost' | 'stopped'>
  stop(how?: { crash?: boolean }): Promise<void>
}

export function startControllerManager(options: ControllerManagerOptions): ControllerManager {
  return new Manager(options)
}

class Manager implements ControllerManager {
  readonly #options: ControllerManagerOptions
  readonly #working = new AbortController()
  readonly #election: LeaderElection | undefined
  readonly ended: Promise<'lost' | 'stopped'>
  #running: RunningControllers | undefined

  constructor(options: ControllerManagerOptions) {
    this.#options = options
    const { election, client, clock, random, logger } = options
    if (!election) {
      this.#run()
      this.ended = new Promise((resolve) => this.#working.signal.addEventListener('abort', () => resolve('stopped'), { once: true }))
      return
    }
    const electing = election.client ?? client
    this.#election = electLeader({
      ...{ clock, random, logger },
      ...election,
      client: electing,
      events: eventRecorder({ client: electing, clock, random, logger, component: election.name, signal: this.#working.signal }),
      onLeading: () => {
        options.onLeading?.(true)
        this.#run()
      },
      onNewLeader: (identity) => logger.info('A leader was seen', { leader: identity }),
    })
    this.ended = this.#election.ended.then((how) => {
      this.#working.abort(new Error(how === 'lost' ? 'leadership was lost' : 'the controllers were stopped'))
      options.onLeading?.(false)
      return how
    })
  }

  get isLeader(): boolean {
    return this.#election ? this.#election.isLeader : !this.#working.signal.aborted
  }

  isHealthy(): boolean {
    return this.#election?.isHealthy() ?? true
  }

  async stop({ crash = false }: { crash?: boolean } = {}): Promise<void> {
    this.#working.abort(new Error('the controllers were stopped'))
    if (crash) {
      await this.#election?.stop({ release: false })
      return
    }
    await this.#settled()
    await this.#election?.stop({ release: true })
  }

  #run(): void {
    const { client, clientOf, workers, observerOf, clock, random, logger } = this.#options
    const controllers = this.#options.makeControllers()
    logger.info('Starting controllers', { controllers: controllers.map(({ name }) => name).join(',') })
    this.#running = runControllers({
      ...{ client, clock, random, logger, controllers, signal: this.#working.signal },
      ...(clientOf ? { clientOf } : {}),
      ...(workers ? { workers } : {}),
      ...(observerOf ? { observerOf } : {}),
    })
  }

  async #settled(): Promise<void> {
    const { clock, shutdownTimeoutMs, logger } = this.#options
    if (!this.#running) return
    const late = new AbortController()
    const limit = clock.sleep(shutdownTimeoutMs, late.signal).then(
      () => logger.warn('Some reconciles have not ended in time'),
      () => undefined,
    )
    await Promise.race([this.#running.stopped, limit])
    late.abort(new Error('settled'))
  }
}
