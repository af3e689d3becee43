/**
 * The way from the API server to the kubelets and to what runs behind them: logs, exec, attach, port-forward, and the proxy
 * subresources of pods, nodes and services.
 *
 * exec, attach and port-forward change the protocol: both connections are spliced, so that the subprotocol (WebSocket
 * v5/v4.channel.k8s.io, SPDY) is an agreement between client and kubelet. Everything else is an HTTP request in the caller's name.
 */
import type { Pod } from '../../api/types/core-v1.js'
import { badRequest, methodNotSupported } from '../../api/status.js'
import type { Random } from '../../base/random.js'
import type { ServerAccess } from '../access.js'
import { resources } from '../../client/resources.js'
import type { RestRequest } from '../rest/context.js'
import type { Connector } from '../rest/dispatch.js'
import { requestedContainer } from './container.js'
import { type Dialer, dialer, type DialOptions } from './dial.js'
import { exchange } from './exchange.js'
import { kubeletEndpoint } from './kubelet-endpoint.js'
import { logQuery } from './log-options.js'
import { nodeTarget, podTarget, serviceTarget } from './proxy-targets.js'
import { splice } from './splice.js'

export interface KubeletConnectorOptions extends DialOptions {
  /** --kubelet-preferred-address-types */
  readonly preferredAddressTypes: readonly string[]
  readonly random: Random
}

export interface ConnectorDeps {
  readonly random: Random
  readonly access: ServerAccess
  readonly dialer: Dialer
  readonly preferredAddressTypes: readonly string[]
}

export function kubeletConnector(access: ServerAccess, options: KubeletConnectorOptions): Connector {
  const deps: ConnectorDeps = {
    access,
    random: options.random,
    dialer: dialer(options),
    preferredAddressTypes: options.preferredAddressTypes,
  }
  const streams: Readonly<Record<string, (rest: RestRequest, pod: Pod) => string>> = {
    exec: (rest, pod) => execPath('exec', rest, pod),
    attach: (rest, pod) => execPath('attach', rest, pod),
    portforward: portForwardPath,
  }
  return async (rest) => {
    const { info } = rest
    if (info.subresource === 'log') return serveLog(rest, deps)
    if (info.subresource === 'proxy') return serveProxy(rest, deps)
    const pathOf = streams[info.subresource]
    if (!pathOf) throw methodNotSupported(rest.served.info, info.verb)
    const pod = await deps.access.client.resource<Pod>(resources.pods).get(info.namespace, info.name)
    const path = pathOf(rest, pod)
    if (!pod.spec?.nodeName) throw badRequest(`pod ${info.name} does not have a host assigned`)
    const takeOver = rest.responder.takeOver
    if (!takeOver) throw badRequest('Upgrade request required')
    await splice(deps.dialer, await kubeletEndpoint(deps, pod.spec.nodeName), path, takeOver)
  }
}

async function serveLog(rest: RestRequest, deps: ConnectorDeps): Promise<void> {
  const { info, request, responder } = rest
  const pod = await deps.access.client.resource<Pod>(resources.pods).get(info.namespace, info.name)
  const query = logQuery(info.name, request.query)
  const container = requestedContainer(pod, request.query.get('container') ?? '')
  const node = pod.spec?.nodeName
  // A pod that is nowhere has said nothing yet.
  if (!node) return responder.respond(200, { 'content-type': 'text/plain' }, [])
  const path = `/containerLogs/${info.namespace}/${info.name}/${container}${query}`
  const insecure = request.query.get('insecureSkipTLSVerifyBackend') === 'true'
  const endpoint = { ...(await kubeletEndpoint(deps, node)), ...(insecure ? { insecure } : {}) }
  await exchange(deps.dialer, endpoint, { method: 'GET', path, headers: {}, refusalsAsStatus: true }, rest)
}

function execPath(kind: 'exec' | 'attach', { info, request }: RestRequest, pod: Pod): string {
  const { query } = request
  const container = requestedContainer(pod, query.get('container') ?? '')
  const sent = new URLSearchParams()
  // The kubelet's words for the same things.
  const flags = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' } as const
  for (const [name, kubeletName] of Object.entries(flags)) if (isTrue(query.get(name))) sent.append(kubeletName, '1')
  if (kind === 'exec') for (const word of query.getAll('command')) sent.append('command', word)
  return `/${kind}/${info.namespace}/${info.name}/${container}?${sent.toString()}`
}

function portForwardPath({ info, request }: RestRequest): string {
  // SPDY streams, alone or in a WebSocket, name their ports themselves.
  const sent = new URLSearchParams(request.query.getAll('ports').map((port): [string, string] => ['port', port]))
  return `/portForward/${info.namespace}/${info.name}${sent.size > 0 ? `?${sent.toString()}` : ''}`
}

async function serveProxy(rest: RestRequest, deps: ConnectorDeps): Promise<void> {
  const { info, request, responder } = rest
  const targets = { nodes: nodeTarget, pods: podTarget, services: serviceTarget } as const
  const targetOf = targets[info.resource as keyof typeof targets]
  if (!targetOf) throw methodNotSupported(rest.served.info, info.verb)
  const endpoint = await targetOf(deps, info.namespace, info.name)
  const query = request.query.toString()
  const path = `/${info.rest.split('/').map(encodeURIComponent).join('/')}${query ? `?${query}` : ''}`
  if (responder.takeOver) return splice(deps.dialer, endpoint, path, responder.takeOver)
  const headers = forwardedHeaders(rest)
  await exchange(deps.dialer, endpoint, { method: request.method, path, headers, refusalsAsStatus: false }, rest)
}

/** Of the caller's own hop, or proof of who he is: not for the one behind. */
const ownHeaders = new Set([
  ...['authorization', 'connection', 'host', 'content-length', 'transfer-encoding', 'keep-alive', 'te', 'trailer', 'upgrade'],
  ...['proxy-authorization', 'proxy-connection', 'accept-encoding'],
])

function forwardedHeaders({ request }: RestRequest): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of request.credentials.headerNames?.() ?? []) {
    if (name.startsWith(':') || name.startsWith('impersonate-') || ownHeaders.has(name)) continue
    const value = request.credentials.header(name)
    if (value !== undefined) headers[name] = value
  }
  return request.remoteAddress ? { ...headers, 'x-forwarded-for': request.remoteAddress } : headers
}

function isTrue(value: string | null): boolean {
  return value === 'true' || value === '1'
}
