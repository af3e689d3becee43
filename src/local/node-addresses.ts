/**
 * The simulated network of a cluster on this machine: 172.18.0.0/16. Its nodes have these addresses in their status and
 * certificates; what listens there listens on the loopback address, on the same port.
 */
const firstControlPlane = 2
const firstWorker = 32
const workersMax = 256 * 256 - firstWorker - 2

/** What every address of it begins with. */
export const simulatedPrefix = '172.18.'
export const maxWorkers = workersMax

export function controlPlaneAddress(index: number): string {
  return addressAt(firstControlPlane + index)
}

export function workerAddress(index: number): string {
  return addressAt(firstWorker + index)
}

function addressAt(place: number): string {
  return `${simulatedPrefix}${place >> 8}.${place & 255}`
}
