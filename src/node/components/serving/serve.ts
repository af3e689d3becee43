/**
 * The server of a component: HTTPS with health, metrics and configuration for those who may see them, and whatever paths the
 * component adds. It is shared by kube-controller-manager, kube-scheduler and the kubelet.
 */
import { hostname } from 'node:os'
import { messageOf, QuorateError } from '../../../base/errors.js'
import type { Metrics } from '../../../base/metrics.js'
import { StatusError, unauthorized } from '../../../api/status.js'
import type { UserInfo } from '../../../apiserver/authn/authenticator.js'
import type { Attributes } from '../../../apiserver/authz/authorizer.js'
import { forbiddenRequest } from '../../../apiserver/authz/forbidden.js'
import { type ApiRequest, jsonHeaders, type Responder } from '../../../apiserver/handler.js'
import type { Health } from '../../../apiserver/health.js'
import { ClientCertificates } from '../../../apiserver/http/certificate.js'
import { listen } from '../../../apiserver/http/listen.js'
import { createAuthority, createLeaf } from '../../../pki/certificates.js'
import type { HostedDeps } from '../component.js'
import { followAuthenticationInfo } from './authentication-info.js'
import { type DelegatedAuth, type DelegatedAuthOptions, delegatedAuth } from './delegated-auth.js'

export interface ServeOptions {
  readonly component: string
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** PEM; made for the occasion when left out. */
  readonly cert?: string
  readonly key?: string
  /** Further names of a certificate that is made. */
  readonly ipAddresses?: readonly string[]
  /** PEM of --client-ca-file and --requestheader-client-ca-file. */
  readonly clientCa?: string
  readonly frontProxyCa?: string
  readonly maxStreams?: number
  readonly auth: Omit<DelegatedAuthOptions, 'clock'>
  /** Authorities that are not given are taken from the cluster (kube-system/extension-apiserver-authentication). */
  readonly lookupAuthorities?: boolean
  readonly deps: HostedDeps
  readonly health: Health
  readonly metrics: Metrics
  /** What /configz shows: component configurations by name. */
  configz?(): Readonly<Record<string, unknown>>
  /** Further paths. False: not one of mine. Errors are answered as Status. */
  handle?(request: ApiRequest, responder: Responder, user: UserInfo): boolean | Promise<boolean>
  /** What a request is, for authorization; the path when left out or undefined (the kubelet's are subresources of its node). */
  attributesOf?(request: ApiRequest): Omit<Attributes, 'user'> | undefined
}

export interface Serving {
  readonly port: number
  /** New serving certificate, for new connections. */
  setCertificate(cert: string, key: string): void
  close(how?: { crash?: boolean }): Promise<void>
}

const maxRequestBytes = 3 * 2 ** 20
const closeGraceMs = 500
const textHeaders = {
  'content-type': 'text/plain; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache, private',
}
const metricsHeaders = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }

export async function serve(options: ServeOptions): Promise<Serving> {
  const { deps, clientCa, frontProxyCa, component } = options
  const server = new ComponentServer(options)
  const ending = new AbortController()
  const lookup = options.lookupAuthorities === true && options.auth.authenticationClient !== undefined && clientCa === undefined
  const listening = await listen({
    ...{ host: options.host, port: options.port, ...(await pairOf(options)), maxRequestBytes, askForCertificates: lookup },
    ...(lookup ? {} : { clientCertificates: certificatesOf({ clientCa, frontProxyCa }) }),
    ...(options.maxStreams ? { maxStreams: options.maxStreams } : {}),
    handle: (request, responder) => void server.answer(request, responder),
  }).catch((error: unknown) => {
    throw new QuorateError('ListenFailed', `${component} cannot listen on ${options.host}:${options.port}: ${messageOf(error)}`, {
      cause: error,
      remedy: 'End what listens there, or choose another port.',
    })
  })
  if (lookup && options.auth.authenticationClient)
    void followAuthenticationInfo(options.auth.authenticationClient, deps, ending.signal, (info) => {
      listening.setClientCertificates(certificatesOf(info))
      server.trust(info.requestHeader)
    })
  deps.logger.info('Serving securely', { address: `${options.host}:${listening.port}` })
  const withdraw = deps.hostedHealth?.add(`127.0.0.1:${listening.port}`, (path) => server.healthStatus(path))
  return {
    port: listening.port,
    setCertificate: (cert, key) => listening.setCertificate(cert, key),
    async close(how) {
      withdraw?.()
      ending.abort()
      await listening.close(how?.crash ? 0 : closeGraceMs)
    },
  }
}

