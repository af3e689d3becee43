/**
 * The API server, transport-neutral: what comes in is a request, what goes out is bytes. http/ puts it on the network, a test
 * or another component in the process calls it directly.
 */
import type { Clock } from '../base/clock.js'
import { messageOf } from '../base/errors.js'
import type { Logger } from '../base/logger.js'
import { Metrics } from '../base/metrics.js'
import type { Random } from '../base/random.js'
import { internalError, StatusError, serviceUnavailable, timeout } from '../api/status.js'
import type { Client, Transport } from '../client/client.js'
import { restClient } from '../client/rest-client.js'
import { type Store, StoreUnavailableError } from '../storage/store.js'
import type { ServerAccess } from './access.js'
import type { AdmissionChoice } from './admission/plugins.js'
import type { WebhookCaller } from './admission/webhooks/caller.js'
import type { UserInfo } from './authn/authenticator.js'
import { openIdDocuments } from './authn/service-account/discovery.js'
import type { AuthenticationInfo } from './bootstrap/authentication-info.js'
import type { PostStartHook } from './bootstrap/post-start-hook.js'
import type { ServerAddress } from './bootstrap/server-endpoints.js'
import { addBuiltinResources, type CacherDeps } from './builtin-resources.js'
import type { Cacher } from './cacher/cacher.js'
import { Freshness } from './cacher/freshness.js'
import { CustomResources } from './crd/custom-resources.js'
import {
  type AllocationOptions,
  type AuthenticationOptions,
  defaultAdmission,
  defaultAllocators,
  defaultAuthenticators,
  defaultAuthorizers,
  defaultStrategies,
  postStartHooks,
  virtualResources,
} from './defaults.js'
import { sharedLeases } from './event-leases.js'
import { FilterChain } from './filter-chain.js'
import { InFlight } from './flowcontrol/in-flight.js'
import type { ApiRequest, Responder } from './handler.js'
import { Health, sharedCheck } from './health.js'
import { type Caller, inProcessTransport } from './in-process-transport.js'
import { NonResources } from './non-resources.js'
import { AdmissionChain } from './registry/admission-chain.js'
import { type Compression, OpenApi } from './openapi.js'
import { ObjectStore } from './registry/object-store.js'
import { type Connector, dispatch } from './rest/dispatch.js'
import { respondStatus } from './rest/respond.js'
import { Resources } from './resources.js'
import { serverAccess } from './server-access.js'

export interface ApiServerOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Runs a function once what is ready now has run (setImmediate where there is one). */
  readonly defer: (fn: () => void) => void
  readonly authentication: AuthenticationOptions
  /** --authorization-mode */
  readonly authorizationModes: readonly string[]
  readonly admission?: AdmissionChoice
  readonly allocation: AllocationOptions
  readonly limits: {
    readonly maxRequestsInFlight: number
    readonly maxMutatingRequestsInFlight: number
    readonly maxRequestBytes: number
    readonly requestTimeoutMs: number
  }
  /** How others reach this server. */
  readonly self: ServerAddress
  readonly reconcileEndpoints?: boolean
  readonly identity?: { readonly name: string; readonly hostname: string }
  readonly authenticationInfo?: AuthenticationInfo
  readonly eventTtlSeconds?: number
  /** "v1.36.0+quorate.0.1.0" */
  readonly gitVersion: string
  readonly platform: string
  /** Where the server's metrics are added; of its own when left out. */
  readonly metrics?: Metrics
  /** For large documents that are kept. */
  readonly compression?: Compression
  /** Serves pods/log, exec and the like. */
  readonly connect?: (access: ServerAccess) => Connector
  /** Calls admission webhooks; without it none is called. */
  readonly webhooks?: WebhookCaller
}

/** Load balancers and probes ask every second each. */
const storeCheckHoldsMs = 900

const apiserverUser: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] }

export class ApiServer {
  readonly access: ServerAccess
  readonly resources = new Resources()
  readonly health = new Health()
  readonly metrics: Metrics
  readonly cacherDeps: CacherDeps
  readonly objects: ObjectStore
  readonly #options: ApiServerOptions
  readonly #chain: FilterChain
  readonly #hooks: PostStartHook[]
  readonly #abort = new AbortController()
  readonly #synced: () => Promise<void>
  readonly #stopAuthorization: () => void
  readonly #hooksDone = new Set<string>()
  #stopping = false

