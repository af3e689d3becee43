/** From what a name stands for to records of the type asked for. */
import { Body, type Answer } from '../../answer.js'
import { types } from '../../wire/constants.js'
import { absolute, isName, isWithin, keyOfName } from '../../wire/name.js'
import { ownQuery, type Query } from '../../wire/reader.js'
import { address, cname, ns, ptr, type Rr, soa, srv, txt } from '../../wire/record.js'
import { domainOf, find, type Found, type NameOptions, namesOfReverse, type Target } from './names.js'
import { type IpAddress, ipAddress } from './objects.js'

/** "dns-version": of the specification that is implemented. */
const schemaVersion = '1.1.0'
const schemaVersionTtl = 28_800
const soaTtlMax = 300
/** Aliases that are followed one after the other. */
const aliasesMax = 8

export interface AnswerOptions extends NameOptions {
  readonly ttl: number
  /** Where this server is reached: the addresses of its own pod. */
  localAddresses(): readonly string[]
  /** Asks the server itself, from the beginning. */
  resolve(query: Query): Promise<Answer>
}

export type Records = 'NXDOMAIN' | 'NODATA' | Body

/** A promise only where an alias leads out of the zone. */
export function recordsOf(options: AnswerOptions, query: Query, zone: string): Records | Promise<Records> {
  const { key, name, type } = query
  if (key === zone && (type === types.SOA || type === types.NS)) {
    if (type === types.SOA) return new Body([soaOf(options, zone)])
    return nameServers(options, name, zone)
  }
  if (type === types.PTR) {
    const names = namesOfReverse(options, key)
    if (names) return names.length === 0 ? 'NXDOMAIN' : new Body(names.map((each) => ptr(name, options.ttl, each)))
  }
  const own = ownNames(options, query, zone)
  if (own) return own
  const found = find(options, key, zone)
  if (typeof found === 'string') return found
  const kept = found.entry?.answers.get(`${type} ${key}`)
  if (kept) return kept
  const records = fromTargets(options, query, zone, found)
  if (records instanceof Body && found.entry && !found.targets.some(({ alias }) => alias !== undefined))
    found.entry.answers.set(`${type} ${key}`, records)
  return records
}

/** ns.dns.ZONE and dns-version.ZONE. */
function ownNames(options: AnswerOptions, { key, name, type }: Query, zone: string): Records | undefined {
  if (!key.startsWith('dns') && !key.startsWith('ns.')) return undefined
  if (key === `dns-version.${zone}`) return type === types.TXT ? new Body([txt(name, schemaVersionTtl, [schemaVersion])]) : 'NODATA'
  if (key === `dns.${zone}`) return 'NODATA'
  if (key !== `ns.dns.${zone}`) return undefined
  const records = serverAddresses(options, zone).filter(({ ip }) => ip.type === type)
  return records.length === 0 ? 'NODATA' : new Body(records.map(({ ip }) => address(name, options.ttl, ip)))
}

function fromTargets(options: AnswerOptions, query: Query, zone: string, { targets }: Exclude<Found, string>): Records | Promise<Records> {
  const { name, type } = query
  if (type === types.SRV) return services(options, name, targets)
  const alias = targets.find((target) => target.alias !== undefined)?.alias
  if (alias !== undefined) {
    if (type === types.CNAME && isName(absolute(alias))) return new Body([cname(name, options.ttl, alias)])
    return type === types.A || type === types.AAAA ? followAlias(options, query, zone, alias) : 'NODATA'
  }
  if (type !== types.A && type !== types.AAAA) return 'NODATA'
  const records = addresses(options, name, type, targets)
  return records.length === 0 ? 'NODATA' : new Body(records)
}

function addresses({ ttl }: AnswerOptions, name: string, type: number, targets: readonly Target[]): Rr[] {
  const seen = new Set<string>()
  const records: Rr[] = []
  for (const { ip } of targets) {
    if (!ip || ip.type !== type || seen.has(ip.text)) continue
    seen.add(ip.text)
    records.push(address(name, ttl, ip))
  }
  return records
}

