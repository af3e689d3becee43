import type { ContainerStats } from '../../runtime.js'
import type { CriClient } from './api/client.js'

/** What containers use, sampled; the CPU rate is that between the last two samples. */
type Usage = Pick<ContainerStats, 'cpuNanoCores' | 'cpuCoreNanoSeconds' | 'memoryBytes' | 'writableBytes' | 'writableInodes'>

interface Sample extends Usage {
  /** The runtime's own time of it, in nanoseconds. */
  readonly at: number
}

export class StatsCollector {
  readonly #client: Pick<CriClient, 'listContainerStats'>
  #samples = new Map<string, Sample>()

  constructor({ client }: { readonly client: Pick<CriClient, 'listContainerStats'> }) {
    this.#client = client
  }

  of(id: string): Usage | undefined {
    const sample = this.#samples.get(id)
    if (!sample) return undefined
    const { at: _, ...usage } = sample
    return usage
  }

  async collect(): Promise<void> {
    const next = new Map<string, Sample>()
    for (const { attributes, cpu, memory, writableLayer } of await this.#client.listContainerStats()) {
      if (!attributes) continue
      const before = this.#samples.get(attributes.id)
      const at = cpu?.timestamp ?? 0
      const cpuCoreNanoSeconds = cpu?.usageCoreNanoSeconds?.value ?? 0
      const elapsed = before ? at - before.at : 0
      const rate =
        before && elapsed > 0 ? ((cpuCoreNanoSeconds - before.cpuCoreNanoSeconds) / elapsed) * 1e9 : (cpu?.usageNanoCores?.value ?? 0)
      next.set(attributes.id, {
        ...{ at, cpuCoreNanoSeconds, cpuNanoCores: Math.max(0, Math.round(rate)) },
        memoryBytes: memory?.workingSetBytes?.value ?? memory?.usageBytes?.value ?? 0,
        writableBytes: writableLayer?.usedBytes?.value ?? 0,
        writableInodes: writableLayer?.inodesUsed?.value ?? 0,
      })
    }
    this.#samples = next
  }
}
