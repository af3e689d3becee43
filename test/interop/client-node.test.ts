/** The official JavaScript client against a cluster of `quorate up`. */
import * as k8s from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type TestCluster, upCluster } from '../cluster.js'

describe('@kubernetes/client-node', () => {
  let cluster: TestCluster
  const config = new k8s.KubeConfig()
  beforeAll(async () => {
    cluster = await upCluster('client-node')
    config.loadFromFile(cluster.kubeconfig)
  })
  afterAll(async () => cluster?.remove())

  it('creates, lists, patches and deletes', async () => {
    const core = config.makeApiClient(k8s.CoreV1Api)
    const namespace = 'default'
    await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'a', labels: { tier: 'x' } }, data: { k: 'v' } } })
    const { items } = await core.listNamespacedConfigMap({ namespace, labelSelector: 'tier=x' })
    expect(items.map(({ metadata, data }) => [metadata?.name, data])).toEqual([['a', { k: 'v' }]])
    await core.deleteNamespacedConfigMap({ namespace, name: 'a' })
    await expect(core.readNamespacedConfigMap({ namespace, name: 'a' })).rejects.toMatchObject({ code: 404 })
  })

  it('informs of pods of a Deployment', async () => {
    const core = config.makeApiClient(k8s.CoreV1Api)
    const apps = config.makeApiClient(k8s.AppsV1Api)
    const informer = k8s.makeInformer(config, '/api/v1/namespaces/default/pods', () => core.listNamespacedPod({ namespace: 'default' }))
    const running = new Set<string>()
    const see = ({ metadata, status }: k8s.V1Pod) => {
      if (status?.phase === 'Running') running.add(metadata?.name ?? '')
    }
    informer.on('add', see)
    informer.on('update', see)
    await informer.start()
    const labels = { app: 'node' }
    await apps.createNamespacedDeployment({
      namespace: 'default',
      body: {
        metadata: { name: 'node' },
        spec: {
          replicas: 3,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'example.com/main:1' }] } },
        },
      },
    })
    await vi.waitFor(() => expect(running.size).toBe(3), { timeout: 15_000, interval: 20 })
    await informer.stop()
  })
})