  constructor(options: ApiServerOptions) {
    this.#options = options
    this.metrics = options.metrics ?? new Metrics()
    const { store, clock, random, logger, defer, limits } = options
    this.cacherDeps = { store, freshness: new Freshness(store), clock, logger, defer }
    let client: Client | undefined
    const access = serverAccess(
      this.resources,
      () => (client ??= restClient(this.transport(apiserverUser), { userAgent: 'kube-apiserver' })),
    )
    this.access = access
    const deps = { access, clock, random }
    const allocators = defaultAllocators(deps, store, options.allocation)
    addBuiltinResources(this.resources, defaultStrategies(allocators, options.eventTtlSeconds), this.cacherDeps)
    // Who looks at resources comes after them: they begin to look when they are made.
    const authentication = defaultAuthenticators(options.authentication, deps)
    const authorization = defaultAuthorizers(options.authorizationModes, this.access)
    const { authorizer } = authorization
    const admission = new AdmissionChain(
      defaultAdmission(
        { ...deps, authorizer, resources: this.resources, ...(options.webhooks ? { webhooks: options.webhooks } : {}) },
        authorization.rbac,
        options.admission,
      ),
    )
    this.objects = new ObjectStore({ store, clock, random, admission, leaseFor: sharedLeases(store, clock) })
    const virtual = virtualResources(deps, authentication, authorizer)
    const rest = { objects: this.objects, store, clock, random, authorizer }
    const connect = options.connect?.(this.access)
    const dispatched = { rest, virtual, ...(connect ? { connect } : {}) }
    const [issuer = ''] = options.authentication.serviceAccounts?.issuers ?? []
    this.#chain = new FilterChain({
      authenticator: authentication.authenticator,
      authorizer,
      inFlight: new InFlight({ readOnly: limits.maxRequestsInFlight, mutating: limits.maxMutatingRequestsInFlight }),
      resources: this.resources,
      clock,
      metrics: this.metrics,
      requestTimeoutMs: limits.requestTimeoutMs,
      serve: (request) => dispatch(request, dispatched),
      nonResources: new NonResources({
        resources: this.resources,
        health: this.health,
        metrics: this.metrics,
        gitVersion: options.gitVersion,
        platform: options.platform,
        openApi: new OpenApi({
          resources: this.resources,
          gitVersion: options.gitVersion,
          ...(options.compression ? { compression: options.compression } : {}),
        }),
        serverAddress: `${options.self.ip}:${options.self.port}`,
        buildDate: '2026-01-01T00:00:00Z',
        openId: openIdDocuments(issuer, `https://${options.self.ip}:${options.self.port}/openid/v1/jwks`, authentication.keys),
      }),
    })
    // A rule that is decided by a cache that nobody fills would not be kept: every part's caches are filled before the first request.
    this.#synced = async () => void (await Promise.all([authorization.synced(), access.synced()]))
    this.#stopAuthorization = () => authorization.stop()
    const custom = new CustomResources({ access: this.access, resources: this.resources, cacherDeps: this.cacherDeps, clock, logger })
    this.#hooks = [
      custom.hook(),
      ...postStartHooks({
        ...{ access: this.access, store, clock, logger, serviceCidrs: options.allocation.serviceCidrs, self: options.self },
        ...allocators,
        authenticationInfo: options.authenticationInfo ?? {},
        ...(options.reconcileEndpoints === undefined ? {} : { reconcileEndpoints: options.reconcileEndpoints }),
        ...(options.identity ? { identity: options.identity } : {}),
      }),
    ]
    this.#addHealthChecks()
    this.#addMetrics()
  }

  /** Runs the post-start hooks; resolves when the server is ready. Rejects with the first hook that fails. */
  async start(): Promise<void> {
    await this.#synced()
    await Promise.all(
      this.#hooks.map(async (hook) => {
        await hook.start(this.#abort.signal)
        this.#hooksDone.add(hook.name)
      }),
    )
    // What the hooks made decides about the first requests: the authorizers must have seen it.
    await Promise.all(this.#cachers().map((cacher) => cacher.fresh()))
  }

  handle(request: ApiRequest, responder: Responder): void {
    void this.#chain.run(request, responder, (measured, error) => this.#respondError(request, measured, error))
  }

  /** A client's way in without the wire, as this user. */
  transport(user: UserInfo): Transport {
    return this.transportOf({ user })
  }

  /** The same for a caller who has to prove who he is. */
  transportOf(caller: Caller): Transport {
    return inProcessTransport((request, responder) => this.handle(request, responder), caller, this.#options.limits)
  }

  /** Orderly: hooks release what they hold while the server still answers. `crash`: everything is dropped. */
  async stop(how: { crash?: boolean } = {}): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    if (!how.crash) await Promise.allSettled(this.#hooks.map(async (hook) => hook.stop?.(how)))
    this.#abort.abort()
    this.#stopAuthorization()
    for (const { stored } of this.resources.all()) stored.cacher.stop()
  }

  #respondError(request: ApiRequest, responder: Responder, error: unknown): void {
    if (request.signal.aborted) return
    const status = statusOf(error)
    if (status.code >= 500 && !(error instanceof StatusError))
      this.#options.logger.error('Request failed', { method: request.method, path: request.path, error: messageOf(error) })
    respondStatus(responder, status, request.credentials.header('accept'))
  }

  #addHealthChecks(): void {
    const { store, clock } = this.#options
    this.health.add({ name: 'ping', check: () => undefined }, 'healthz', 'livez', 'readyz')
    this.health.add({ name: 'log', check: () => undefined }, 'healthz', 'livez', 'readyz')
    this.health.add(
      { name: 'etcd', check: sharedCheck(clock, storeCheckHoldsMs, () => within(clock, 2_000, store.ping())) },
      'healthz',
      'livez',
      'readyz',
    )
    for (const { name } of this.#hooks) {
      const check = () => {
        if (!this.#hooksDone.has(name)) throw new Error('not finished')
      }
      this.health.add({ name: `poststarthook/${name}`, check }, 'healthz', 'livez', 'readyz')
    }
    const check = () => {
      if (this.#stopping) throw new Error('process is shutting down')
    }
    this.health.add({ name: 'shutdown', check }, 'readyz')
  }

  /** Those that somebody has used. */
  #cachers(): Cacher[] {
    return [...new Set([...this.resources.all()].map(({ stored }) => stored.cacher))].filter((cacher) => cacher.started)
  }

  #addMetrics(): void {
    const cachers = () => [...new Set([...this.resources.all()].map(({ stored }) => stored))].filter(({ cacher }) => cacher.started)
    this.metrics.gaugeOf('apiserver_storage_objects', 'Number of stored objects.', ['resource'], () =>
      cachers().map(({ info, cacher }) => [[info.group ? `${info.resource}.${info.group}` : info.resource], cacher.size]),
    )
    const watches = ['component', 'group', 'resource', 'scope', 'subresource', 'verb', 'version']
    this.metrics.gaugeOf('apiserver_longrunning_requests', 'Watches that are open.', watches, () =>
      cachers().map(({ info, cacher }) => [['apiserver', info.group, info.resource, '', '', 'WATCH', info.version], cacher.watcherCount]),
    )
    this.metrics.gaugeOf('apiserver_watch_cache_resource_version', 'Revision of the copy of a resource.', ['group', 'resource'], () =>
      cachers().map(({ info, cacher }) => [[info.group, info.resource], cacher.revision]),
    )
  }
}

/** What a client is told of an error. Anything unforeseen is an internal error whose text helps to find it. */
function statusOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error
  if (error instanceof StoreUnavailableError)
    return error.unknownOutcome
      ? timeout(`the store did not answer: ${error.message}`)
      : serviceUnavailable(`the store cannot be reached: ${error.message}`)
  return internalError(messageOf(error))
}

async function within(clock: Clock, ms: number, work: Promise<void>): Promise<void> {
  let cancel: () => void = () => undefined
  const limit = new Promise<never>((_, reject) => {
    cancel = clock.timer(ms, () => reject(new Error(`no answer within ${ms} ms`)))
  })
  try {
    await Promise.race([work, limit])
  } finally {
    cancel()
  }
}
