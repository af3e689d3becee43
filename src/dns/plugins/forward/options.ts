/** The forward plugin's lines, checked. */
import { messageOf } from '../../../base/errors.js'
import { parseIp } from '../../../api/ip.js'
import type { Directive } from '../../corefile/corefile.js'
import { duration, integer, zones } from '../../corefile/values.js'
import { argsOf, argumentError, fault, notImplemented, type Setup, unknownProperty } from '../../plugin.js'
import { rcodeOf, rcodes } from '../../wire/constants.js'
import { absolute, isName, keyOfName } from '../../wire/name.js'
import type { Peer } from '../../sockets/network.js'

export interface UpstreamAddress {
  readonly peer: Peer
  readonly tls: boolean
  /** As it is named in metrics and errors: "10.0.0.1:53". */
  readonly text: string
}

export type Policy = 'random' | 'round_robin' | 'sequential'

export interface ForwardOptions {
  readonly from: string
  readonly upstreams: readonly UpstreamAddress[]
  readonly except: readonly string[]
  readonly policy: Policy
  /** 0: an upstream is never taken for down. */
  readonly maxFails: number
  readonly healthCheckMs: number
  readonly healthRecursion: boolean
  readonly healthDomain: string
  readonly expireMs: number
  readonly forceTcp: boolean
  readonly preferUdp: boolean
  /** 0: no limit. */
  readonly maxConcurrent: number
  readonly failover: readonly number[]
  readonly failfast: boolean
  readonly readTimeoutMs: number
  readonly maxIdle: number
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** As many as CoreDNS takes. */
const upstreamsMax = 15
const tlsPort = 853
const others = new Set(['next', 'next_on_nodata', 'max_connect_attempts', 'max_age', 'doh_method', 'resolver', 'source_address'])

export function forwardOptions(directive: Directive, setup: Setup): ForwardOptions {
  const [from, ...to] = directive.args
  if (from === undefined || to.length === 0) throw argumentError(directive)
  const [zone, ...more] = zones(directive, [from])
  if (zone === undefined || more.length > 0) throw fault(directive, `unable to normalize '${from}' to one zone`)
  const options: Mutable<ForwardOptions> = {
    from: zone,
    upstreams: [],
    except: [],
    policy: 'random',
    maxFails: 2,
    healthCheckMs: 500,
    healthRecursion: true,
    healthDomain: '.',
    expireMs: 10_000,
    forceTcp: false,
    preferUdp: false,
    maxConcurrent: 0,
    failover: [],
    failfast: false,
    readTimeoutMs: 2_000,
    maxIdle: 64,
  }
  let tls: Peer['tls'] = {}
  for (const property of directive.block ?? []) tls = read(property, { options, tls, setup })
  options.upstreams = to.flatMap((text) => upstreamsOf(directive, text, { setup, tls }))
  if (options.upstreams.length === 0) throw fault(directive, `no nameservers found in ${to.join(' ')}`)
  if (options.upstreams.length > upstreamsMax)
    throw fault(directive, `more than ${upstreamsMax} TOs configured: ${options.upstreams.length}`)
  if (options.forceTcp && options.preferUdp) throw fault(directive, 'force_tcp and prefer_udp cannot both be set')
  return options
}

interface Reading {
  readonly options: Mutable<ForwardOptions>
  readonly tls: NonNullable<Peer['tls']>
  readonly setup: Setup
}

function read(property: Directive, { options, tls, setup }: Reading): NonNullable<Peer['tls']> {
  const { name, args } = property
  const one = () => argsOf(property, 1)[0] as string
  switch (name) {
    case 'except':
      if (args.length === 0) throw argumentError(property)
      options.except = [...options.except, ...zones(property, args)]
      break
    case 'policy': {
      const policy = one()
      if (policy !== 'random' && policy !== 'round_robin' && policy !== 'sequential') throw fault(property, `unknown policy '${policy}'`)
      options.policy = policy
      break
    }
    case 'max_fails':
      options.maxFails = integer(property, one())
      break
    case 'expire':
      options.expireMs = duration(property, one())
      break
    case 'read_timeout':
      options.readTimeoutMs = duration(property, one())
      break
    case 'max_concurrent':
      options.maxConcurrent = integer(property, one())
      break
    case 'max_idle_conns':
      options.maxIdle = integer(property, one())
      break
    case 'force_tcp':
    case 'prefer_udp':
    case 'failfast_all_unhealthy_upstreams':
      argsOf(property, 0)
      options[name === 'force_tcp' ? 'forceTcp' : name === 'prefer_udp' ? 'preferUdp' : 'failfast'] = true
      break
    case 'failover':
      if (args.length === 0) throw argumentError(property)
      options.failover = args.map((text) => failoverCode(property, text))
      break
    case 'health_check':
      healthCheck(property, options)
      break
    case 'tls_servername':
      return { ...tls, serverName: one() }
    case 'tls':
      return { ...tls, ...tlsFiles(property, setup) }
    default:
      if (others.has(name)) throw notImplemented(property)
      throw unknownProperty(property)
  }
  return tls
}

function failoverCode(property: Directive, text: string): number {
  const code = rcodeOf(text)
  if (code === undefined) throw fault(property, `${text} is not a valid rcode`)
  if (code === rcodes.NOERROR) throw fault(property, 'NoError cannot be used in failover')
  return code
}

function healthCheck(property: Directive, options: Mutable<ForwardOptions>): void {
  const [every, ...rest] = property.args
  if (every === undefined) throw argumentError(property)
  options.healthCheckMs = duration(property, every)
  while (rest.length > 0) {
    const word = rest.shift()
    if (word === 'no_rec') options.healthRecursion = false
    else if (word === 'domain') {
      const domain = rest.shift()
      if (domain === undefined) throw argumentError(property)
      if (!isName(absolute(domain))) throw fault(property, `health_check: invalid domain name ${domain}`)
      options.healthDomain = keyOfName(absolute(domain))
    } else throw fault(property, `health_check: unknown option ${word}`)
  }
}

/** tls [CA] | tls CERT KEY [CA] */
function tlsFiles(property: Directive, { readFile }: Setup): NonNullable<Peer['tls']> {
  const args = argsOf(property, 0, 3)
  const text = (path: string) => {
    try {
      return readFile(path)
    } catch (error) {
      throw fault(property, messageOf(error))
    }
  }
  if (args.length === 0) return {}
  if (args.length === 1) return { ca: text(args[0] as string) }
  const [cert = '', key = '', ca] = args
  return { cert: text(cert), key: text(key), ...(ca === undefined ? {} : { ca: text(ca) }) }
}

/** An address with or without scheme and port, or a file of `nameserver` lines. */
function upstreamsOf(
  directive: Directive,
  text: string,
  { setup, tls }: { setup: Setup; tls: NonNullable<Peer['tls']> },
): UpstreamAddress[] {
  const scheme = /^([a-z0-9]+):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== 'dns' && scheme !== 'tls')
    throw fault(directive, `unsupported scheme '${scheme}' in ${text}; there are dns:// and tls://`)
  const bare = scheme === undefined ? text : text.slice(scheme.length + 3)
  const [host, serverName] = splitServerName(bare)
  const peer = peerOf(host, scheme === 'tls' ? tlsPort : 53)
  if (peer) {
    const secure = { ...tls, ...(serverName === undefined ? {} : { serverName }) }
    const shown = `${peer.host.includes(':') ? `[${peer.host}]` : peer.host}:${peer.port}`
    return [{ text: shown, tls: scheme === 'tls', peer: scheme === 'tls' ? { ...peer, tls: secure } : peer }]
  }
  if (scheme !== undefined) throw fault(directive, `not an IP address: "${text}"`)
  let file: string
  try {
    file = setup.readFile(text)
  } catch {
    throw fault(directive, `not an IP address or file: "${text}"`)
  }
  const servers = nameservers(file)
  if (servers.length === 0) throw fault(directive, `no nameservers found in ${text}`)
  return servers.flatMap((server) => upstreamsOf(directive, server.includes(':') ? `[${server}]:53` : server, { setup, tls }))
}

/** tls://9.9.9.9%dns.quad9.net */
function splitServerName(text: string): [host: string, serverName: string | undefined] {
  const match = /^(.*?)%([a-z0-9.-]+\.[a-z0-9.-]+)(:\d+)?$/i.exec(text)
  return match ? [`${match[1]}${match[3] ?? ''}`, match[2]] : [text, undefined]
}

function peerOf(text: string, defaultPort: number): Peer | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+|[0-9a-f:.%]*:[0-9a-f:.%]*:[0-9a-z:.%]*))(?::(\d{1,5}))?$/i.exec(text)
  const host = match?.[1] ?? match?.[2]
  if (host === undefined || !parseIp(host.split('%')[0] as string)) return undefined
  const port = match?.[3] === undefined ? defaultPort : Number(match[3])
  return port > 0 && port < 65_536 ? { host, port } : undefined
}

/** The servers of a resolv.conf. */
export function nameservers(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const [word, server] = line.trim().split(/\s+/)
    return word === 'nameserver' && server !== undefined && parseIp(server.split('%')[0] as string) ? [server] : []
  })
}
