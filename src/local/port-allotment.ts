/**
 * Ports. A cluster has a block of 100 consecutive ports that it keeps for life, below the range from which systems take the ports of
 * outgoing connections and of NodePort Services, so that they are still free when the cluster starts again.
 */
import { connect, createServer } from 'node:net'
import { QuorateError } from '../base/errors.js'
import type { ControlPlanePorts, EtcdMember } from './cluster-state.js'

export const blockSize = 100
const firstBlock = 20_000
const blockCount = 99
/** Places of a block: the load balancer and the fleet, external etcd members, then nine control planes of eight ports. */
const fleetAt = 1
const etcdAt = 4
const controlPlanesAt = 20
const portsPerControlPlane = 8

export interface BlockSearch {
  /** Where the search begins: any number, the same for the same cluster. */
  readonly seed: number
  /** Blocks of clusters that are there, running or not. */
  readonly taken: readonly number[]
  isFree(port: number): Promise<boolean>
}

/** The first block none of whose ports is another cluster's or in use. */
export async function allotBlock({ seed, taken, isFree }: BlockSearch): Promise<number> {
  const used = new Set(taken)
  for (let step = 0; step < blockCount; step++) {
    const block = firstBlock + ((seed + step) % blockCount) * blockSize
    if (used.has(block)) continue
    const free = await Promise.all(Array.from({ length: blockSize }, (_, at) => isFree(block + at)))
    if (free.every(Boolean)) return block
  }
  throw new QuorateError(
    'PortsExhausted',
    `no ${blockSize} consecutive ports are free between ${firstBlock} and ${firstBlock + blockCount * blockSize}`,
    {
      remedy: 'Remove clusters that are no longer needed (`quorate list`, `quorate delete NAME`).',
    },
  )
}

export function controlPlanePorts(block: number, index: number): ControlPlanePorts {
  const first = block + controlPlanesAt + index * portsPerControlPlane
  return {
    apiServer: first,
    kubelet: first + 1,
    kubeletHealthz: first + 2,
    controllerManager: first + 3,
    scheduler: first + 4,
    etcdClient: first + 5,
    etcdPeer: first + 6,
    etcdMetrics: first + 7,
  }
}

export function loadBalancerPort(block: number): number {
  return block
}

export function fleetPort(block: number): number {
  return block + fleetAt
}

export function etcdMemberPorts(block: number, index: number): Omit<EtcdMember, 'name'> {
  const first = block + etcdAt + index * 3
  return { clientPort: first, peerPort: first + 1, metricsPort: first + 2 }
}

/** Whether a program may listen there now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** Whether a program listens there now. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** A number from a name, for `seed`. */
export function seedOf(name: string): number {
  let seed = 0
  for (const char of name) seed = (seed * 31 + (char.codePointAt(0) ?? 0)) % 1_000_003
  return seed
}
