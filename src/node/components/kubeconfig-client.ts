/**
 * A client from a kubeconfig. An API server of this very process is reached without the wire, as the same user; when it stops, or
 * is another process's, over HTTPS.
 */
import { setMaxListeners } from 'node:events'
import { readFileSync } from 'node:fs'
import { messageOf } from '../../base/errors.js'
import { type Client, ConnectionError, type Transport, type TransportRequest, type TransportStream } from '../../client/client.js'
import { httpsTransport } from '../../client/https/transport.js'
import { patientTransport } from '../../client/patient-transport.js'
import { restClient } from '../../client/rest-client.js'
import { gitVersion, platformName } from '../version.js'
import type { HostedApiServer, HostedDeps } from './component.js'
import { type ClusterAccess, readKubeconfig } from './kubeconfig-file.js'

/** How long the text of a token file is used before the file is read again (client-go's period). */
const tokenFileMs = 60_000

export interface KubeconfigClientOptions {
  /** The component's name; the rest of the user agent is added. It is the field manager of what the client writes. */
  readonly userAgent: string
  /** Counts the requests (serving/metrics.ts). */
  observe?(transport: Transport, host: string): Transport
}

/** Throws QuorateError when the file cannot be used. Connects when it is first asked for something. */
export function connectKubeconfig(file: string, deps: HostedDeps, options: KubeconfigClientOptions): Client {
  const access = readKubeconfig(deps.resolvePath(file), deps.resolvePath)
  const transport = patientTransport(accessTransport(access, deps), { clock: deps.clock })
  return restClient(options.observe?.(transport, new URL(access.server).host) ?? transport, { userAgent: userAgentOf(options.userAgent) })
}

export function userAgentOf(component: string): string {
  return `${component}/${gitVersion} (${platformName}) kubernetes/quorate`
}

/** A transport to the kubeconfig's cluster without its user: each request proves itself by its own token. */
export function bareTransport(file: string, deps: HostedDeps): Transport {
  const {
    cert: _cert,
    key: _key,
    token: _token,
    tokenFile: _tokenFile,
    ...cluster
  } = readKubeconfig(deps.resolvePath(file), deps.resolvePath)
  return patientTransport(accessTransport({ ...cluster, headers: {} }, deps), { clock: deps.clock })
}

export function accessTransport(access: ClusterAccess, deps: HostedDeps): Transport {
  const { hostname, port, host } = new URL(access.server)
  const bare = hostname.replace(/^\[|\]$/g, '')
  const wire = httpsTransport({
    url: access.server,
    tls: { ...access },
    headers: access.headers,
    clock: deps.clock,
    dialHost: deps.route?.(bare) ?? bare,
    token: tokenOf(access, deps),
  })
  const { hostedApiServers } = deps
  const impersonates = Object.keys(access.headers).length > 0
  if (!hostedApiServers || impersonates || access.token || access.tokenFile) return wire
  const address = port === '' ? `${host}:443` : host
  return new HostedTransport(() => hostedApiServers.find(address), access.cert, wire)
}

function tokenOf({ token, tokenFile }: ClusterAccess, { clock, logger }: HostedDeps): () => string | undefined {
  if (!tokenFile) return () => token
  let text: string | undefined
  let readAtMs = Number.NEGATIVE_INFINITY
  return () => {
    if (clock.monotonic() - readAtMs < tokenFileMs) return text
    readAtMs = clock.monotonic()
    try {
      text = readFileSync(tokenFile, 'utf8').trim()
    } catch (error) {
      // The last token may still be good.
      logger.error('The token file cannot be read', { file: tokenFile, error: messageOf(error) })
    }
    return text
  }
}

/** Goes to the API server of this process while there is one, else over the wire. */
class HostedTransport implements Transport {
  readonly #find: () => HostedApiServer | undefined
  readonly #certificate: string | undefined
  readonly #wire: Transport
  #known: { readonly server: HostedApiServer; readonly transport: Transport | undefined } | undefined

  constructor(find: () => HostedApiServer | undefined, certificate: string | undefined, wire: Transport) {
    this.#find = find
    this.#certificate = certificate
    this.#wire = wire
  }

  request(request: TransportRequest) {
    const hosted = this.#hosted()
    if (!hosted) return this.#wire.request(request)
    const { gone } = hosted.server
    return gone ? orGone(hosted.transport.request(request), gone) : hosted.transport.request(request)
  }

  async stream(request: TransportRequest): Promise<TransportStream> {
    const hosted = this.#hosted()
    if (!hosted) return this.#wire.stream(request)
    const { gone } = hosted.server
    if (!gone) return hosted.transport.stream(request)
    // The reader's own end and the server's end one stream alike; the reader must be able to tell them apart.
    const signal = request.signal ? AbortSignal.any([request.signal, gone]) : gone
    const stream = await orGone(hosted.transport.stream({ ...request, signal }), gone)
    return { ...stream, body: untilGone(stream.body, gone) }
  }

  close(): Promise<void> {
    this.#known = undefined
    return this.#wire.close()
  }

  #hosted(): { readonly server: HostedApiServer; readonly transport: Transport } | undefined {
    const server = this.#find()
    if (!server) return undefined
    if (this.#known?.server !== server) {
      this.#known = { server, transport: server.transport(this.#certificate) }
      // Every request and watch under way listens to it: many listeners are no leak here.
      if (server.gone) setMaxListeners(0, server.gone)
    }
    const { transport } = this.#known
    return transport && { server, transport }
  }
}

const goneError = () => new ConnectionError('the API server of this process has ended')

function orGone<T>(promise: Promise<T>, gone: AbortSignal): Promise<T> {
  if (gone.aborted) return Promise.reject(goneError())
  return new Promise((resolve, reject) => {
    const onGone = () => reject(goneError())
    gone.addEventListener('abort', onGone, { once: true })
    promise.then(resolve, reject).finally(() => gone.removeEventListener('abort', onGone))
  })
}

async function* untilGone(body: AsyncIterable<Uint8Array>, gone: AbortSignal): AsyncIterable<Uint8Array> {
  yield* body
  if (gone.aborted) throw goneError()
}
