/** The embedded store: the engine over LMDB in a directory of its own, open in one process at a time. */
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Cancel, Clock } from '../../base/clock.js'
import { processStart } from '../../base/node/process-start.js'
import { QuorateError, messageOf } from '../../base/errors.js'
import { Engine } from '../engine/engine.js'
import { LmdbBackend } from './lmdb-backend.js'

export interface EmbeddedOptions {
  readonly dir: string
  readonly clock: Clock
  /** History is kept at least this long and at most twice as long; 0: for ever. Default 5 minutes, as kube-apiserver asks of etcd. */
  readonly compactionIntervalMs?: number
}

const mapBytesMax = 64 * 2 ** 30

/** Throws QuorateError StoreLocked when another process has the directory, StoreUnusable when it cannot be written. */
export async function openEmbeddedStore({ dir, clock, compactionIntervalMs = 300_000 }: EmbeddedOptions): Promise<Engine> {
  const lock = takeLock(dir)
  const { open } = await import('lmdb')
  const root = open({
    path: join(dir, 'data.mdb'),
    noSubdir: true,
    mapSize: mapBytesMax,
    maxDbs: 4,
    compression: false,
    cache: false,
  } as never)
  chmodSync(join(dir, 'data.mdb'), 0o600)
  const engine = new Engine(new LmdbBackend(root, join(dir, 'data.mdb'), clock), clock)
  const stopCompaction = compactionIntervalMs > 0 ? compactPeriodically(engine, clock, compactionIntervalMs) : undefined
  const close = engine.close.bind(engine)
  engine.close = async () => {
    stopCompaction?.()
    await close()
    lock.release()
  }
  return engine
}

/** A file that names the process which has the store; one whose process is gone is nobody's. */
function takeLock(dir: string): { release(): void } {
  const file = join(dir, 'lock')
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    chmodSync(dir, 0o700)
  } catch (error) {
    throw new QuorateError('StoreUnusable', `the data directory ${dir} cannot be used: ${messageOf(error)}`, {
      remedy: 'Choose a directory that this user may write.',
      cause: error,
    })
  }
  for (let tries = 0; ; tries++) {
    try {
      const descriptor = openSync(file, 'wx', 0o600)
      writeSync(descriptor, `${process.pid} ${processStart(process.pid) ?? ''}`)
      closeSync(descriptor)
      return { release: () => rmSync(file, { force: true }) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tries > 2)
        throw new QuorateError('StoreUnusable', `the data directory ${dir} cannot be locked: ${messageOf(error)}`, { cause: error })
      const holder = holderOf(readFileSync(file, 'utf8'))
      if (holder !== undefined && holder !== process.pid) {
        throw new QuorateError('StoreLocked', `the data directory ${dir} is in use by process ${holder}`, {
          remedy: 'Stop that process, or choose another directory.',
        })
      }
      rmSync(file, { force: true })
    }
  }
}

/** The process that a lock names, if it is still the one that wrote it: process ids are used again, after a restart of the machine at once. */
function holderOf(lock: string): number | undefined {
  const [, pid, start] = /^(\d+) (.+)$/.exec(lock) ?? []
  return pid !== undefined && processStart(Number(pid)) === start ? Number(pid) : undefined
}

/** Each time round, what was the present one time ago becomes the oldest that can be read. */
function compactPeriodically(engine: Engine, clock: Clock, intervalMs: number): Cancel {
  let previous = engine.durableRevision
  let cancel: Cancel
  const tick = () => {
    const target = previous
    previous = engine.durableRevision
    // A revision that was compacted by request meanwhile needs nothing more.
    if (target > engine.compactedRevision) engine.compact(target).catch(() => undefined)
    cancel = clock.timer(intervalMs, tick)
  }
  cancel = clock.timer(intervalMs, tick)
  return () => cancel()
}