function certificatesOf({ clientCa, frontProxyCa }: { clientCa?: string; frontProxyCa?: string }): ClientCertificates {
  return new ClientCertificates({ ...(clientCa ? { users: clientCa } : {}), ...(frontProxyCa ? { frontProxies: frontProxyCa } : {}) })
}

/** The serving certificate that was given, or one made for the occasion. */
async function pairOf({ cert, key, component, ipAddresses = [], deps }: ServeOptions): Promise<{ cert: string; key: string }> {
  if (cert && key) return { cert, key }
  const nowMs = deps.clock.now()
  const authority = await createAuthority(`${component}-ca`, { nowMs })
  const names = { dnsNames: ['localhost', hostname()], ipAddresses: ['127.0.0.1', ...ipAddresses] }
  return createLeaf(authority, { commonName: `${component}@${hostname()}`.slice(0, 64), usages: ['server'], ...names, nowMs })
}

class ComponentServer {
  readonly #options: ServeOptions
  #auth: DelegatedAuth

  constructor(options: ServeOptions) {
    this.#options = options
    this.#auth = delegatedAuth({ ...options.auth, clock: options.deps.clock })
  }

  trust(requestHeader: DelegatedAuthOptions['requestHeader']): void {
    const { auth, deps } = this.#options
    this.#auth = delegatedAuth({ ...auth, clock: deps.clock, ...(requestHeader ? { requestHeader } : {}) })
  }

  /** Never rejects: every failure is an answer. */
  async answer(request: ApiRequest, responder: Responder): Promise<void> {
    try {
      await this.#route(request, responder, await this.#admit(request))
    } catch (error) {
      this.#refuse(request, responder, error)
    }
  }

  /** Everybody may ask how a component is. */
  async healthStatus(path: string): Promise<number> {
    return (await this.#options.health.answer(path, new URLSearchParams()))?.status ?? 404
  }

  /** The user, if it may ask this; throws StatusError. */
  async #admit(request: ApiRequest): Promise<UserInfo> {
    const user = await this.#auth.authenticate(request.credentials)
    if (!user) throw unauthorized()
    const verb = request.method.toLowerCase()
    const asked = { ...(this.#options.attributesOf?.(request) ?? { verb, path: request.path }), user }
    if (!(await this.#auth.authorize(asked))) throw forbiddenRequest(asked, '')
    return user
  }

  async #route(request: ApiRequest, responder: Responder, user: UserInfo): Promise<void> {
    const { health, metrics, configz, handle } = this.#options
    const { path } = request
    if (path === '/metrics') return respondText(responder, 200, metrics.text(), metricsHeaders)
    if (path === '/configz' && configz) return responder.respond(200, jsonHeaders, [Buffer.from(JSON.stringify(configz()))])
    const verdict = await health.answer(path, request.query)
    if (verdict) return respondText(responder, verdict.status, verdict.text)
    if (await handle?.(request, responder, user)) return
    respondText(responder, 404, '404 page not found\n')
  }

  #refuse(request: ApiRequest, responder: Responder, error: unknown): void {
    if (error instanceof StatusError) return responder.respond(error.code, jsonHeaders, [Buffer.from(JSON.stringify(error.status))])
    this.#options.deps.logger.warn('A request failed', { path: request.path, error: messageOf(error) })
    respondText(responder, 500, `Internal Server Error: ${messageOf(error)}\n`)
  }
}

function respondText(responder: Responder, status: number, text: string, headers: Record<string, string> = textHeaders): void {
  responder.respond(status, headers, [Buffer.from(text)])
}
