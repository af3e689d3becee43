import { expect, test } from 'vitest'
import { binaryQuantity, nodeResources } from './allocatable.js'

const machine = {
  cpus: 4,
  memoryBytes: 8_000_000 * 1_024,
  ephemeralStorageBytes: 100 * 2 ** 30,
  hugePages: { 'hugepages-2Mi': 64 * 2 ** 20 },
}
const nothing = { maxPods: 110, podsPerCore: 0, kubeReserved: {}, systemReserved: {}, evictionHard: {} }

test('allocatable is the capacity less reservations, hard eviction thresholds and huge pages', () => {
  const { capacity, allocatable } = nodeResources(machine, {
    ...nothing,
    kubeReserved: { cpu: '100m', memory: '100Mi' },
    systemReserved: { cpu: '50m', 'ephemeral-storage': '1Gi' },
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%' },
  })
  expect(capacity).toEqual({ cpu: '4', memory: '8000000Ki', 'ephemeral-storage': '100Gi', 'hugepages-2Mi': '64Mi', pods: '110' })
  expect(allocatable).toEqual({
    cpu: '3850m',
    memory: `${8_000_000 - (100 + 100 + 64) * 1_024}Ki`,
    'ephemeral-storage': String(89 * 2 ** 30),
    'hugepages-2Mi': '64Mi',
    pods: '110',
  })
})

test('podsPerCore bounds maxPods', () => {
  expect(nodeResources(machine, { ...nothing, podsPerCore: 10 }).capacity.pods).toBe('40')
})

test('bytes are written with the largest suffix that leaves no remainder', () => {
  expect([0, 1_023, 1_024, 1_536, 3 * 2 ** 30].map(binaryQuantity)).toEqual(['0', '1023', '1Ki', '1536', '3Gi'])
})
