/**
 * The nodes in columns: a node is a slot, what it has and what is taken of it are numbers in typed arrays, so that a plugin
 * looks at thousands of nodes in one loop. Scheduling cycles are synchronous, hence the table itself is their snapshot: nothing
 * changes it while one runs, and none has to be copied.
 */
import type { Node, Taint } from '../../api/types/core-v1.js'
import { amountOf } from './requests.js'
import { ImageIndex } from './images.js'
import type { PodInfo } from './pod-info.js'
import { Topology } from './topology.js'

/** One resource over all slots. */
export class ResourceColumn {
  allocatable: Float64Array
  requested: Float64Array

  constructor(capacity: number) {
    this.allocatable = new Float64Array(capacity)
    this.requested = new Float64Array(capacity)
  }

  grow(capacity: number): void {
    this.allocatable = grown(this.allocatable, new Float64Array(capacity))
    this.requested = grown(this.requested, new Float64Array(capacity))
  }
}

export const zoneLabel = 'topology.kubernetes.io/zone'
export const regionLabel = 'topology.kubernetes.io/region'

export class NodeTable {
  readonly #slots = new Map<string, number>()
  readonly #free: number[] = []
  readonly #topologies = new Map<string, Topology>()
  readonly #scalars = new Map<string, ResourceColumn>()
  readonly #taintSets = new Map<string, { readonly id: number; nodes: number }>()
  readonly #taintKeys: string[] = []
  readonly #freeTaintSets: number[] = []
  #capacity = 64
  #order: Int32Array = new Int32Array(0)
  #orderIsStale = false

