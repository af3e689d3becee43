/**
 * The table of one family as this process has last written it, and the commands that bring it to the state that is wanted: only the
 * difference, as one transaction. Pure. What has been put is taken for written once `transaction` was called; when writing it
 * failed, the whole table must be written anew (`replacement`).
 *
 * Two Services may claim one address and port (external addresses are not checked by the API). Which one has it is the same on every
 * node: see `winner`.
 */
import { contains, parseCidr, parseIp } from '../../api/ip.js'
import { type Frontend, nothing, type ProxiedService } from '../model/frontend.js'
import { baseTable, type Dialect, dialectOf, tableName, type TableOptions } from './base.js'
import { diceRules, elementsOf, type FrontendElements, type Slots } from './elements.js'
import { slotsOf } from './endpoint-slots.js'
import type { RememberedClients } from './remembered-clients.js'
import { serviceObjects, type TableObject } from './service-chains.js'

interface Shown {
  readonly frontend: Frontend
  readonly slots: Slots
}

interface Place {
  /** By Service. */
  readonly claims: Map<string, Frontend>
  shown: Shown | undefined
}

export interface RulesetOptions extends TableOptions {
  readonly nodeIps: readonly string[]
}

/** Enough that the words around the elements do not count, few enough to be written without a long pause. */
const elementsPerCommand = 500
/** A piece is some milliseconds of work. */
const membersPerPiece = 2_000
const frontendsPerPiece = 250
const noSlots: Slots = { inside: [], outside: [] }

export class Ruleset {
  readonly #options: RulesetOptions
  readonly #dialect: Dialect
  readonly #services = new Map<string, ProxiedService>()
  /** By kind and key of the frontend. */
  readonly #places = new Map<string, Place>()
  readonly #dirty = new Set<string>()
  readonly #diceChains = new Set<string>()
  readonly #objects = new Map<string, TableObject>()
  readonly #changedObjects = new Map<string, TableObject | undefined>()
  /** Elements of sets, by how many Services want them. */
  readonly #members = new Map<string, number>()
  readonly #shownMembers = new Set<string>()
  readonly #dirtyMembers = new Set<string>()

  constructor(options: RulesetOptions) {
    this.#options = options
    this.#dialect = dialectOf(options.family)
    for (const ip of options.nodeIps) this.#count(`nodeport-ips ${ip}`, 1)
  }

  get changed(): boolean {
    return this.#dirty.size + this.#changedObjects.size + this.#dirtyMembers.size > 0
  }

  /** What a Service is from now on. Returns what it was. */
  put(key: string, service: ProxiedService): ProxiedService {
    const old = this.#services.get(key) ?? nothing
    if (service.ports.length > 0) this.#services.set(key, service)
    else this.#services.delete(key)
    for (const frontend of old.frontends) this.#place(frontend).claims.delete(key)
    for (const frontend of service.frontends) this.#place(frontend).claims.set(key, frontend)
    for (const member of membersOf(old)) this.#count(member, -1)
    for (const member of membersOf(service)) this.#count(member, 1)
    this.#putObjects(old, service)
    return old
  }

