/** What every request goes through before it is served: who asks, may there be one more, may they do that. */
import type { Clock } from '../base/clock.js'
import type { Metrics } from '../base/metrics.js'
import { StatusError, timeout, unauthorized, unknownPath } from '../api/status.js'
import { asksToImpersonate, impersonate } from './authn/impersonation.js'
import type { Authenticator, UserInfo } from './authn/authenticator.js'
import type { Attributes, Authorizer, Decision } from './authz/authorizer.js'
import { forbiddenRequest } from './authz/forbidden.js'
import type { InFlight } from './flowcontrol/in-flight.js'
import type { ApiRequest, Responder } from './handler.js'
import type { NonResources } from './non-resources.js'
import { type RequestInfo, requestInfo } from './request-info.js'
import type { RestRequest } from './rest/context.js'
import { RequestMetrics } from './request-metrics.js'
import type { Resources } from './resources.js'
import { takeOverOf } from './http/take-over.js'

export interface FilterChainDeps {
  readonly authenticator: Authenticator
  readonly authorizer: Authorizer
  readonly inFlight: InFlight
  readonly resources: Resources
  readonly nonResources: NonResources
  readonly clock: Clock
  readonly metrics: Metrics
  readonly requestTimeoutMs: number
  serve(request: RestRequest): Promise<void>
}

const mutatingMethods = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])
const interactive = new Set(['exec', 'attach', 'portforward'])
const longRunning = new Set(['log', 'exec', 'attach', 'portforward', 'proxy'])

export class FilterChain {
  readonly #deps: FilterChainDeps
  readonly #measures: RequestMetrics

  constructor(deps: FilterChainDeps) {
    this.#deps = deps
    const { metrics, inFlight } = deps
    this.#measures = new RequestMetrics(metrics, deps.clock)
    metrics.gaugeOf('apiserver_current_inflight_requests', 'Requests that are being served now.', ['request_kind'], () => [
      [['mutating'], inFlight.counts.mutating],
      [['readOnly'], inFlight.counts.readOnly],
    ])
  }

  /** Serves the request. What is thrown is answered by `refuse`, so that refusals are counted as all answers are. */
  async run(request: ApiRequest, plain: Responder, refuse: (responder: Responder, error: unknown) => void): Promise<void> {
    const info = requestInfo(request.method, request.path, request.query)
    const isServed = !info.isResource || this.#deps.resources.get(info.group, info.version, info.resource) !== undefined
    const responder = this.#measures.measured(request, info, plain, isServed)
    try {
      await this.#run(request, responder, info)
    } catch (error) {
      refuse(responder, error)
    }
  }

