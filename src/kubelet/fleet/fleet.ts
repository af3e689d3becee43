import type { ComponentDeps } from '../../base/component.js'
import type { KubeObject } from '../../api/object.js'
import type { Node, Pod } from '../../api/types/core-v1.js'
import { kwokNodeAnnotation } from '../../api/well-known.js'
import type { Client } from '../../client/client.js'
import { eventRecorder } from '../../client/event-recorder/recorder.js'
import { informerFactory } from '../../client/informers/informers.js'
import { resources } from '../../client/resources.js'
import { NodeKeeper } from '../nodes/node-keeper.js'
import { NodeRecord } from '../nodes/node-record.js'
import { SimRuntime } from '../runtimes/sim/sim-runtime.js'
import { References } from '../volumes/references.js'
import { PodWorkers } from '../worker/pod-workers.js'
import { endWrites, WriteQueue } from '../write-queue.js'
import { describeFake, describeNode, type FleetIdentity, type FleetNode } from './fleet-node.js'

/**
 * Simulated kubelets by the thousand in one process: one watch on pods, one on nodes, one agenda for all. It runs the nodes it
 * is given, and every Node that carries the annotation `kwok.x-k8s.io/node: fake`, as kwok does.
 */
export interface FleetOptions extends ComponentDeps {
  readonly client: Client
  readonly identity: Omit<FleetIdentity, 'runtimeVersion'>
  readonly version: string
  readonly nodes: readonly FleetNode[]
  /** How long pods of a new node wait for its podCIDR before they get an address of a network shared by all. */
  readonly podCidrWaitMs?: number
  /** From the start of a container to its running. */
  readonly startDelayMs?: number
}

export interface Fleet {
  /** Resolves when every node given is registered. */
  readonly ready: Promise<void>
  readonly runtime: SimRuntime
  readonly workers: PodWorkers
  readonly keeper: NodeKeeper
  /** The nodes there are to be from now on. Those left out stop being simulated; their Nodes stay in the API. */
  setNodes(nodes: readonly FleetNode[]): void
  stop(): Promise<void>
}

const podWritesMax = 64
const leaseWritesMax = 16
/** Three events tell of each start; when pods start by the thousand they would be most of what is written. */
const eventAllowance = { perSecond: 10, burst: 200 }

export function startFleet(options: FleetOptions): Fleet {
  return new RunningFleet(options)
}

class RunningFleet implements Fleet {
  readonly ready: Promise<void>
  readonly runtime: SimRuntime
  readonly workers: PodWorkers
  readonly keeper: NodeKeeper
  readonly #options: FleetOptions
  readonly #identity: FleetIdentity
  readonly #ending = new AbortController()
  readonly #writes: WriteQueue
  readonly #leaseWrites: WriteQueue
  readonly #nodes
  readonly #pods
  /** The nodes of the configuration, as last set. */
  #wanted: ReadonlyMap<string, FleetNode> = new Map()
  /** Machines that were off: what ran there is over when they come back. */
  readonly #wereOff = new Set<string>()
  #registering: () => void = () => undefined

