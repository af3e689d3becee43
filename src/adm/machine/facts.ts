/** What this machine says of itself where a configuration does not. */
import { execFileSync } from 'node:child_process'
import { hostname, networkInterfaces } from 'node:os'
import { type EtcdVersion, etcdVersionOf } from '../../node/static-pods/etcd.js'
import { QuorateError } from '../../base/errors.js'
import type { MachineFacts } from '../config/defaults.js'

const etcdAdvice = 'Install etcd 3.4 or later (Debian, Ubuntu: apt-get install etcd-server), or use external etcd.'

export function machineFacts(): MachineFacts {
  return { hostname: hostname(), address: defaultAddress() ?? '' }
}

/** The address that packets to the outside leave with; else the first that others could reach. */
function defaultAddress(): string | undefined {
  try {
    const routes = JSON.parse(
      execFileSync('ip', ['-j', 'route', 'show', 'default'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    ) as {
      dev?: string
      prefsrc?: string
    }[]
    const [route] = routes
    const address = route?.prefsrc ?? addressOf(route?.dev)
    if (address) return address
  } catch {
    // No iproute2, or none of its routes: the interfaces tell enough.
  }
  return Object.keys(networkInterfaces()).map(addressOf).find(Boolean)
}

function addressOf(device: string | undefined): string | undefined {
  const addresses = device ? (networkInterfaces()[device] ?? []) : []
  const outside = addresses.filter(({ internal, scopeid }) => !internal && !scopeid)
  return (outside.find(({ family }) => family === 'IPv4') ?? outside[0])?.address
}

/** Throws QuorateError EtcdMissing or EtcdUnusable with the way to get one. */
export function machineEtcd(): EtcdVersion {
  let output: string
  try {
    output = execFileSync('etcd', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch (error) {
    throw new QuorateError('EtcdMissing', `etcd cannot be run: ${(error as Error).message}`, { remedy: etcdAdvice })
  }
  return etcdVersionOf(output, 'etcd', etcdAdvice)
}