/** All have one priority and share 100 of weight, as CoreDNS gives it. */
function services({ ttl }: AnswerOptions, name: string, targets: readonly Target[]): Records {
  const located = targets.filter(({ ip }) => ip !== undefined)
  const weight = Math.max(1, Math.floor(100 / Math.max(1, located.length)))
  const answers = new Map<string, Rr>()
  const additional = new Map<string, Rr>()
  for (const { ip, port, domain } of located) {
    if (port === undefined || !ip) continue
    answers.set(`${port} ${domain}`, srv(name, ttl, { priority: 0, weight, port, target: domain }))
    additional.set(`${ip.text} ${domain}`, address(domain, ttl, ip))
  }
  return answers.size === 0 ? 'NODATA' : new Body([...answers.values()], [], [...additional.values()])
}

/** CNAME, and what it leads to: within the zone by the index, elsewhere by the server itself (and so by forward). */
async function followAlias(options: AnswerOptions, query: Query, zone: string, first: string): Promise<Records> {
  const { ttl } = options
  const records: Rr[] = []
  const seen = new Set([query.key])
  let owner = query.name
  let alias = absolute(first)
  while (records.length < aliasesMax) {
    const key = keyOfName(alias)
    if (seen.has(key) || !isName(key)) return 'NODATA'
    seen.add(key)
    records.push(cname(owner, ttl, alias))
    if (!isWithin(key, zone)) {
      const { body } = await options.resolve(ownQuery(alias, query.type, { from: query }))
      return new Body([...records, ...body.answers])
    }
    const found = find(options, key, zone)
    if (typeof found === 'string') return 'NODATA'
    const next = found.targets.find((target) => target.alias !== undefined)?.alias
    if (next === undefined) {
      const last = addresses(options, alias, query.type, found.targets)
      // An alias of nothing is no answer: as CoreDNS, the name exists and has no address.
      return last.length === 0 ? 'NODATA' : new Body([...records, ...last])
    }
    owner = alias
    alias = absolute(next)
  }
  return 'NODATA'
}

/** Of negative answers: how long the absence may be remembered. */
export function soaOf({ ttl, index }: AnswerOptions, zone: string): Rr {
  const below = zone === '.' ? '' : zone
  return soa(zone, Math.min(ttl, soaTtlMax), {
    mname: `ns.dns.${below}`,
    rname: `hostmaster.${below}`,
    serial: index.serial,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: ttl,
  })
}

function nameServers(options: AnswerOptions, name: string, zone: string): Records {
  const servers = serverAddresses(options, zone)
  const domains = [...new Set(servers.map(({ domain }) => domain))]
  return new Body(
    domains.map((domain) => ns(name, options.ttl, domain)),
    [],
    servers.map(({ domain, ip }) => address(domain, options.ttl, ip)),
  )
}

/** The services that this pod is an endpoint of; without any, the pod itself. */
function serverAddresses(options: AnswerOptions, zone: string): { readonly domain: string; readonly ip: IpAddress }[] {
  const { index } = options
  const found: { domain: string; ip: IpAddress }[] = []
  const local = options.localAddresses()
  for (const ip of local)
    for (const { entry, endpoint } of index.endpointsOfIp(ip)) {
      const { service } = entry
      if (!service || service.kind === 'ExternalName') continue
      const isHeadless = service.kind === 'Headless'
      const domain = isHeadless ? domainOf(entry, endpoint, zone) : `${entry.name}.${entry.namespace}.svc.${zone}`
      for (const text of isHeadless ? [endpoint.ip] : service.ips) {
        const address = ipAddress(text)
        if (address) found.push({ domain, ip: address })
      }
    }
  const unique = new Map(found.map((each) => [`${each.domain} ${each.ip.text}`, each]))
  if (unique.size > 0) return [...unique.values()]
  return local.flatMap((text) => {
    const ip = ipAddress(text)
    return ip ? [{ domain: `ns.dns.${zone}`, ip }] : []
  })
}