  /** Commands for what has changed since the last call; '' when nothing has. */
  transaction(): string {
    const tx = new Transaction(`${this.#dialect.ip} ${tableName}`)
    this.#writeObjects(tx)
    for (const id of this.#dirty) this.#writePlace(tx, id)
    this.#dirty.clear()
    this.#writeMembers(tx)
    return tx.text()
  }

  /** Commands that replace the whole table, in pieces: there may be many. `remembered`: clients of the table that goes. */
  *replacement(remembered: RememberedClients = new Map()): Iterable<string> {
    yield baseTable(this.#options)
    this.#diceChains.clear()
    this.#shownMembers.clear()
    this.#dirty.clear()
    const tx = new Transaction(`${this.#dialect.ip} ${tableName}`)
    // All objects are new: those that are there and those that have not been written yet.
    for (const [name, object] of this.#objects) if (!this.#changedObjects.has(name)) this.#changedObjects.set(name, object)
    this.#objects.clear()
    this.#writeObjects(tx)
    for (const [name, { kind }] of this.#objects)
      if (kind === 'set') for (const element of remembered.get(name) ?? []) tx.addElement(`${name} ${element}`)
    yield tx.take()
    let size = 0
    for (const member of this.#members.keys()) {
      tx.addElement(member)
      this.#shownMembers.add(member)
      if (++size % membersPerPiece === 0) yield tx.take()
    }
    this.#dirtyMembers.clear()
    for (const [id, place] of this.#places) {
      place.shown = undefined
      this.#writePlace(tx, id)
      if (++size % frontendsPerPiece === 0) yield tx.take()
    }
    yield tx.take()
  }

  #place(frontend: Frontend): Place {
    const id = `${frontend.kind} ${frontend.key}`
    let place = this.#places.get(id)
    if (!place) this.#places.set(id, (place = { claims: new Map(), shown: undefined }))
    this.#dirty.add(id)
    return place
  }

  #count(member: string, by: 1 | -1): void {
    const count = (this.#members.get(member) ?? 0) + by
    if (count > 0) this.#members.set(member, count)
    else this.#members.delete(member)
    this.#dirtyMembers.add(member)
  }

  #putObjects(old: ProxiedService, service: ProxiedService): void {
    const isNodeIn = (ranges: readonly string[]) => isAnyIn(this.#options.nodeIps, ranges)
    const gone = new Set(old.ports.flatMap((port) => [...serviceObjects(port, this.#dialect, isNodeIn).keys()]))
    for (const port of service.ports)
      for (const [name, object] of serviceObjects(port, this.#dialect, isNodeIn)) {
        gone.delete(name)
        this.#changedObjects.set(name, object)
      }
    for (const name of gone) this.#changedObjects.set(name, undefined)
  }

  /** Chains are made before what goes to them, and emptied and deleted after it. */
  #writeObjects(tx: Transaction): void {
    for (const [name, object] of this.#changedObjects) {
      const old = this.#objects.get(name)
      if (object === undefined) {
        this.#objects.delete(name)
        if (old) tx.remove(name, old)
        continue
      }
      if (!old || JSON.stringify(old) !== JSON.stringify(object)) tx.put(name, object, old)
      this.#objects.set(name, object)
    }
    this.#changedObjects.clear()
  }

  #writePlace(tx: Transaction, id: string): void {
    const place = this.#places.get(id) as Place
    const before = place.shown ? elementsOf(place.shown.frontend, place.shown.slots) : undefined
    const frontend = winner(place.claims)
    let after: FrontendElements | undefined
    if (frontend) {
      const slots = slotsFor(frontend, place.shown?.slots ?? noSlots)
      after = elementsOf(frontend, slots)
      place.shown = { frontend, slots }
      for (const chain of after.diceChains) this.#needDice(tx, chain)
    } else {
      this.#places.delete(id)
    }
    for (const element of before?.elements.keys() ?? []) {
      const value = after?.elements.get(element)
      if (value === undefined || value !== before?.elements.get(element)) tx.deleteElement(element)
    }
    for (const [element, value] of after?.elements ?? []) if (before?.elements.get(element) !== value) tx.addElement(element, value)
  }

  /** Made when first needed and kept: there are no more of them than different counts of endpoints. */
  #needDice(tx: Transaction, chain: string): void {
    if (this.#diceChains.has(chain)) return
    this.#diceChains.add(chain)
    tx.put(chain, { kind: 'chain', rules: diceRules(chain, this.#dialect.ip) }, undefined)
  }

  #writeMembers(tx: Transaction): void {
    for (const member of this.#dirtyMembers) {
      const wanted = this.#members.has(member)
      if (wanted === this.#shownMembers.has(member)) continue
      if (wanted) {
        tx.addElement(member)
        this.#shownMembers.add(member)
      } else {
        tx.deleteElement(member)
        this.#shownMembers.delete(member)
      }
    }
    this.#dirtyMembers.clear()
  }
}

/** A Service's own cluster IP before addresses that a Service only says it has; then by name. */
function winner(claims: ReadonlyMap<string, Frontend>): Frontend | undefined {
  let first: readonly [key: string, frontend: Frontend] | undefined
  for (const claim of claims) if (!first || goesBefore(claim, first)) first = claim
  return first?.[1]
}

function goesBefore([key, frontend]: readonly [string, Frontend], [otherKey, other]: readonly [string, Frontend]): boolean {
  return frontend.isClusterIp === other.isClusterIp ? key < otherKey : frontend.isClusterIp
}

function slotsFor({ endpoints, outside }: Frontend, shown: Slots): Slots {
  const addresses = (of: Frontend['endpoints']) => of.map(({ address }) => address)
  return { inside: slotsOf(shown.inside, addresses(endpoints)), outside: slotsOf(shown.outside, addresses(outside ?? [])) }
}

function membersOf({ ports, localIps }: ProxiedService): string[] {
  const cluster = new Set(ports.map(({ port }) => `cluster-ips ${port.clusterIp}`))
  return [...cluster, ...localIps.map((ip) => `hairpin-connections ${ip} . ${ip}`)]
}

function isAnyIn(ips: readonly string[], ranges: readonly string[]): boolean {
  const parsed = ips.flatMap((ip) => parseIp(ip) ?? [])
  return ranges.some((range) => {
    const cidr = parseCidr(range)
    return cidr !== undefined && parsed.some((ip) => contains(cidr, ip))
  })
}

/** Commands in an order in which the kernel takes them, elements of one container gathered. */
class Transaction {
  readonly #table: string
  readonly #declare: string[] = []
  readonly #rules: string[] = []
  readonly #deleted = new Map<string, string[]>()
  readonly #added = new Map<string, string[]>()
  readonly #flushed: string[] = []
  readonly #removed: string[] = []

  constructor(table: string) {
    this.#table = table
  }

  put(name: string, object: TableObject, old: TableObject | undefined): void {
    if (object.kind === 'set') {
      if (!old) this.#declare.push(`add set ${this.#table} ${name} ${object.definition}`)
      return
    }
    this.#declare.push(`${old ? 'flush' : 'add'} chain ${this.#table} ${name}`)
    for (const rule of object.rules) this.#rules.push(`add rule ${this.#table} ${name} ${rule}`)
  }

  remove(name: string, { kind }: TableObject): void {
    if (kind === 'chain') this.#flushed.push(`flush chain ${this.#table} ${name}`)
    // Chains before the sets that their rules name.
    const command = `delete ${kind} ${this.#table} ${name}`
    if (kind === 'chain') this.#removed.unshift(command)
    else this.#removed.push(command)
  }

  /** "CONTAINER KEY", and the value of a map. */
  addElement(element: string, value?: string): void {
    push(this.#added, element, value === undefined ? '' : ` : ${value}`)
  }

  deleteElement(element: string): void {
    push(this.#deleted, element, '')
  }

  text(): string {
    return this.take()
  }

  /** The commands so far; those that come later are of the next piece of the same transaction. */
  take(): string {
    const lines = [
      ...this.#declare.splice(0),
      ...this.#rules.splice(0),
      ...this.#commands('delete', this.#deleted),
      ...this.#commands('add', this.#added),
      ...this.#flushed.splice(0),
      ...this.#removed.splice(0),
    ]
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`
  }

  *#commands(verb: 'add' | 'delete', byContainer: Map<string, string[]>): Iterable<string> {
    for (const [container, elements] of byContainer)
      for (let at = 0; at < elements.length; at += elementsPerCommand)
        yield `${verb} element ${this.#table} ${container} { ${elements.slice(at, at + elementsPerCommand).join(', ')} }`
    byContainer.clear()
  }
}

function push(into: Map<string, string[]>, element: string, value: string): void {
  const space = element.indexOf(' ')
  const container = element.slice(0, space)
  const list = into.get(container)
  const text = element.slice(space + 1) + value
  if (list) list.push(text)
  else into.set(container, [text])
}
