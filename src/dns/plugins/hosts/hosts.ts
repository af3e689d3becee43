/** Addresses from a hosts file and from the Corefile itself, with the names of those addresses; the file is read again when it changes. */
import { authoritative, Body, failure, type Handler } from '../../answer.js'
import { addressOfReverse } from '../../corefile/address.js'
import type { Directive } from '../../corefile/corefile.js'
import { duration, type Fallthrough, fallthrough, integer, noFallthrough, zonesOrServer } from '../../corefile/values.js'
import { argsOf, fault, type Link, onlyOne, type Plugin, type Setup } from '../../plugin.js'
import { rcodes, types } from '../../wire/constants.js'
import { absolute, isName, keyOfName, zoneOf } from '../../wire/name.js'
import { address, addressData, canonicalIp, ptr, type Rr } from '../../wire/record.js'

interface HostsOptions {
  readonly file: string
  readonly zones: readonly string[]
  inline: string[]
  ttl: number
  reverse: boolean
  reloadMs: number
  fallthrough: Fallthrough
}

/** Names to addresses and back. */
class HostTable {
  readonly byName = new Map<string, { readonly type: number; readonly bytes: Uint8Array }[]>()
  readonly byAddress = new Map<string, string[]>()
  entries = 0

  constructor(text: string) {
    for (const line of text.split('\n')) {
      const [ip = '', ...names] = (line.split('#')[0] as string).trim().split(/\s+/)
      const data = addressData(ip.split('%')[0] as string)
      if (!data) continue
      for (const name of names) {
        const key = keyOfName(absolute(name))
        if (!isName(key)) continue
        this.byName.set(key, [...(this.byName.get(key) ?? []), data])
        const reverse = canonicalIp(ip)
        this.byAddress.set(reverse, [...(this.byAddress.get(reverse) ?? []), absolute(name)])
        this.entries++
      }
    }
  }
}

export const hosts: Plugin = {
  name: 'hosts',
  setup: (directives, setup) => new HostsLink(hostsOptions(directives, setup), setup),
}

class HostsLink implements Link {
  readonly #options: HostsOptions
  readonly #setup: Setup
  readonly #inline: HostTable
  #file = new HostTable('')
  #text: string | undefined
  readonly #ending = new AbortController()

  constructor(options: HostsOptions, setup: Setup) {
    this.#options = options
    this.#setup = setup
    this.#inline = new HostTable(options.inline.join('\n'))
    this.#read()
  }

  handler(next: Handler): Handler {
    const { zones, fallthrough: through } = this.#options
    return (query) => {
      const { name, key, type } = query
      // Reverse zones need not be named.
      if (type !== types.PTR && zoneOf(zones, key) === undefined) return next(query)
      const records = this.#records(name, key, type)
      if (records.length > 0) return authoritative('hosts', new Body(records))
      if (type === types.PTR) return next(query)
      // The name is there without a record of this type: no data, and others are not asked.
      if (this.#inline.byName.has(key) || this.#file.byName.has(key)) return authoritative('hosts', new Body([]))
      // NXDOMAIN needs an SOA record, which a hosts file has not (CoreDNS's rule).
      return through(key) ? next(query) : failure(rcodes.SERVFAIL)
    }
  }

  start(): void {
    if (this.#options.reloadMs > 0) void this.#watch()
  }

  stop(): void {
    this.#ending.abort()
  }

  #records(name: string, key: string, type: number): Rr[] {
    const { ttl, reverse } = this.#options
    if (type === types.PTR) {
      const ip = reverse ? addressOfReverse(key) : undefined
      if (ip === undefined) return []
      const names = [this.#inline, this.#file].flatMap((table) => table.byAddress.get(canonicalIp(ip)) ?? [])
      return [...new Set(names)].map((each) => ptr(name, ttl, each))
    }
    if (type !== types.A && type !== types.AAAA) return []
    const found = [this.#inline, this.#file].flatMap((table) => table.byName.get(key) ?? [])
    return found.filter((data) => data.type === type).map((data) => address(name, ttl, data))
  }

  async #watch(): Promise<void> {
    const { clock } = this.#setup
    while (!this.#ending.signal.aborted) {
      await clock.sleep(this.#options.reloadMs, this.#ending.signal).catch(() => undefined)
      if (!this.#ending.signal.aborted) this.#read()
    }
  }

  /** A file that is not there is an empty one. */
  #read(): void {
    const { clock, metrics, readFile, log } = this.#setup
    let text = ''
    try {
      text = readFile(this.#options.file)
    } catch {
      if (this.#text !== '') log.of('hosts').warning(`File does not exist: ${this.#options.file}`)
    }
    if (text === this.#text) return
    this.#text = text
    this.#file = new HostTable(text)
    metrics.hostsEntries.set([], this.#inline.entries + this.#file.entries)
    metrics.hostsReload.set([], Math.floor(clock.now() / 1000))
  }
}

function hostsOptions(directives: readonly Directive[], setup: Setup): HostsOptions {
  const directive = onlyOne(directives)
  const [file = '/etc/hosts', ...zones] = directive.args
  const options: HostsOptions = {
    file,
    zones: zonesOrServer(directive, zones, setup.zones),
    inline: [],
    ttl: 3600,
    reverse: true,
    reloadMs: 5_000,
    fallthrough: noFallthrough,
  }
  for (const property of directive.block ?? []) {
    const { name } = property
    if (name === 'fallthrough') options.fallthrough = fallthrough(property)
    else if (name === 'no_reverse') {
      argsOf(property, 0)
      options.reverse = false
    } else if (name === 'ttl') {
      options.ttl = integer(property, argsOf(property, 1)[0], 1, 65_535)
    } else if (name === 'reload') options.reloadMs = duration(property, argsOf(property, 1)[0])
    else if (addressData(name) && property.args.length > 0) options.inline.push([name, ...property.args].join(' '))
    else throw fault(property, `unknown property '${name}'; entries are written as ADDRESS NAME...`)
  }
  return options
}
