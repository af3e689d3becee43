import type { Endpoints } from '../../api/types/core-v1.js'
import type { EndpointSlice } from '../../api/types/discovery-v1.js'

/** One API server as clients reach it. */
export interface ServerAddress {
  readonly ip: string
  readonly port: number
}

const portName = 'https'
const meta = (labels: Record<string, string>, name = 'kubernetes') => ({ name, namespace: 'default', labels })

/**
 * The Endpoints of default/kubernetes that list these servers. Servers on one address with different ports (a cluster on
 * a laptop) are several subsets. Pure, and the same on every server.
 */
export function endpointsOf(servers: readonly ServerAddress[]): Endpoints {
  const subsets = byPort(servers).map(([port, ips]) => ({
    addresses: ips.map((ip) => ({ ip })),
    ports: [{ name: portName, port, protocol: 'TCP' as const }],
  }))
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: meta({ 'endpointslice.kubernetes.io/skip-mirror': 'true' }),
    ...(subsets.length > 0 ? { subsets } : {}),
  }
}

/** The slices of default/kubernetes: a slice has one list of ports, so each further port has a slice of its own. */
export function endpointSlicesOf(servers: readonly ServerAddress[]): EndpointSlice[] {
  const groups = byPort(servers).flatMap(([port, ips]) =>
    (['IPv4', 'IPv6'] as const).flatMap((family) => {
      const addresses = ips.filter((ip) => ip.includes(':') === (family === 'IPv6'))
      return addresses.length > 0 ? [{ port, family, addresses }] : []
    }),
  )
  return groups.map(({ port, family, addresses }, index) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: meta(
      { 'kubernetes.io/service-name': 'kubernetes' },
      index === 0 ? 'kubernetes' : `kubernetes-${port}-${family.toLowerCase()}`,
    ),
    addressType: family,
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: portName, port, protocol: 'TCP' as const }],
  }))
}

function byPort(servers: readonly ServerAddress[]): [port: number, ips: string[]][] {
  const ports = new Map<number, Set<string>>()
  // A loopback address is every machine's own: it is no endpoint.
  const reachable = servers.filter(({ ip }) => ip !== '::1' && !ip.startsWith('127.'))
  for (const { ip, port } of reachable) ports.set(port, (ports.get(port) ?? new Set()).add(ip))
  return [...ports].sort(([a], [b]) => a - b).map(([port, ips]) => [port, [...ips].sort()])
}

const key = /^(.*):(\d{1,5})$/

/** "10.0.0.1:6443", "[fd00::1]:6443". */
export function formatServer({ ip, port }: ServerAddress): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

export function parseServer(text: string): ServerAddress | undefined {
  const [, host, port] = key.exec(text) ?? []
  return host ? { ip: host.replace(/^\[|\]$/g, ''), port: Number(port) } : undefined
}
