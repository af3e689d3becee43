import { quantityValue } from '../../api/quantity.js'
import { parseDurationMs } from '../../base/duration.js'

/** Eviction signals and thresholds (node-pressure eviction), by upstream's names. Pure. */
export const signals = [
  'memory.available',
  'allocatableMemory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'containerfs.available',
  'containerfs.inodesFree',
  'pid.available',
] as const
export type Signal = (typeof signals)[number]

export type Pressure = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure'

export function pressureOf(signal: Signal): Pressure {
  if (signal === 'memory.available' || signal === 'allocatableMemory.available') return 'MemoryPressure'
  return signal === 'pid.available' ? 'PIDPressure' : 'DiskPressure'
}

/** As messages name what runs short. */
export function resourceOf(signal: Signal): 'memory' | 'ephemeral-storage' | 'inodes' | 'pids' {
  const pressure = pressureOf(signal)
  if (pressure === 'MemoryPressure') return 'memory'
  if (pressure === 'PIDPressure') return 'pids'
  return signal.endsWith('inodesFree') ? 'inodes' : 'ephemeral-storage'
}

export interface Observation {
  readonly available: number
  readonly capacity: number
}

export type Observations = ReadonlyMap<Signal, Observation>

export interface Threshold {
  readonly signal: Signal
  /** An amount, or a share of the capacity in percent. */
  readonly value: { readonly amount: number } | { readonly percent: number }
  /** How long it must hold: 0 for a hard one. */
  readonly graceMs: number
  readonly isSoft: boolean
  /** How much more than the threshold must be free again before it counts as over. */
  readonly reclaim: { readonly amount: number } | { readonly percent: number } | undefined
}

export interface EvictionConfiguration {
  readonly evictionHard: Readonly<Record<string, string>>
  readonly evictionSoft: Readonly<Record<string, string>>
  readonly evictionSoftGracePeriod: Readonly<Record<string, string>>
  readonly evictionMinimumReclaim: Readonly<Record<string, string>>
  readonly enforceNodeAllocatable: readonly string[]
}

/** Throws for a signal that does not exist. */
export function thresholdsOf(config: EvictionConfiguration): Threshold[] {
  const thresholds: Threshold[] = []
  for (const isSoft of [false, true]) {
    for (const [name, text] of Object.entries(isSoft ? config.evictionSoft : config.evictionHard)) {
      const signal = signals.find((each) => each === name)
      if (!signal) throw new Error(`unsupported eviction signal ${name}`)
      const value = amountOrPercent(text)
      // "0%" and "100%" of a hard threshold switch it off.
      if ('percent' in value && (value.percent === 0 || value.percent === 100)) continue
      const reclaim = config.evictionMinimumReclaim[name]
      thresholds.push({
        ...{ signal, value, isSoft },
        graceMs: isSoft ? (parseDurationMs(config.evictionSoftGracePeriod[name] ?? '') ?? 0) : 0,
        reclaim: reclaim === undefined ? undefined : amountOrPercent(reclaim),
      })
    }
  }
  if (config.enforceNodeAllocatable.includes('pods')) {
    // What pods together may have must not run out either, where the node itself still has memory.
    const memory = thresholds.find(({ signal, isSoft }) => signal === 'memory.available' && !isSoft)
    if (memory) thresholds.push({ ...memory, signal: 'allocatableMemory.available' })
  }
  return thresholds
}

function amountOrPercent(text: string): Threshold['value'] {
  return text.endsWith('%') ? { percent: Number.parseFloat(text) } : { amount: quantityValue(text) }
}

export function valueIn(value: Threshold['value'], capacity: number): number {
  return 'amount' in value ? value.amount : Math.floor((capacity * value.percent) / 100)
}

export function isMet({ signal, value, reclaim }: Threshold, observations: Observations, withReclaim: boolean): boolean {
  const seen = observations.get(signal)
  if (!seen) return false
  const least = valueIn(value, seen.capacity) + (withReclaim && reclaim ? valueIn(reclaim, seen.capacity) : 0)
  return seen.available < least
}
