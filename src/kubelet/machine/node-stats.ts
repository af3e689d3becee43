import type { Cancel, Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import type { NodeStats } from '../server/stats-summary.js'
import type { CgroupTree } from './cgroup-tree.js'
import type { FileSystem, LinuxMachine } from './linux.js'

/** What a machine uses, measured every ten seconds, so that whoever asks gets an answer at once. */
export interface NodeSamplerOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly machine: LinuxMachine
  readonly cgroups: CgroupTree
  readonly rootDir: string
  readonly imagesDir: () => string | undefined
}

/** housekeepingInterval */
const periodMs = 10_000

export class NodeSampler {
  readonly #options: NodeSamplerOptions
  #latest: NodeStats | undefined
  #before: { readonly atMs: number; readonly nanoseconds: number } | undefined
  #cancel: Cancel = () => undefined
  #stopped = false

  constructor(options: NodeSamplerOptions) {
    this.#options = options
  }

  get latest(): NodeStats | undefined {
    return this.#latest
  }

  start(): void {
    const { clock, logger } = this.#options
    void this.sample()
      .catch((error: unknown) => logger.warn('The machine could not be measured', { error: messageOf(error) }))
      .finally(() => {
        if (!this.#stopped) this.#cancel = clock.timer(periodMs, () => this.start())
      })
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  async sample(): Promise<void> {
    const { clock, machine, cgroups, rootDir, imagesDir } = this.#options
    const [memory, processes, nanoseconds = 0, fileSystem, images] = await Promise.all([
      machine.memory(),
      machine.processes(),
      cgroups.cpuNanoseconds('/'),
      machine.fileSystem(rootDir),
      machine.fileSystem(imagesDir() ?? rootDir),
    ])
    const atMs = clock.monotonic()
    const before = this.#before
    const elapsedMs = before ? atMs - before.atMs : 0
    this.#before = { atMs, nanoseconds }
    this.#latest = {
      cpuCoreNanoSeconds: nanoseconds,
      cpuNanoCores: before && elapsedMs > 0 ? Math.max(0, Math.round(((nanoseconds - before.nanoseconds) / elapsedMs) * 1_000)) : 0,
      memory: { availableBytes: memory.available, usageBytes: memory.usage, workingSetBytes: memory.workingSet },
      ...{ fileSystem: shown(fileSystem), imageFileSystem: shown(images) },
      processes: { max: processes.capacity, current: processes.capacity - processes.available },
    }
  }
}

function shown(fileSystem: FileSystem | undefined): NodeStats['fileSystem'] {
  if (!fileSystem) return undefined
  const { availableBytes, capacityBytes, usedBytes, inodes, inodesFree } = fileSystem
  return { availableBytes, capacityBytes, usedBytes, inodes, inodesFree }
}