  constructor(options: FleetOptions) {
    const { clock, logger, random, client, version, identity } = options
    this.#options = options
    this.#identity = { ...identity, runtimeVersion: `sim://${version}` }
    this.runtime = new SimRuntime({ clock, version, ...(options.startDelayMs === undefined ? {} : { startDelayMs: options.startDelayMs }) })
    this.#writes = new WriteQueue({ clock, logger, inFlightMax: podWritesMax })
    this.#leaseWrites = new WriteQueue({ clock, logger, inFlightMax: leaseWritesMax })
    const { signal } = this.#ending
    const informers = informerFactory({ client, clock, logger, random, signal, transform: withoutHistory })
    const recorder = eventRecorder({ client, clock, logger, random, signal, component: 'kubelet' })
    this.workers = new PodWorkers({
      ...{ clock, logger, runtime: this.runtime, writes: this.#writes, finalStatus: 'when-kept' as const },
      pods: client.resource<Pod>(resources.pods),
      eventAllowance,
      references: new References(client, clock),
      recorder,
    })
    this.keeper = new NodeKeeper({
      ...{ clock, logger, random, client, recorder, writes: this.#writes, leaseWrites: this.#leaseWrites },
      onRegistered: () => this.#registering(),
    })
    this.#nodes = informers.informer<Node>(resources.nodes)
    this.#pods = informers.informer<Pod>(resources.pods, { fieldSelector: 'spec.nodeName!=' })
    this.#pods.addIndex('node', (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []))
    this.ready = this.#begin(informers)
    this.ready.catch(() => undefined)
  }

  async #begin(informers: { start(): void; synced(): Promise<void> }): Promise<void> {
    this.#nodes.addHandler({
      onAdd: (node) => this.#nodeSeen(node),
      onUpdate: (node) => this.#nodeSeen(node),
      onDelete: (node) => this.#nodeGone(node),
    })
    this.#pods.addHandler({
      onAdd: (pod) => this.#podSeen(pod),
      onUpdate: (pod) => this.#podSeen(pod),
      onDelete: (pod) => this.workers.vanished(pod.metadata.uid ?? ''),
    })
    informers.start()
    await informers.synced()
    this.setNodes(this.#options.nodes)
    await new Promise<void>((resolve) => {
      this.#registering = () => {
        if ([...this.keeper.records()].every((record) => !record.registers || record.registered)) resolve()
      }
      this.#registering()
    })
  }

  setNodes(nodes: readonly FleetNode[]): void {
    this.#wanted = new Map(nodes.map((node) => [node.name, node]))
    for (const { name, registers } of [...this.keeper.records()])
      if (registers && (!this.#wanted.has(name) || this.#wanted.get(name)?.stopped)) this.#drop(name)
    for (const node of nodes) {
      if (node.stopped) this.#wereOff.add(node.name)
      else if (!this.keeper.get(node.name)?.registers) this.#host(node.name, describeNode(node, this.#identity), true)
    }
  }

  #host(name: string, description: NodeRecord['description'], registers: boolean): void {
    const { clock, podCidrWaitMs = 0 } = this.#options
    this.#drop(name)
    const record = new NodeRecord(description, {
      ...{ registers, tellsEvents: registers, checksReferences: registers, rebooted: this.#wereOff.delete(name), now: () => clock.now() },
      networkDueMs: registers ? clock.now() + podCidrWaitMs : 0,
    })
    this.keeper.add(record, this.#nodes.lister.get(name))
    for (const pod of this.#pods.lister.by('node', name)) this.workers.observed(pod, record)
    if (registers && podCidrWaitMs > 0) clock.timer(podCidrWaitMs + 1, () => this.#wakePods(record))
  }

  #drop(name: string): void {
    if (this.keeper.remove(name)) void this.workers.dropHost(name)
  }

  #nodeSeen(node: Node): void {
    const name = node.metadata.name ?? ''
    const record = this.keeper.get(name)
    const fake = isFake(node) && !this.#wanted.has(name)
    if (!record) {
      if (fake) this.#host(name, describeFake(node, this.#identity), false)
      return
    }
    if (!record.registers && !fake) return this.#drop(name)
    const hadNetwork = record.node?.spec?.podCIDR !== undefined
    this.keeper.observed(node)
    if (!hadNetwork && node.spec?.podCIDR !== undefined) this.#wakePods(record)
  }

  #nodeGone(node: Node): void {
    const name = node.metadata.name ?? ''
    if (this.keeper.get(name)?.registers) this.keeper.vanished(name)
    else this.#drop(name)
  }

  #podSeen(pod: Pod): void {
    const record = this.keeper.get(pod.spec?.nodeName ?? '')
    if (record) this.workers.observed(pod, record)
  }

  #wakePods(record: NodeRecord): void {
    if (this.keeper.get(record.name) !== record) return
    for (const pod of this.#pods.lister.by('node', record.name)) this.workers.wake(pod.metadata.uid ?? '')
  }

  async stop(): Promise<void> {
    this.#ending.abort(new Error('the fleet has been stopped'))
    this.workers.stop()
    this.keeper.stop()
    this.runtime.stop()
    await endWrites(this.#options.clock, [this.#writes, this.#leaseWrites])
  }
}

/** Who wrote which field is half of an object, and nothing to a kubelet. */
function withoutHistory({ metadata }: KubeObject): void {
  metadata.managedFields = undefined
}

function isFake({ metadata }: Node): boolean {
  return metadata.annotations?.[kwokNodeAnnotation] === 'fake'
}
