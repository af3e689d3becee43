import type { Clock } from '../../base/clock.js'
import { Engine } from '../engine/engine.js'
import { MemoryBackend } from './memory-backend.js'

/** A store that lives as long as the process: for clusters inside a test. */
export function openMemoryStore(options: { clock: Clock }): Engine {
  return new Engine(new MemoryBackend(), options.clock)
}
