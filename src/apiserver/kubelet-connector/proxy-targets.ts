/** What the proxy subresources lead to. A name is [scheme:]name[:port], as in nodes/https:cp-1:10250/proxy. */
import type { Endpoints, Node, Pod, Service } from '../../api/types/core-v1.js'
import { badRequest, hasReason, serviceUnavailable } from '../../api/status.js'
import { resources } from '../../client/resources.js'
import type { ConnectorDeps } from './connector.js'
import type { Endpoint } from './dial.js'
import { endpointOfNode } from './kubelet-endpoint.js'

interface ProxyName {
  readonly scheme: 'http' | 'https' | ''
  readonly name: string
  readonly port: string
}

/** Throws BadRequest. */
export function parseProxyName(text: string): ProxyName {
  const parts = text.split(':')
  if (parts.length === 1) return { scheme: '', name: text, port: '' }
  if (parts.length === 2) return { scheme: '', name: parts[0] as string, port: parts[1] as string }
  const [scheme = '', name = '', port = ''] = parts
  if (parts.length > 3 || (scheme !== 'http' && scheme !== 'https' && scheme !== ''))
    throw badRequest(`invalid proxy request ${JSON.stringify(text)}`)
  return { scheme, name, port }
}

export async function nodeTarget({ access, preferredAddressTypes }: ConnectorDeps, _namespace: string, text: string): Promise<Endpoint> {
  const { scheme, name, port } = parseProxyName(text)
  const node = await access.client.resource<Node>(resources.nodes).get('', name)
  const kubelet = endpointOfNode(node, preferredAddressTypes)
  if (port === '' || Number(port) === kubelet.port) return kubelet
  return { scheme: scheme || 'http', host: kubelet.host, port: portNumber(port) }
}

export async function podTarget({ access }: ConnectorDeps, namespace: string, text: string): Promise<Endpoint> {
  const { scheme, name, port } = parseProxyName(text)
  const pod = await access.client.resource<Pod>(resources.pods).get(namespace, name)
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? [])
  const number = port === '' ? ports[0]?.containerPort : (ports.find((known) => known.name === port)?.containerPort ?? portNumber(port))
  if (!pod.status?.podIP) throw badRequest('address not allowed')
  return { scheme: scheme || 'http', host: pod.status.podIP, port: number ?? (scheme === 'https' ? 443 : 80) }
}

/** A ready endpoint of the Service, any of them. */
export async function serviceTarget(
  { access, random }: Pick<ConnectorDeps, 'access' | 'random'>,
  namespace: string,
  text: string,
): Promise<Endpoint> {
  const { scheme, name, port } = parseProxyName(text)
  const service = await access.client.resource<Service>(resources.services).get(namespace, name)
  const ports = service.spec?.ports ?? []
  const wanted = port === '' && ports.length === 1 ? ports[0] : ports.find((known) => known.name === port || String(known.port) === port)
  if (!wanted) throw serviceUnavailable(`no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`)
  const found = await access.client
    .resource<Endpoints>(resources.endpoints)
    .get(namespace, name)
    .catch((error: unknown) => {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    })
  const ready = (found?.subsets ?? []).flatMap(({ addresses = [], ports: open = [] }) => {
    const at = open.find((candidate) => (candidate.name ?? '') === (wanted.name ?? ''))?.port
    return at === undefined ? [] : addresses.map(({ ip }) => ({ ip, at }))
  })
  const chosen = ready[Math.floor(random.next() * ready.length)]
  if (!chosen) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`)
  return { scheme: scheme || 'http', host: chosen.ip, port: chosen.at }
}

function portNumber(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw badRequest(`invalid port ${JSON.stringify(text)}`)
  return port
}
