/**
 * Makes the kernel's routes those of a plan: reads what is there, changes what differs, removes what is ours and no longer wanted.
 * Ours are the routes of one protocol number, and everything on the overlay's device.
 */
import type { IpFamily } from '../../api/ip.js'
import { CommandError, type NetworkHost } from '../host/host.js'
import type { Reach, Route, RoutePlan, VxlanDevice } from './plan.js'

/** Marks our routes (RFC 3549's protocol field; 64 to 127 are free in iproute2's rt_protos). */
export const routeProtocol = 81

interface RouteEntry {
  readonly dst: string
  readonly gateway?: string
  readonly dev?: string
  readonly flags?: readonly string[]
}

interface LinkEntry {
  readonly ifname: string
  readonly mtu: number
  readonly flags: readonly string[]
  readonly address: string
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number; readonly scope?: string }[]
  readonly linkinfo?: {
    readonly info_kind?: string
    readonly info_data?: {
      readonly id?: number
      readonly local?: string
      readonly local6?: string
      readonly port?: number
      readonly learning?: boolean
    }
  }
}

export interface Link {
  readonly name: string
  readonly mtu: number
}

const families: readonly IpFamily[] = ['IPv4', 'IPv6']
const flagOf = { IPv4: '-4', IPv6: '-6' } as const

async function listed<T>(host: NetworkHost, program: string, argv: readonly string[]): Promise<T[]> {
  const text = await host.run(program, ['-j', ...argv])
  // An empty list is printed as nothing at all.
  return text.trim() === '' ? [] : (JSON.parse(text) as T[])
}

/** How each address is reached now; those that are not are left out. */
export async function reachOf(host: NetworkHost, addresses: Iterable<string>): Promise<Map<string, Reach>> {
  const commands = [...addresses].map((address) => `route get ${address}\n`).join('')
  const found = new Map<string, Reach>()
  if (commands === '') return found
  // Of several commands, one that fails (no route) is left out, and the program ends with an error.
  const text = await host.run('ip', ['-j', '-force', '-batch', '-'], commands).catch((error: unknown) => {
    if (error instanceof CommandError) return error.stdout
    throw error
  })
  for (const line of text.split('\n')) {
    if (!line.startsWith('[')) continue
    for (const { dst, dev, gateway } of JSON.parse(line) as RouteEntry[])
      if (dev) found.set(dst, { device: dev, ...(gateway ? { gateway } : {}) })
  }
  return found
}

/** The device that has an address. */
export async function linkOf(host: NetworkHost, address: string): Promise<Link | undefined> {
  const links = await listed<LinkEntry>(host, 'ip', ['address', 'show'])
  const link = links.find(({ addr_info: own }) => own?.some(({ local }) => local === address))
  return link && { name: link.ifname, mtu: link.mtu }
}

export interface ApplyOptions {
  readonly vxlanName: string
  /** Of the overlay's device. */
  readonly mtu: number
}

/** Whether anything had to be changed. */
export async function applyRoutes(host: NetworkHost, plan: RoutePlan, { vxlanName, mtu }: ApplyOptions): Promise<boolean> {
  const hasChangedDevice = await applyDevice(host, vxlanName, plan.vxlan, mtu)
  const commands: string[] = []
  const forwarding: string[] = []
  if (plan.vxlan) {
    commands.push(...(await neighborCommands(host, plan, plan.vxlan.name)))
    forwarding.push(...(await tunnelCommands(host, plan, plan.vxlan.name)))
  }
  for (const family of families) commands.push(...(await routeCommands(host, plan, family)))
  // Whom a packet is sent to is known before there is a route that sends it.
  const failures: unknown[] = []
  for (const [program, lines] of [
    ['bridge', forwarding],
    ['ip', commands],
  ] as const) {
    if (lines.length === 0) continue
    // Forced: one entry that is refused does not hold up the others; what failed is said, and tried again.
    await host.run(program, ['-force', '-batch', '-'], `${lines.join('\n')}\n`).catch((error: unknown) => failures.push(error))
  }
  if (failures.length > 0) throw failures[0]
  return hasChangedDevice || commands.length > 0 || forwarding.length > 0
}

async function routeCommands(host: NetworkHost, { routes }: RoutePlan, family: IpFamily): Promise<string[]> {
  const wanted = new Map(routes.filter((route) => route.family === family).map((route) => [route.to, route]))
  const existing = await listed<RouteEntry>(host, 'ip', [flagOf[family], 'route', 'show', 'proto', String(routeProtocol)]).catch(
    (error: unknown) => {
      // A kernel without a family has no routes of it.
      if (wanted.size === 0 && error instanceof CommandError) return []
      throw error
    },
  )
  const right = new Set<string>()
  const commands: string[] = []
  for (const entry of existing) {
    const route = wanted.get(entry.dst)
    if (route && !right.has(entry.dst) && isRoute(entry, route)) right.add(entry.dst)
    // IPv6 keeps several routes to one place beside each other: the wrong one is taken away by itself.
    else if (!route || family === 'IPv6') commands.push(deletion(entry))
  }
  for (const route of wanted.values()) if (!right.has(route.to)) commands.push(replacement(route))
  return commands
}

