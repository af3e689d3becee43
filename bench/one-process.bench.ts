/** A cluster in one warm process: API server, every controller, scheduler and one node, from nothing to a Ready node, and its memory. */
import type { Node } from '../src/api/types/core-v1.js'
import { resources } from '../src/client/resources.js'
import { startCluster } from '../src/testing/cluster.js'
import { clock, figure, median, rssMiB, until } from './processes.js'

const rounds = 7

async function main(): Promise<void> {
  const times: number[] = []
  let rss = 0
  for (let round = 0; round < rounds; round++) {
    const startedAtMs = clock.monotonic()
    const cluster = await startCluster()
    const nodes = cluster.client.resource<Node>(resources.nodes)
    await until('the node is Ready', 10_000, async () => {
      const { status } = await nodes.get('', 'node-1')
      return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false
    })
    // The first round loads the modules: the process is warm after it.
    if (round > 0) times.push(clock.monotonic() - startedAtMs)
    if (round === 0) rss = rssMiB(process.pid)
    await cluster.stop()
  }
  figure('one process: cluster with a Ready node (median)', median(times), 'ms')
  figure('one process: its memory', rss, 'MiB')
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
