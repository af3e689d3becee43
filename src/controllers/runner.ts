import type { Client } from '../client/client.js'
import type { InformerFactory } from '../client/informers/informers.js'
import type { ComponentDeps } from '../base/component.js'
import type { Controller } from './controller.js'

export interface RunControllersOptions extends ComponentDeps {
  readonly client: Client
  /** Shared with others of the process; made (and stopped) by the runner when left out. */
  readonly informers?: InformerFactory
  readonly controllers: readonly Controller[]
  /** Aborting it stops every worker; `stopped` then resolves. */
  readonly signal: AbortSignal
}

export interface RunningControllers {
  /** Resolves once every cache is filled and the workers run. */
  readonly synced: Promise<void>
  /** Resolves once the last reconcile has ended after `signal` was aborted. */
  readonly stopped: Promise<void>
}
