import type { Clock } from '../../base/clock.js'
import type { Random } from '../../base/random.js'
import type { Store } from '../../storage/store.js'
import type { UserInfo } from '../authn/authenticator.js'
import type { Authorizer } from '../authz/authorizer.js'
import type { ApiRequest, Responder } from '../handler.js'
import type { ObjectStore } from '../registry/object-store.js'
import type { ServedResource } from '../registry/resource.js'
import type { RequestInfo } from '../request-info.js'

/** What the handlers of a server share. */
export interface RestDeps {
  readonly objects: ObjectStore
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  /** For what a request turns out to be besides what it says: an apply that creates. */
  readonly authorizer: Authorizer
}

/** One request that has been authenticated, authorized and routed to a resource. */
export interface RestRequest {
  readonly served: ServedResource
  readonly info: RequestInfo
  readonly request: ApiRequest
  readonly responder: Responder
  readonly user: UserInfo
  /** Texts for Warning headers. */
  readonly warnings: string[]
}
