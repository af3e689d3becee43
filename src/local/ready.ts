/** The end of `quorate up`: waits for the API, makes what kubeadm makes in a new cluster, and waits until every node is Ready. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, QuorateError } from '../base/errors.js'
import type { GroupVersionResource, KubeObject } from '../api/object.js'
import { hasReason, StatusError } from '../api/status.js'
import type { Node } from '../api/types/core-v1.js'
import type { Client } from '../client/client.js'
import { resources } from '../client/resources.js'
import { bootstrapObjects } from '../node/cluster-objects/bootstrap-objects.js'
import { type ClusterState, nodeNames } from './cluster-state.js'
import type { LocalCluster, LocalContext } from './context.js'
import { apiUrl } from './credentials.js'
import { kubeletConfigText } from './kubelet-config.js'

const pollMs = 50

/** Resolves once the API answers through the load balancer and the objects of kubeadm are there. */
export async function makeUsable(context: LocalContext, cluster: LocalCluster, client: Client, signal: AbortSignal): Promise<void> {
  const caPem = readFileSync(join(cluster.paths.pki, 'ca.crt'), 'utf8')
  const objects = bootstrapObjects({ serverUrl: apiUrl(cluster.state), caPem, kubeletConfig: kubeletConfigText() })
  await insist(context, signal, () => Promise.all(objects.map((object) => createOnce(client, object))))
}

const plurals: Readonly<Record<string, GroupVersionResource>> = {
  ConfigMap: resources.configMaps,
  ClusterRole: resources.clusterRoles,
  ClusterRoleBinding: resources.clusterRoleBindings,
  Role: resources.roles,
  RoleBinding: resources.roleBindings,
}

/** What is there already is the user's: it is left as it is. */
async function createOnce(client: Client, object: KubeObject): Promise<void> {
  const of = plurals[object.kind ?? ''] as GroupVersionResource
  await client
    .resource(of)
    .create(object)
    .catch((error: unknown) => {
      if (!hasReason(error, 'AlreadyExists')) throw error
    })
}

/** Tries until it succeeds, the signal says otherwise, or the server refuses for good. */
async function insist<T>({ clock }: LocalContext, signal: AbortSignal, act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act()
    } catch (error) {
      // While a cluster starts, namespaces and roles are still being made: only a refusal of the request itself is final.
      if (error instanceof StatusError && (error.reason === 'Invalid' || error.reason === 'BadRequest')) throw error
      await clock.sleep(pollMs, signal).catch(() => {
        throw new QuorateError('NotReady', `the API does not answer: ${messageOf(error)}`)
      })
    }
  }
}

const controlPlaneLabels = {
  'node-role.kubernetes.io/control-plane': '',
  'node.kubernetes.io/exclude-from-external-load-balancers': '',
}

export interface NodesProgress {
  readonly ready: number
  readonly of: number
  /** Names of those that are not, at most a few. */
  readonly missing: readonly string[]
}

export interface NodesWait {
  readonly signal: AbortSignal
  /** False: only until the control planes have registered. */
  readonly forReady: boolean
  onProgress(progress: NodesProgress): void
}

/** Marks control planes as such when they appear (a kubelet may not give itself these labels), and resolves once all nodes are Ready. */
export async function nodesReady(
  { clock }: LocalContext,
  { state }: LocalCluster,
  client: Client,
  { signal, forReady, onProgress }: NodesWait,
): Promise<void> {
  const waiting = new Set(forReady ? nodeNames(state) : [])
  const of = waiting.size
  const unmarked = new Set(state.controlPlanes.map(({ name }) => name))
  const see = async (nodes: readonly Node[]): Promise<void> => {
    for (const node of nodes) {
      const { name = '' } = node.metadata
      if (unmarked.has(name) && node.metadata.labels?.['node-role.kubernetes.io/control-plane'] === undefined)
        await client.resource<Node>(resources.nodes).patch('', name, { type: 'merge', body: { metadata: { labels: controlPlaneLabels } } })
      // Only now: a patch that failed is tried again.
      unmarked.delete(name)
      if (isReady(node)) waiting.delete(name)
    }
    onProgress({ ready: of - waiting.size, of, missing: [...waiting].slice(0, 5) })
  }
  const done = () => waiting.size === 0 && unmarked.size === 0
  while (!done() && !signal.aborted) {
    try {
      const { items, resourceVersion } = await client.resource<Node>(resources.nodes).list({ signal })
      await see(items)
      if (done()) return
      for await (const events of client.resource<Node>(resources.nodes).watchBatches({ resourceVersion, signal })) {
        await see(events.filter(({ type }) => type !== 'DELETED').map(({ object }) => object))
        if (done()) return
      }
    } catch {
      // A server that goes away while the cluster starts is no reason to give up.
      await clock.sleep(pollMs, signal).catch(() => undefined)
    }
  }
  if (!done()) throw notReady(state, waiting.size > 0 ? waiting : unmarked)
}

function notReady({ name }: ClusterState, waiting: ReadonlySet<string>): QuorateError {
  const some = [...waiting].slice(0, 5).join(', ')
  return new QuorateError('NotReady', `${waiting.size} of the nodes of ${name} are not Ready: ${some}${waiting.size > 5 ? ', ...' : ''}`, {
    remedy: `The cluster is left running: see \`quorate status ${name}\` and \`quorate logs kubelet/${[...waiting][0] ?? 'cp-1'}\`.`,
  })
}

export function isReady({ status }: Node): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false
}
