/** Where a node's kubelet listens: from its Node, as upstream's NodeConnectionInfoGetter reads it. */
import type { Node } from '../../api/types/core-v1.js'
import { serviceUnavailable } from '../../api/status.js'
import { kubeletEndpointAnnotation } from '../../api/well-known.js'
import { resources } from '../../client/resources.js'
import type { ConnectorDeps } from './connector.js'
import type { Endpoint } from './dial.js'

const kubeletPort = 10250

export async function kubeletEndpoint({ access, preferredAddressTypes }: ConnectorDeps, nodeName: string): Promise<Endpoint> {
  const node = await access.client.resource<Node>(resources.nodes).get('', nodeName)
  return endpointOfNode(node, preferredAddressTypes)
}

export function endpointOfNode(node: Node, preferredAddressTypes: readonly string[]): Endpoint {
  const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port || kubeletPort
  const own = loopbackEndpoint(node.metadata.annotations?.[kubeletEndpointAnnotation] ?? '')
  if (own) return { scheme: 'https', ...own, kubelet: true }
  for (const type of preferredAddressTypes) {
    const address = node.status?.addresses?.find((candidate) => candidate.type === type)?.address
    if (address) return { scheme: 'https', host: address, port, kubelet: true }
  }
  throw serviceUnavailable(`no preferred addresses found for node ${node.metadata.name}; known addresses: ${describe(node)}`)
}

/** Only a loopback host counts: whoever may annotate a Node must not turn the server's credentials elsewhere. */
function loopbackEndpoint(text: string): { host: string; port: number } | undefined {
  const match = /^(127(?:\.\d{1,3}){3}|\[::1\]|localhost):(\d{1,5})$/.exec(text)
  return match ? { host: (match[1] as string).replace(/^\[|\]$/g, ''), port: Number(match[2]) } : undefined
}

function describe({ status }: Node): string {
  return (status?.addresses ?? []).map(({ type, address }) => `${type}=${address}`).join(', ') || 'none'
}
