/** A big simulated cluster: 1,000 nodes made through the API, a Deployment of 5,000 pods, and its deletion. */
import { clock, figure, until } from './processes.js'
import { UpCluster } from './up-cluster.js'

const nodes = 1_000
const pods = 5_000
const limitMs = 180_000
const deployments = '/apis/apps/v1/namespaces/default/deployments'

function node(i: number): unknown {
  const capacity = { cpu: '8', memory: '16Gi', pods: '110' }
  return {
    ...{ apiVersion: 'v1', kind: 'Node' },
    metadata: { name: `fake-${i}`, annotations: { 'kwok.x-k8s.io/node': 'fake' }, labels: { 'kubernetes.io/hostname': `fake-${i}` } },
    status: { capacity, allocatable: capacity },
  }
}

function deployment(): unknown {
  const labels = { app: 'big' }
  const container = { name: 'main', image: 'example.com/main:1', resources: { requests: { cpu: '100m', memory: '64Mi' } } }
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'big' } },
    spec: {
      replicas: pods,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  }
}

interface List {
  items: { status?: { conditions?: { type: string; status: string }[] } }[]
  metadata: { remainingItemCount?: number }
}

const seconds = (sinceMs: number) => (clock.monotonic() - sinceMs) / 1000

async function main(): Promise<void> {
  const cluster = new UpCluster('bench')
  try {
    await cluster.up('--workers=0')
    const nodesAtMs = clock.monotonic()
    let next = 0
    const caller = async () => {
      while (next < nodes) await cluster.request('POST', '/api/v1/nodes', node(next++))
    }
    await Promise.all(Array.from({ length: 32 }, caller))
    await until('the nodes are Ready', limitMs, async () => {
      const { items } = await cluster.request<List>('GET', '/api/v1/nodes?resourceVersion=0')
      const ready = items.filter(({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'))
      return ready.length >= nodes
    })
    figure(`${nodes} nodes created and Ready`, seconds(nodesAtMs), 's', 10.6)

    const podsAtMs = clock.monotonic()
    await cluster.request('POST', deployments, deployment())
    await until('the pods are Ready', limitMs, async () => {
      const { status } = await cluster.request<{ status?: { readyReplicas?: number } }>('GET', `${deployments}/big`)
      return status?.readyReplicas === pods
    })
    figure(`a Deployment of ${pods} pods Ready`, seconds(podsAtMs), 's', 49)
    figure('memory of all processes at that size', await cluster.rssMiB(), 'MiB', 1_990)

    const deletedAtMs = clock.monotonic()
    await cluster.request('DELETE', `${deployments}/big`, { propagationPolicy: 'Background' })
    await until('the pods are gone', limitMs, async () => {
      const { items } = await cluster.request<List>('GET', '/api/v1/namespaces/default/pods?limit=1')
      return items.length === 0
    })
    figure('that Deployment deleted, its pods gone', seconds(deletedAtMs), 's', 38)
  } finally {
    await cluster.remove()
  }
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