  readonly names: string[] = []
  /** undefined: pods name this node, but there is none (yet, or any more). */
  readonly nodes: (Node | undefined)[] = []
  readonly pods: PodInfo[][] = []
  readonly images = new ImageIndex()
  readonly cpu = new ResourceColumn(this.#capacity)
  readonly memory = new ResourceColumn(this.#capacity)
  readonly ephemeralStorage = new ResourceColumn(this.#capacity)
  /** How many pods a node takes. */
  podsAllocatable = new Float64Array(this.#capacity)
  nonZeroMilliCpu = new Float64Array(this.#capacity)
  nonZeroMemory = new Float64Array(this.#capacity)
  /** Pods with host ports on the node. */
  portUsers = new Int32Array(this.#capacity)
  /** 1: cordoned. */
  cordoned = new Uint8Array(this.#capacity)
  /** Index into `taintLists`. */
  taintSet = new Int32Array(this.#capacity)
  readonly taintLists: (readonly Taint[])[] = []
  /** Nodes with a PreferNoSchedule taint. */
  softTainted = 0
  /** Counts the changes of a node's name, labels, taints and cordon: what was computed from those holds while it stands still. */
  version = new Uint32Array(this.#capacity)

  get capacity(): number {
    return this.#capacity
  }

  /** Slots with a node, zones taking turns, in the order in which nodes are tried. */
  get order(): Int32Array {
    if (this.#orderIsStale) {
      this.#order = this.#interleaved()
      this.#orderIsStale = false
    }
    return this.#order
  }

  slotOf(name: string): number | undefined {
    return this.#slots.get(name)
  }

  /** The slot of this name, made when there is none. */
  slotFor(name: string): number {
    const found = this.#slots.get(name)
    if (found !== undefined) return found
    const slot = this.#free.pop() ?? this.names.length
    if (slot >= this.#capacity) this.#grow()
    this.names[slot] = name
    this.nodes[slot] = undefined
    this.pods[slot] = []
    this.#slots.set(name, slot)
    return slot
  }

  setNode(node: Node): number {
    const slot = this.slotFor(node.metadata.name ?? '')
    const old = this.nodes[slot]
    this.nodes[slot] = node
    this.#setAllocatable(slot, node.status?.allocatable ?? {})
    this.images.set(slot, node)
    if (!old || placementChanged(node, old)) {
      this.version[slot] = (this.version[slot] as number) + 1
      this.cordoned[slot] = node.spec?.unschedulable ? 1 : 0
      if (old) this.#dropTaints(slot)
      this.#setTaints(slot, node.spec?.taints ?? [])
      for (const topology of this.#topologies.values()) topology.set(slot, node)
    }
    if (!old || zoneOf(old) !== zoneOf(node)) this.#orderIsStale = true
    return slot
  }

  removeNode(name: string): void {
    const slot = this.#slots.get(name)
    if (slot === undefined || !this.nodes[slot]) return
    this.nodes[slot] = undefined
    this.#setAllocatable(slot, {})
    this.images.set(slot, undefined)
    this.#dropTaints(slot)
    for (const topology of this.#topologies.values()) topology.set(slot, undefined)
    this.#orderIsStale = true
    this.#freeIfEmpty(slot)
  }

  /** Adds a pod to what is taken of a node, and nothing else: see Cache for the indexes. */
  place(slot: number, info: PodInfo): void {
    ;(this.pods[slot] as PodInfo[]).push(info)
    this.#count(slot, info, 1)
  }

  displace(slot: number, info: PodInfo): boolean {
    const pods = this.pods[slot] as PodInfo[]
    const at = pods.findIndex(({ key }) => key === info.key)
    if (at < 0) return false
    this.#count(slot, pods[at] as PodInfo, -1)
    pods.splice(at, 1)
    return true
  }

  /** Forgets a name that neither a node nor a pod has any more. */
  freeIfEmpty(slot: number): void {
    if (!this.nodes[slot]) this.#freeIfEmpty(slot)
  }

  topology(key: string): Topology {
    let topology = this.#topologies.get(key)
    if (!topology) {
      this.#topologies.set(key, (topology = new Topology(key, this.#capacity)))
      for (const [slot, node] of this.nodes.entries()) topology.set(slot, node)
    }
    return topology
  }

  /** undefined: no node offers the resource and no pod takes it. */
  column(resource: string): ResourceColumn | undefined {
    if (resource === 'cpu') return this.cpu
    if (resource === 'memory') return this.memory
    if (resource === 'ephemeral-storage') return this.ephemeralStorage
    return this.#scalars.get(resource)
  }

  #count(slot: number, { requests, hostPorts }: PodInfo, sign: 1 | -1): void {
    const { cpu, memory, ephemeralStorage } = this
    cpu.requested[slot] = (cpu.requested[slot] as number) + sign * requests.milliCpu
    memory.requested[slot] = (memory.requested[slot] as number) + sign * requests.memory
    ephemeralStorage.requested[slot] = (ephemeralStorage.requested[slot] as number) + sign * requests.ephemeralStorage
    this.nonZeroMilliCpu[slot] = (this.nonZeroMilliCpu[slot] as number) + sign * requests.nonZeroMilliCpu
    this.nonZeroMemory[slot] = (this.nonZeroMemory[slot] as number) + sign * requests.nonZeroMemory
    if (hostPorts.length > 0) this.portUsers[slot] = (this.portUsers[slot] as number) + sign
    if (!requests.scalars) return
    for (const [name, amount] of requests.scalars) {
      const { requested } = this.#scalarColumn(name)
      requested[slot] = (requested[slot] as number) + sign * amount
    }
  }

  #setAllocatable(slot: number, allocatable: Readonly<Record<string, string>>): void {
    for (const column of this.#scalars.values()) column.allocatable[slot] = 0
    this.cpu.allocatable[slot] = this.memory.allocatable[slot] = this.ephemeralStorage.allocatable[slot] = 0
    this.podsAllocatable[slot] = 0
    for (const name in allocatable) {
      const amount = amountOf(name, allocatable[name] as string)
      if (name === 'pods') this.podsAllocatable[slot] = amount
      else (this.column(name) ?? this.#scalarColumn(name)).allocatable[slot] = amount
    }
  }

  #scalarColumn(name: string): ResourceColumn {
    let column = this.#scalars.get(name)
    if (!column) this.#scalars.set(name, (column = new ResourceColumn(this.#capacity)))
    return column
  }

  /** Few lists of taints are shared by all nodes: a pod's tolerations are held against each list once. */
  #setTaints(slot: number, taints: readonly Taint[]): void {
    const key = taints.map(({ key: name, value = '', effect }) => `${name}\0${value}\0${effect}`).join('\n')
    let set = this.#taintSets.get(key)
    if (!set) {
      const id = this.#freeTaintSets.pop() ?? this.taintLists.length
      this.taintLists[id] = taints
      this.#taintKeys[id] = key
      this.#taintSets.set(key, (set = { id, nodes: 0 }))
    }
    set.nodes++
    this.taintSet[slot] = set.id
    if (taints.some(({ effect }) => effect === 'PreferNoSchedule')) this.softTainted++
  }

  #dropTaints(slot: number): void {
    const id = this.taintSet[slot] as number
    const key = this.#taintKeys[id] as string
    const set = this.#taintSets.get(key)
    if (!set) return
    if (this.taintLists[id]?.some(({ effect }) => effect === 'PreferNoSchedule')) this.softTainted--
    if (--set.nodes > 0) return
    this.#taintSets.delete(key)
    this.#freeTaintSets.push(id)
  }

  #freeIfEmpty(slot: number): void {
    if ((this.pods[slot] as PodInfo[]).length > 0) return
    this.#slots.delete(this.names[slot] as string)
    this.version[slot] = (this.version[slot] as number) + 1
    this.#free.push(slot)
  }

  #grow(): void {
    this.#capacity *= 2
    const capacity = this.#capacity
    for (const column of [this.cpu, this.memory, this.ephemeralStorage, ...this.#scalars.values()]) column.grow(capacity)
    for (const topology of this.#topologies.values()) topology.grow(capacity)
    this.podsAllocatable = grown(this.podsAllocatable, new Float64Array(capacity))
    this.nonZeroMilliCpu = grown(this.nonZeroMilliCpu, new Float64Array(capacity))
    this.nonZeroMemory = grown(this.nonZeroMemory, new Float64Array(capacity))
    this.portUsers = grown(this.portUsers, new Int32Array(capacity))
    this.cordoned = grown(this.cordoned, new Uint8Array(capacity))
    this.taintSet = grown(this.taintSet, new Int32Array(capacity))
    this.version = grown(this.version, new Uint32Array(capacity))
  }

  /** One node of each zone in turn, so that looking at a part of a large cluster looks at every zone. */
  #interleaved(): Int32Array {
    const zones = new Map<string, number[]>()
    let count = 0
    for (const [slot, node] of this.nodes.entries()) {
      if (!node) continue
      const zone = zoneOf(node)
      const slots = zones.get(zone)
      if (slots) slots.push(slot)
      else zones.set(zone, [slot])
      count++
    }
    const order = new Int32Array(count)
    const lists = [...zones.values()]
    let at = 0
    for (let round = 0; at < count; round++) {
      for (const slots of lists) {
        const slot = slots[round]
        if (slot !== undefined) order[at++] = slot
      }
    }
    return order
  }
}

export function grown<A extends Float64Array | Int32Array | Uint32Array | Uint8Array>(from: A, to: A): A {
  to.set(from)
  return to
}

function zoneOf({ metadata }: Node): string {
  const { labels } = metadata
  return `${labels?.[regionLabel] ?? ''}\0${labels?.[zoneLabel] ?? ''}`
}

function placementChanged(node: Node, old: Node): boolean {
  return (
    node.metadata.uid !== old.metadata.uid ||
    Boolean(node.spec?.unschedulable) !== Boolean(old.spec?.unschedulable) ||
    labelsChanged(node, old) ||
    taintsChanged(node, old)
  )
}

export function labelsChanged(node: Node, old: Node): boolean {
  return JSON.stringify(node.metadata.labels) !== JSON.stringify(old.metadata.labels)
}

export function taintsChanged(node: Node, old: Node): boolean {
  return JSON.stringify(node.spec?.taints ?? []) !== JSON.stringify(old.spec?.taints ?? [])
}
