/** Everything that is not a resource: discovery, version, health, metrics, OpenID documents. */
import { aggregated, apiGroup, apiGroupList, apiResourceList, apiVersions } from '../api/discovery/discovery.js'
import { notAcceptable, StatusError, unknownPath, wrongMethod } from '../api/status.js'
import type { Metrics } from '../base/metrics.js'
import type { OpenIdDocument } from './authn/service-account/discovery.js'
import type { ApiRequest, Responder } from './handler.js'
import type { Health } from './health.js'
import type { OpenApi } from './openapi.js'
import type { Resources } from './resources.js'
import { respondJson } from './rest/respond.js'

export interface NonResourcesDeps {
  readonly resources: Resources
  readonly health: Health
  readonly metrics: Metrics
  readonly gitVersion: string
  readonly platform: string
  readonly serverAddress: string
  readonly buildDate: string
  readonly openApi: OpenApi
  /** OpenID documents by path. */
  readonly openId: ReadonlyMap<string, () => Promise<OpenIdDocument>>
}

const encoder = new TextEncoder()
const text = (responder: Responder, status: number, body: string, type = 'text/plain; charset=utf-8') =>
  responder.respond(status, { 'content-type': type, 'cache-control': 'no-cache, private', 'x-content-type-options': 'nosniff' }, [
    encoder.encode(body),
  ])

export class NonResources {
  readonly #deps: NonResourcesDeps

  constructor(deps: NonResourcesDeps) {
    this.#deps = deps
  }

  async serve(request: ApiRequest, responder: Responder): Promise<void> {
    const { method, path, query } = request
    if (method !== 'GET' && method !== 'HEAD') throw wrongMethod()
    const health = await this.#deps.health.answer(path, query)
    if (health) return text(responder, health.status, health.text)
    const clean = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
    if (clean === '/version') return respondJson(responder, 200, this.#version())
    if (clean === '/metrics') return text(responder, 200, this.#deps.metrics.text(), 'text/plain; version=0.0.4; charset=utf-8')
    if (this.#deps.openApi.serve(request, responder)) return
    if (clean === '/') return respondJson(responder, 200, { paths: this.#paths() })
    const openId = await this.#deps.openId.get(clean)?.()
    if (openId && !accepts(request, openId.contentType))
      throw notAcceptable(`only the following media types are accepted: ${openId.contentType}`)
    if (openId) return text(responder, 200, openId.body, openId.contentType)
    const body = this.#discovery(clean, request)
    if (body === undefined) throw this.#unknown(clean)
    if (!isAggregated(body)) return respondJson(responder, 200, body)
    responder.respond(200, { 'content-type': body.type, 'cache-control': 'no-cache, private', vary: 'Accept' }, [
      encoder.encode(JSON.stringify(body.document)),
    ])
  }

  /** What is below a path that is built in is refused in a Status; of other paths nothing is known. */
  #unknown(path: string): Error {
    const [, root, group] = path.split('/')
    const isBuiltin =
      (root === 'api' && group !== undefined) ||
      (root === 'apis' && this.#deps.resources.infos().some((info) => info.group === group && info.typeId !== 'custom'))
    return isBuiltin ? new StatusError(unknownPath().status) : unknownPath()
  }

  #discovery(path: string, request: ApiRequest): unknown {
    const infos = this.#deps.resources.infos()
    const [, root, group, version, ...more] = path.split('/')
    if (more.length > 0) return undefined
    if (root === 'api') {
      if (group === undefined) return this.#aggregated(request, true) ?? apiVersions(this.#deps.serverAddress)
      return version === undefined ? apiResourceList(infos, '', group) : undefined
    }
    if (root !== 'apis') return undefined
    if (group === undefined) return this.#aggregated(request, false) ?? apiGroupList(infos)
    return version === undefined ? apiGroup(infos, group) : apiResourceList(infos, group, version)
  }

  #aggregated(request: ApiRequest, core: boolean): Aggregated | undefined {
    const accept = request.credentials.header('accept') ?? ''
    if (accept === '') return undefined
    for (const clause of accept.split(',')) {
      const [type = '', ...parameters] = clause.split(';').map((part) => part.trim())
      if (type !== 'application/json' && type !== '*/*') continue
      if (!parameters.some((parameter) => parameter.startsWith('as='))) return undefined
      if (['g=apidiscovery.k8s.io', 'v=v2', 'as=APIGroupDiscoveryList'].every((wanted) => parameters.includes(wanted)))
        return { aggregated: true, type: aggregatedType, document: aggregated(this.#deps.resources.infos(), core) }
    }
    // Other encodings of the plain documents are not made; their readers take JSON.
    if (!accept.includes('as=')) return undefined
    throw notAcceptable(`only the following media types are accepted: application/json, ${aggregatedType}`)
  }

  #version(): unknown {
    const { gitVersion, platform, buildDate } = this.#deps
    return {
      major: '1',
      minor: '36',
      emulationMajor: '1',
      emulationMinor: '36',
      minCompatibilityMajor: '1',
      minCompatibilityMinor: '35',
      gitVersion,
      gitCommit: '',
      gitTreeState: 'clean',
      buildDate,
      goVersion: '',
      compiler: 'node',
      platform,
    }
  }

  #paths(): string[] {
    const groups = new Set<string>([
      '/api',
      '/api/v1',
      '/apis',
      '/healthz',
      '/livez',
      '/metrics',
      '/openapi/v2',
      '/openapi/v3',
      '/openid/v1/jwks',
      '/readyz',
      '/version',
      '/.well-known/openid-configuration',
    ])
    for (const { group, version } of this.#deps.resources.infos()) {
      if (group === '') continue
      groups.add(`/apis/${group}`)
      groups.add(`/apis/${group}/${version}`)
    }
    return [...groups].sort()
  }
}

const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

function accepts(request: ApiRequest, type: string): boolean {
  const accept = request.credentials.header('accept')
  return !accept || accept.includes('*/*') || accept.includes(type) || type === 'application/json'
}

interface Aggregated {
  readonly aggregated: true
  readonly type: string
  readonly document: unknown
}

function isAggregated(body: unknown): body is Aggregated {
  return typeof body === 'object' && body !== null && 'aggregated' in body
}