  async #run(request: ApiRequest, responder: Responder, info: RequestInfo): Promise<void> {
    const { authenticator, inFlight, clock, requestTimeoutMs } = this.#deps
    const authenticated = request.user ?? authenticator.authenticate(request.credentials)
    const real = (authenticated instanceof Promise ? await authenticated : authenticated) ?? undefined
    if (!real) throw unauthorized()
    const isLongRunning = info.verb === 'watch' || longRunning.has(info.subresource)
    const exempt = isLongRunning || real.groups.includes('system:masters') || isHealth(request.path)
    const leave = isLongRunning ? undefined : inFlight.enter(mutatingMethods.has(request.method), exempt)
    const once = new AnswerOnce(responder)
    const cancel = isLongRunning
      ? undefined
      : clock.timer(timeoutOf(request, requestTimeoutMs), () => once.fail(timeout('request did not complete within the allotted timeout')))
    try {
      const user = request.user ? real : await this.#actingUser(request, real)
      const attributes = attributesOf(user, info, request)
      const pending = this.#authorize(attributes)
      if (pending) await pending
      // A WebSocket begins with a GET; what it does to a pod is what "create" stands for (KEP-4006).
      if (info.verb === 'get' && interactive.has(info.subresource)) await this.#authorize({ ...attributes, verb: 'create' })
      await this.#serve(request, once, info, user)
    } catch (error) {
      // After a timeout the client has had its answer.
      if (!once.answered) throw error
    } finally {
      cancel?.()
      leave?.()
    }
  }

  #authorize(attributes: Attributes): Promise<void> | undefined {
    const judge = ({ verdict, reason }: Decision) => {
      if (verdict !== 'allow') throw forbiddenRequest(attributes, reason)
    }
    const asked = this.#deps.authorizer.authorize(attributes)
    if (asked instanceof Promise) return asked.then(judge)
    judge(asked)
    return undefined
  }

  async #actingUser(request: ApiRequest, real: UserInfo): Promise<UserInfo> {
    const names = request.credentials.headerNames
    if (!names) return real
    const headers = { values: (name: string) => request.headerValues(name), names: () => names.call(request.credentials) }
    return asksToImpersonate(headers) ? impersonate(real, headers, this.#deps.authorizer) : real
  }

  async #serve(request: ApiRequest, responder: Responder, info: RequestInfo, user: UserInfo): Promise<void> {
    if (!info.isResource) return this.#deps.nonResources.serve(request, responder)
    const served = this.#deps.resources.get(info.group, info.version, info.resource)
    if (!served || (info.namespace !== '' && !served.info.namespaced && info.resource !== 'namespaces')) throw this.#unknown(info)
    const collection = info.verb === 'create' && info.name === '' && info.subresource === ''
    if (served.info.namespaced && info.namespace === '' && (collection || info.verb === 'get')) throw this.#unknown(info)
    const warnings: string[] = []
    try {
      await this.#deps.serve({ served, info, request, responder, user, warnings })
    } catch (error) {
      if (error instanceof StatusError) error.warnings = warnings
      throw error
    }
  }

  /** A group that is built in says so in a Status; of other groups nothing is known, not even that they might be. */
  #unknown({ group }: RequestInfo): Error {
    const isBuiltin = this.#deps.resources.infos().some((info) => info.group === group && info.typeId !== 'custom')
    return isBuiltin ? new StatusError(unknownPath().status) : unknownPath()
  }
}

/** Lets the first answer through: a handler that is late finds that the timeout has answered. */
class AnswerOnce implements Responder {
  readonly #responder: Responder
  readonly takeOver?: NonNullable<Responder['takeOver']>
  answered = false

  constructor(responder: Responder) {
    this.#responder = responder
    Object.assign(
      this,
      takeOverOf(responder, () => {
        this.answered = true
      }),
    )
  }

  respond(...answer: Parameters<Responder['respond']>): void {
    if (this.answered) return
    this.answered = true
    this.#responder.respond(...answer)
  }

  stream(...answer: Parameters<Responder['stream']>): ReturnType<Responder['stream']> {
    this.answered = true
    return this.#responder.stream(...answer)
  }

  fail(error: ReturnType<typeof timeout>): void {
    const text = new TextEncoder().encode(`${JSON.stringify(error.status)}\n`)
    this.respond(error.code, { 'content-type': 'application/json', 'retry-after': '1' }, [text])
  }
}

function attributesOf(user: UserInfo, info: RequestInfo, request: ApiRequest): Attributes {
  if (!info.isResource) return { user, verb: info.verb, path: info.path }
  const { group, version, resource, subresource, namespace, name } = info
  const fieldSelector = request.query.get('fieldSelector')
  const labelSelector = request.query.get('labelSelector')
  return {
    user,
    verb: info.verb,
    resource: {
      group,
      version,
      resource,
      subresource,
      namespace,
      name,
      ...(fieldSelector ? { fieldSelector } : {}),
      ...(labelSelector ? { labelSelector } : {}),
    },
  }
}

function isHealth(path: string): boolean {
  return path.startsWith('/healthz') || path.startsWith('/livez') || path.startsWith('/readyz')
}

/** ?timeout=30s shortens the server's own limit, never lengthens it. */
function timeoutOf(request: ApiRequest, most: number): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(request.query.get('timeout') ?? '')
  if (!match) return most
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[2] as 'ms' | 's' | 'm' | 'h']
  return Math.min(most, Number(match[1]) * unit || most)
}