function isRoute(entry: RouteEntry, { via, device, onlink }: Route): boolean {
  return entry.gateway === via && entry.dev === device && (entry.flags?.includes('onlink') ?? false) === onlink
}

function deletion({ dst, gateway, dev }: RouteEntry): string {
  return ['route del', dst, ...(gateway ? ['via', gateway] : []), ...(dev ? ['dev', dev] : []), 'proto', routeProtocol].join(' ')
}

function replacement({ to, via, device, onlink }: Route): string {
  return ['route replace', to, 'via', via, 'dev', device, ...(onlink ? ['onlink'] : []), 'proto', routeProtocol].join(' ')
}

async function neighborCommands(host: NetworkHost, { neighbors }: RoutePlan, device: string): Promise<string[]> {
  const existing = await listed<{ dst: string; lladdr?: string; state?: string[] }>(host, 'ip', [
    'neigh',
    'show',
    'dev',
    device,
    'nud',
    'permanent',
  ])
  const wanted = new Map(neighbors.map(({ address, mac }) => [address, mac]))
  const right = new Set<string>()
  const commands: string[] = []
  for (const { dst, lladdr } of existing) {
    if (wanted.get(dst) === lladdr) right.add(dst)
    else if (!wanted.has(dst)) commands.push(`neigh del ${dst} dev ${device}`)
  }
  for (const [address, mac] of wanted)
    if (!right.has(address)) commands.push(`neigh replace ${address} lladdr ${mac} dev ${device} nud permanent`)
  return commands
}

async function tunnelCommands(host: NetworkHost, { tunnels }: RoutePlan, device: string): Promise<string[]> {
  const existing = await listed<{ mac: string; dst?: string }>(host, 'bridge', ['fdb', 'show', 'dev', device])
  const wanted = new Map(tunnels.map(({ mac, to }) => [mac, to]))
  const right = new Set<string>()
  const commands: string[] = []
  for (const { mac, dst } of existing) {
    if (dst !== undefined && wanted.get(mac) === dst) right.add(mac)
    else if (dst !== undefined && !wanted.has(mac)) commands.push(`fdb del ${mac} dev ${device} dst ${dst} self`)
  }
  for (const [mac, to] of wanted) if (!right.has(mac)) commands.push(`fdb replace ${mac} dev ${device} dst ${to} self permanent`)
  return commands
}

async function applyDevice(host: NetworkHost, name: string, wanted: VxlanDevice | undefined, mtu: number): Promise<boolean> {
  const links = await listed<LinkEntry>(host, 'ip', ['-d', 'address', 'show', 'type', 'vxlan'])
  const link = links.find(({ ifname }) => ifname === name)
  if (!wanted) {
    if (link) await host.run('ip', ['link', 'del', name])
    return link !== undefined
  }
  const isRight = link !== undefined && isDevice(link, wanted)
  if (!isRight) {
    if (link) await host.run('ip', ['link', 'del', name])
    const own = ['id', String(wanted.id), 'local', wanted.local, 'dstport', String(wanted.port), 'nolearning']
    await host.run('ip', ['link', 'add', name, 'mtu', String(mtu), 'address', wanted.mac, 'type', 'vxlan', ...own])
    // Nothing is found on the overlay by addresses of the link. A kernel without IPv6 has none, and refuses this.
    await host.run('ip', ['link', 'set', name, 'addrgenmode', 'none']).catch(() => undefined)
  }
  const commands: string[] = []
  if (isRight && link.mtu !== mtu) commands.push(`link set ${name} mtu ${mtu}`)
  const existing = isRight ? (link.addr_info ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen}`) : []
  for (const address of existing) if (!wanted.addresses.includes(address)) commands.push(`address del ${address} dev ${name}`)
  for (const address of wanted.addresses) if (!existing.includes(address)) commands.push(`address add ${address} dev ${name}`)
  if (!isRight || !link.flags.includes('UP')) commands.push(`link set ${name} up`)
  if (commands.length > 0) await host.run('ip', ['-batch', '-'], `${commands.join('\n')}\n`)
  return commands.length > 0
}

function isDevice({ address, linkinfo }: LinkEntry, { id, port, local, mac }: VxlanDevice): boolean {
  const data = linkinfo?.info_data
  return data?.id === id && data.port === port && (data.local ?? data.local6) === local && data.learning === false && address === mac
}

/** Whether the bridge is gone (or was not there): one that pods hang on is left. */
export async function removeIdleBridge(host: NetworkHost, bridge: string): Promise<boolean> {
  const bridges = await listed<LinkEntry>(host, 'ip', ['link', 'show', 'type', 'bridge'])
  if (!bridges.some(({ ifname }) => ifname === bridge)) return true
  if ((await listed<LinkEntry>(host, 'ip', ['link', 'show', 'master', bridge])).length > 0) return false
  await host.run('ip', ['link', 'del', bridge])
  return true
}
