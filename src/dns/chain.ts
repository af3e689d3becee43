/**
 * From a Corefile's text to servers: each block's plugins are set up in CoreDNS's order, whatever their order in the file, and
 * linked into one chain that all its zones and ports share.
 */
import { failure, type Handler } from './answer.js'
import type { Directive, ServerBlock } from './corefile/corefile.js'
import { CorefileError } from './corefile/error.js'
import type { DnsDeps, InstanceState, Link, Plugin, Setup } from './plugin.js'
import { knownPlugins, pluginOf } from './plugins/registry.js'
import { DnsServer, type Site } from './server.js'
import { rcodes } from './wire/constants.js'
import { QuorateError } from '../base/errors.js'

export interface Endpoint {
  /** '' for every address. */
  readonly host: string
  readonly port: number
}

export interface Configured {
  readonly endpoints: readonly (Endpoint & { readonly server: DnsServer; readonly zones: readonly string[] })[]
  /** In the order in which they are started. */
  readonly instance: InstanceState
}

/** Throws CorefileError, or a QuorateError from what a plugin needs. */
export function configure(blocks: readonly ServerBlock[], deps: DnsDeps): Configured {
  const bySocket = new Map<string, Endpoint & { sites: Site[]; unmatched: Link[] }>()
  const servers = new Map<string, DnsServer>()
  const instance: InstanceState = { links: [], ending: false }
  for (const block of blocks) {
    const { chain, hosts } = setUp(block, deps, { servers, instance })
    instance.links.push(...chain)
    const handler = chain.reduceRight<Handler>((next, { link }) => link.handler?.(next) ?? next, noNext)
    const observers = chain.flatMap(({ link }) => (link.observe ? [link] : []))
    const metrics = chain.flatMap(({ name, link }) => (name === 'prometheus' ? [link] : []))
    for (const { zone, port } of block.keys)
      for (const host of hosts.length === 0 ? [''] : hosts) {
        const key = `${host}\0${port}`
        const socket = bySocket.get(key) ?? { host, port, sites: [], unmatched: [] }
        bySocket.set(key, socket)
        if (socket.sites.some((site) => site.zone === zone))
          throw new CorefileError(block, `cannot serve dns://${zone}:${port} - it is already defined`)
        socket.sites.push({ zone, handler, observers })
        if (socket.unmatched.length === 0) socket.unmatched.push(...metrics)
      }
  }
  const { clock, random, log, metrics } = deps
  const endpoints = [...bySocket.values()].map(({ host, port, sites, unmatched }) => {
    const server = new DnsServer({
      name: serverName(host, port),
      sites,
      unmatched,
      clock,
      random,
      log,
      metrics,
    })
    servers.set(`${host}\0${port}`, server)
    return { host, port, server, zones: sites.map(({ zone }) => zone) }
  })
  return { endpoints, instance }
}

function serverName(host: string, port: number): string {
  return `dns://${host.includes(':') ? `[${host}]` : host}:${port}`
}

const noNext: Handler = () => failure(rcodes.SERVFAIL, 'no next plugin found')

interface Linked {
  readonly name: string
  readonly link: Link
}

interface Shared {
  readonly servers: ReadonlyMap<string, DnsServer>
  readonly instance: InstanceState
}

function setUp(block: ServerBlock, deps: DnsDeps, { servers, instance }: Shared): { chain: Linked[]; hosts: string[] } {
  const byName = new Map<string, Directive[]>()
  for (const directive of block.directives) {
    known(directive)
    byName.set(directive.name, [...(byName.get(directive.name) ?? []), directive])
  }
  const plugins = new Map<string, Link>()
  const hosts: string[] = []
  const port = block.keys[0]?.port ?? 53
  const own = () => servers.get(`${hosts[0] ?? ''}\0${port}`)
  const setup: Setup = {
    ...deps,
    block,
    zones: block.keys.map(({ zone }) => zone),
    port,
    // By the first of its ports, and by its address once `bind` has been read.
    get server() {
      return serverName(hosts[0] ?? '', port)
    },
    plugins,
    hosts,
    instance,
    boundPort: () => own()?.port || port,
    resolve: (query) => {
      const server = own()
      return server ? server.resolve(query) : Promise.resolve(failure(rcodes.SERVFAIL))
    },
  }
  const chain: Linked[] = []
  for (const name of knownPlugins) {
    const directives = byName.get(name)
    if (!directives) continue
    const link = setUpPlugin(pluginOf(name) as Plugin, directives, setup)
    plugins.set(name, link)
    chain.push({ name, link })
  }
  return { chain, hosts }
}

function setUpPlugin(plugin: Plugin, directives: readonly Directive[], setup: Setup): Link {
  try {
    return plugin.setup(directives, setup)
  } catch (error) {
    if (error instanceof CorefileError) throw CorefileError.inPlugin(plugin.name, error)
    if (error instanceof QuorateError) throw new QuorateError(error.code, `plugin/${plugin.name}: ${error.message}`, { cause: error })
    throw error
  }
}

function known(directive: Directive): void {
  const { name } = directive
  if (pluginOf(name)) return
  if (knownPlugins.includes(name))
    throw new CorefileError(directive, `the plugin '${name}' is known to CoreDNS but not implemented by Quorate`)
  throw new CorefileError(directive, `Unknown directive '${name}'`)
}
