import type { Clock } from './clock.js'
import type { Logger } from './logger.js'
import type { Random } from './random.js'

/** What every component gets from whoever runs it: a test, a node process, or its own command. */
export interface ComponentDeps {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** A component that has been started. */
export interface RunningComponent {
  /** Resolves once the component serves; rejects with the cause when it cannot start. */
  readonly ready: Promise<void>
  /** Resolves when it has ended by itself or was stopped; rejects with the fatal error that ended it. */
  readonly done: Promise<void>
  /**
   * Ends it. Orderly (the default): leases released, requests finished, connections closed.
   * `crash: true` is SIGKILL's likeness: everything is dropped at once and nothing is released.
   */
  stop(how?: { crash?: boolean }): Promise<void>
}
