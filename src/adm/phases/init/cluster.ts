/** What makes a running API server a cluster of kubeadm: its control plane marked, ways to join, who its administrators are. */
import type { Node, Taint } from '../../../api/types/core-v1.js'
import { resources } from '../../../client/resources.js'
import { bootstrapTokenObjects, adminBinding } from '../../../node/cluster-objects/bootstrap-objects.js'
import { clusterUrl } from '../../kubeconfigs/kubeconfigs.js'
import { tokenSecret } from '../../objects/bootstrap-token.js'
import { ensureObjects } from '../../objects/ensure.js'
import { generateToken } from '../../tokens/token.js'
import type { Phase } from '../phase.js'
import { certificatesOf, type InitContext } from './context.js'

export const controlPlaneTaint: Taint = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }
export const controlPlaneLabels = {
  'node-role.kubernetes.io/control-plane': '',
  'node.kubernetes.io/exclude-from-external-load-balancers': '',
}

export const markControlPlanePhase: Phase<InitContext> = {
  name: 'mark-control-plane',
  description: 'Mark a node as a control-plane',
  async run({ say, init, client }) {
    const { name, taints = [controlPlaneTaint] } = init.nodeRegistration
    say(
      `[mark-control-plane] Marking the node ${name} as control-plane by adding the labels: [${Object.keys(controlPlaneLabels).join(' ')}]`,
    )
    const nodes = (await client()).resource<Node>(resources.nodes)
    const { spec } = await nodes.get('', name)
    const wanted = new Set(taints.map(({ key, effect }) => `${key}:${effect}`))
    const kept = (spec?.taints ?? []).filter(({ key, effect }) => !wanted.has(`${key}:${effect}`))
    const body = { metadata: { labels: controlPlaneLabels }, spec: { taints: [...kept, ...taints] } }
    await nodes.patch('', name, { type: 'merge', body })
    if (taints.length > 0)
      say(`[mark-control-plane] Marking the node ${name} as control-plane by adding the taints [${[...wanted].join(' ')}]`)
  },
}

export const bootstrapTokenPhase: Phase<InitContext> = {
  name: 'bootstrap-token',
  description: 'Generates bootstrap tokens used to join a node to a cluster',
  async run(context) {
    const { say, init, cluster, nowMs } = context
    const client = await context.client()
    await ensureObjects(client, [adminBinding()])
    say('[bootstrap-token] Using token(s) to configure the cluster-info ConfigMap and RBAC rules')
    const tokens = init.bootstrapTokens.map((token) => ({ ...token, token: token.token || generateToken() }))
    await ensureObjects(client, [
      ...tokens.map((token) => tokenSecret(token, nowMs)),
      ...bootstrapTokenObjects({
        serverUrl: clusterUrl(cluster, init.localAPIEndpoint),
        caPem: certificatesOf(context).pemOf('ca'),
      }),
    ])
    context.joinToken = tokens[0]?.token
  },
}
