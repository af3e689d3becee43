import { quantityMilliValue, quantityValue } from '../../api/quantity.js'

/**
 * What a machine has, and what of it pods may have: the capacity less what the system and the kubelet keep and the amounts at which
 * pods would be evicted (Node Allocatable). Pure.
 */
export interface MachineCapacity {
  readonly cpus: number
  readonly memoryBytes: number
  readonly ephemeralStorageBytes: number
  /** "hugepages-2Mi" → bytes. */
  readonly hugePages: Readonly<Record<string, number>>
}

export interface Reservations {
  readonly maxPods: number
  readonly podsPerCore: number
  readonly kubeReserved: Readonly<Record<string, string>>
  readonly systemReserved: Readonly<Record<string, string>>
  readonly evictionHard: Readonly<Record<string, string>>
}

export interface NodeResources {
  readonly capacity: Readonly<Record<string, string>>
  readonly allocatable: Readonly<Record<string, string>>
}

export function nodeResources(machine: MachineCapacity, reservations: Reservations): NodeResources {
  const { cpus, memoryBytes, ephemeralStorageBytes, hugePages } = machine
  const { maxPods, podsPerCore, evictionHard } = reservations
  const pods = podsPerCore > 0 ? Math.min(podsPerCore * cpus, maxPods) : maxPods
  const kept = (resource: string, value: (text: string | undefined) => number) =>
    value(reservations.kubeReserved[resource]) + value(reservations.systemReserved[resource])
  const inHugePages = Object.values(hugePages).reduce((sum, bytes) => sum + bytes, 0)
  const memoryLeft =
    memoryBytes - kept('memory', quantityValue) - thresholdBytes(evictionHard['memory.available'], memoryBytes) - inHugePages
  const storageLeft =
    ephemeralStorageBytes -
    kept('ephemeral-storage', quantityValue) -
    thresholdBytes(evictionHard['nodefs.available'], ephemeralStorageBytes)
  const pages = Object.fromEntries(Object.entries(hugePages).map(([name, bytes]) => [name, binaryQuantity(bytes)]))
  return {
    capacity: {
      cpu: String(cpus),
      'ephemeral-storage': binaryQuantity(ephemeralStorageBytes),
      ...pages,
      memory: binaryQuantity(memoryBytes),
      pods: String(pods),
    },
    allocatable: {
      cpu: milliQuantity(cpus * 1_000 - kept('cpu', quantityMilliValue)),
      'ephemeral-storage': String(Math.max(0, storageLeft)),
      ...pages,
      memory: binaryQuantity(Math.max(0, memoryLeft)),
      pods: String(pods),
    },
  }
}

/** A threshold as an amount: a quantity, or a share of the capacity. */
export function thresholdBytes(text: string | undefined, capacity: number): number {
  if (text === undefined) return 0
  return text.endsWith('%') ? Math.floor((capacity * Number.parseFloat(text)) / 100) : quantityValue(text)
}

const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']

/** As apimachinery writes a BinarySI quantity: the largest suffix that leaves no remainder. */
export function binaryQuantity(bytes: number): string {
  let rest = Math.max(0, Math.floor(bytes))
  let index = 0
  while (rest >= 1_024 && rest % 1_024 === 0 && index < binarySuffixes.length - 1) {
    rest /= 1_024
    index++
  }
  return `${rest}${binarySuffixes[index]}`
}

function milliQuantity(milli: number): string {
  const left = Math.max(0, milli)
  return left % 1_000 === 0 ? String(left / 1_000) : `${left}m`
}
