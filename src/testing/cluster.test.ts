import { AuthenticationV1Api, KubeConfig } from '@kubernetes/client-node'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { VirtualClock } from '../base/virtual-clock.js'
import type { Deployment } from '../api/types/apps-v1.js'
import type { Node, Pod } from '../api/types/core-v1.js'
import { resources } from '../client/resources.js'
import { type Cluster, startCluster } from './cluster.js'

let cluster: Cluster | undefined
afterEach(async () => {
  await cluster?.stop()
  cluster = undefined
})

function deployment(replicas: number): Deployment {
  const labels = { app: 'web' }
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' } },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'example.com/web:1' }] } },
    },
  } as Deployment
}

const isReady = ({ status }: Node) => status?.conditions?.find(({ type }) => type === 'Ready')?.status

describe('a cluster in one process', () => {
  it('runs a Deployment on its nodes', async () => {
    cluster = await startCluster({ nodes: 2 })
    const deployments = cluster.client.resource<Deployment>(resources.deployments)
    await deployments.create(deployment(3))
    await vi.waitFor(async () => expect((await deployments.get('default', 'web')).status?.availableReplicas).toBe(3), 10_000)
    const { items } = await cluster.client.resource<Pod>(resources.pods).list({ namespace: 'default' })
    expect(new Set(items.map(({ spec }) => spec?.nodeName))).toEqual(new Set(['node-1', 'node-2']))
  })

  it('is served to clients outside, who are who their certificate says', async () => {
    cluster = await startCluster({ nodes: 0, serve: true })
    const config = new KubeConfig()
    config.loadFromString(cluster.served?.kubeconfig ?? '')
    const { status } = await config.makeApiClient(AuthenticationV1Api).createSelfSubjectReview({ body: {} })
    expect(status?.userInfo?.username).toBe('kubernetes-admin')
    expect(status?.userInfo?.groups).toContain('system:masters')
  })

  it('marks a machine that is off when its grace period is over, in no time on a virtual clock', async () => {
    const clock = new VirtualClock()
    cluster = await startCluster({ nodes: [{ name: 'a' }, { name: 'b' }], clock })
    const nodes = cluster.client.resource<Node>(resources.nodes)
    await clock.advance(20_000)
    expect(isReady(await nodes.get('', 'b'))).toBe('True')
    cluster.setNodes([{ name: 'a' }, { name: 'b', stopped: true }])
    await clock.advance(30_000)
    expect(isReady(await nodes.get('', 'b'))).toBe('True')
    await clock.advance(40_000)
    expect(isReady(await nodes.get('', 'a'))).toBe('True')
    expect(isReady(await nodes.get('', 'b'))).toBe('Unknown')
  })
})
