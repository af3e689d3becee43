/** `quorate up` as its user meets it: three control planes and two workers from nothing, a first Deployment, and what it costs to keep. */
import { clock, figure, median, until } from './processes.js'
import { UpCluster } from './up-cluster.js'

const rounds = 5
/** What start-up leaves behind (compilation, garbage) is over by then. */
const settleMs = 30_000
const idleMs = 60_000

interface Deployment {
  status?: { availableReplicas?: number }
}

function deployment(name: string): unknown {
  const labels = { app: name }
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name } },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'example.com/main:1' }] } },
    },
  }
}

async function main(): Promise<void> {
  const ready: number[] = []
  const available: number[] = []
  let rss = 0
  let cpu = 0
  for (let round = 1; round <= rounds; round++) {
    const cluster = new UpCluster('bench')
    try {
      const startedAtMs = clock.monotonic()
      await cluster.up()
      ready.push(clock.monotonic() - startedAtMs)
      await cluster.request('POST', '/apis/apps/v1/namespaces/default/deployments', deployment('first'))
      await until('the first Deployment is available', 20_000, async () => {
        const { status } = await cluster.request<Deployment>('GET', '/apis/apps/v1/namespaces/default/deployments/first')
        return status?.availableReplicas === 1
      })
      available.push(clock.monotonic() - startedAtMs)
      if (round < rounds) continue
      await clock.sleep(settleMs)
      const before = await cluster.cpuSeconds()
      await clock.sleep(idleMs)
      cpu = (((await cluster.cpuSeconds()) - before) / (idleMs / 1000)) * 100
      rss = await cluster.rssMiB()
    } finally {
      await cluster.remove()
    }
  }
  figure('up: all 5 nodes Ready (median)', median(ready) / 1000, 's', 4.5)
  figure('up: first Deployment Available (median)', median(available) / 1000, 's', 10.1)
  figure('up: memory of all processes, idle', rss, 'MiB', 1_487)
  figure('up: processor time, idle', cpu, '% of a core', 11)
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
