/** The bootstrap tokens of a cluster: made, listed, taken away. */
import type { ConfigMap, Secret } from '../../api/types/core-v1.js'
import { hasReason } from '../../api/status.js'
import { QuorateError } from '../../base/errors.js'
import type { Client } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import { parse } from 'yaml'
import type { BootstrapToken } from '../config/types.js'
import { type KnownToken, tokenOf, tokenSecret, tokenSecretName, tokenSecretType } from '../objects/bootstrap-token.js'

const namespace = 'kube-system'

export async function createToken(client: Client, token: BootstrapToken, nowMs: number): Promise<void> {
  try {
    await client.resource<Secret>(resources.secrets).create(tokenSecret(token, nowMs))
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error
    throw new QuorateError('TokenExists', `a token with id ${token.token.split('.')[0] ?? ''} already exists`, {
      remedy: 'Delete it first ("quorate token delete"), or let a random one be made.',
    })
  }
}

export async function listTokens(client: Client): Promise<KnownToken[]> {
  const { items } = await client.resource<Secret>(resources.secrets).list({ namespace, fieldSelector: `type=${tokenSecretType}` })
  return items.flatMap((secret) => tokenOf(secret) ?? [])
}

/** `token`: the whole, or its id alone. */
export async function deleteToken(client: Client, token: string): Promise<void> {
  const id = token.split('.')[0] ?? ''
  if (!/^[a-z0-9]{6}$/.test(id))
    throw new QuorateError('BadUsage', `given token or id does not match [a-z0-9]{6} or [a-z0-9]{6}.[a-z0-9]{16}`)
  try {
    await client.resource<Secret>(resources.secrets).delete(namespace, tokenSecretName(token))
  } catch (error) {
    if (hasReason(error, 'NotFound'))
      throw new QuorateError('TokenUnknown', `there is no token ${id}`, { remedy: 'See "quorate token list".' })
    throw error
  }
}

/** Where others reach the API, and who signs for it: from kube-public/cluster-info. */
export async function clusterInfo(client: Client): Promise<{ endpoint: string; caPem: string }> {
  const { data } = await client.resource<ConfigMap>(resources.configMaps).get('kube-public', 'cluster-info')
  const config = parse(data?.kubeconfig ?? '') as {
    clusters?: { cluster: { server: string; 'certificate-authority-data': string } }[]
  } | null
  const cluster = config?.clusters?.[0]?.cluster
  if (!cluster)
    throw new QuorateError('ClusterInfoUnusable', 'kube-public/cluster-info has no cluster', {
      remedy: 'Run "quorate init phase bootstrap-token".',
    })
  return { endpoint: new URL(cluster.server).host, caPem: Buffer.from(cluster['certificate-authority-data'], 'base64').toString() }
}
