import type { Clock } from '../../base/clock.js'
import type { Logger } from '../../base/logger.js'
import type { Random } from '../../base/random.js'
import { hasReason } from '../../api/status.js'
import type { Lease } from '../../api/types/coordination-v1.js'
import type { Node } from '../../api/types/core-v1.js'
import { nodeLeaseNamespace } from '../../api/well-known.js'
import type { Client, ResourceClient } from '../../client/client.js'
import type { EventRecorder } from '../../client/event-recorder.js'
import { resources } from '../../client/resources.js'
import { parseResponse } from '../../client/rest-client.js'
import { Agenda } from '../agenda.js'
import type { WriteQueue } from '../write-queue.js'
import { leasePath, newLease, renewBody, renewMs, versionIn } from './lease-body.js'
import { annotationsOf, saysWhatIs, newNode, nodeStatusPatch, standardLabels, statusOfNode } from './node-object.js'
import type { NodeRecord } from './node-record.js'

/**
 * Keeps nodes registered, Ready and alive: creates the Node, renews its lease every ten seconds and its status every five
 * minutes, or at once when somebody else's word on it differs. One time a node on the agenda; the times of a fleet are spread.
 */
export interface NodeKeeperOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly client: Client
  readonly writes: WriteQueue
  /** Heartbeats have their own, so that a storm of pods does not hold them up. */
  readonly leaseWrites: WriteQueue
  readonly onRegistered?: (record: NodeRecord) => void
  /** Told of nodes that come up, where there are few of them. */
  readonly recorder?: EventRecorder
}

/** nodeStatusReportFrequency. */
const reportMs = 300_000
const fewNodes = 10
const healthyReasons = ['NodeHasSufficientMemory', 'NodeHasNoDiskPressure', 'NodeHasSufficientPID', 'NodeReady']
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class NodeKeeper {
  readonly #options: NodeKeeperOptions
  readonly #nodes: ResourceClient<Node>
  readonly #records = new Map<string, NodeRecord>()
  readonly #agenda: Agenda<NodeRecord>

  constructor(options: NodeKeeperOptions) {
    this.#options = options
    this.#nodes = options.client.resource<Node>(resources.nodes)
    this.#agenda = new Agenda(options.clock, (record) => this.#due(record))
  }

  get(name: string): NodeRecord | undefined {
    return this.#records.get(name)
  }

  records(): IterableIterator<NodeRecord> {
    return this.#records.values()
  }

  /** `node`: the Node as the API has it, if it does. */
  add(record: NodeRecord, node: Node | undefined): void {
    this.#records.set(record.name, record)
    if (node) {
      record.registered = true
      this.observed(node)
    } else if (record.registers) this.#options.writes.put(`node/${record.name}`, () => this.#register(record))
  }

  /** Stops keeping a node, which stays in the API as it is. */
  remove(name: string): NodeRecord | undefined {
    const record = this.#records.get(name)
    if (!record) return undefined
    this.#records.delete(name)
    this.#agenda.delete(record)
    this.#options.writes.drop(`node/${name}`)
    this.#options.leaseWrites.drop(name)
    return record
  }

  /** The API shows this Node. */
  observed(node: Node): void {
    const record = this.#records.get(node.metadata.name ?? '')
    if (!record) return
    const first = record.node === undefined
    record.node = node
    record.registered = true
    const { clock, random } = this.#options
    const nowMs = clock.now()
    if (first) {
      record.nextStatusMs = this.#needsStatus(record, node) ? nowMs : nowMs + reportMs * (0.5 + random.next() / 2)
      // The status has just been a heartbeat: leases of many nodes that begin together can be spread over a whole period.
      record.nextRenewMs = nowMs + renewMs * random.next() * (this.#records.size > fewNodes ? 1 : 0)
    } else if (!saysWhatIs(node, record.description)) record.nextStatusMs = Math.min(record.nextStatusMs, nowMs)
    this.#plan(record)
  }

  /** The Node has been deleted. Its kubelet does not make it again (upstream: only a restart does). */
  vanished(name: string): void {
    const record = this.#records.get(name)
    if (!record) return
    record.node = undefined
    record.leaseVersion = undefined
    this.#agenda.delete(record)
  }

  /** What a node says of itself has changed: it is written at once. */
  stateChanged(name: string): void {
    const record = this.#records.get(name)
    if (!record?.node) return
    record.nextStatusMs = this.#options.clock.now()
    this.#plan(record)
  }

  stop(): void {
    this.#agenda.stop()
  }

  #needsStatus(record: NodeRecord, node: Node): boolean {
    const isTold = saysWhatIs(node, record.description)
    if (!isTold || !record.registers) return !isTold || node.status?.nodeInfo?.kubeletVersion !== record.description.info.kubeletVersion
    const patch = nodeStatusPatch(node.status ?? {}, statusOfNode(record.description, node.status, this.#options.clock.now()))
    return Object.keys(patch).length > 1 || this.#missingMetadata(record, node) !== undefined
  }

  #plan(record: NodeRecord): void {
    this.#agenda.set(record, Math.min(record.nextRenewMs, record.nextStatusMs))
  }

  #due(record: NodeRecord): void {
    const nowMs = this.#options.clock.now()
    if (record.nextStatusMs <= nowMs) {
      record.nextStatusMs = nowMs + reportMs
      this.#options.writes.put(`node/${record.name}`, () => this.#writeStatus(record))
    }
    if (record.nextRenewMs <= nowMs) {
      // From the time it was due, so that the spread stays; a process that was held up does not make up for it.
      record.nextRenewMs = Math.max(record.nextRenewMs + renewMs, nowMs + renewMs / 2)
      this.#options.leaseWrites.put(record.name, () => this.#renew(record))
    }
    this.#plan(record)
  }

  async #register(record: NodeRecord): Promise<void> {
    const { clock, logger } = this.#options
    const { name } = record
    let node: Node
    try {
      node = await this.#nodes.create(newNode(record.description, clock.now()))
      this.#say(logger, 'Successfully registered node', name)
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error
      node = await this.#nodes.get('', name)
      this.#say(logger, 'Node was previously registered', name)
    }
    if (this.#records.get(name) !== record) return
    if (!record.node) this.observed(node)
    this.#options.onRegistered?.(record)
  }

  /** A line a node is worth reading where there are few. */
  #say(logger: Logger, message: string, node: string): void {
    if (this.#records.size > fewNodes) return logger.debug(message, { node })
    logger.info(message, { node })
    // Upstream's kubelet names its node by name alone.
    const about = { apiVersion: 'v1', kind: 'Node', metadata: { name: node, uid: node } }
    this.#options.recorder?.event(about, 'Normal', 'Starting', 'Starting kubelet.')
    for (const reason of healthyReasons) this.#options.recorder?.event(about, 'Normal', reason, `Node ${node} status is now: ${reason}`)
  }

  async #writeStatus(record: NodeRecord): Promise<void> {
    const { node, name } = record
    if (!node) return
    const nowMs = this.#options.clock.now()
    const metadata = this.#missingMetadata(record, node)
    try {
      if (metadata && record.registers) await this.#nodes.patch('', name, { type: 'merge', body: { metadata } })
      const wanted = record.registers ? statusOfNode(record.description, node.status, nowMs) : adoptedStatus(record, node, nowMs)
      const body = { ...(metadata && !record.registers ? { metadata } : {}), status: nodeStatusPatch(node.status ?? {}, wanted) }
      const written = await this.#nodes.patch('', name, { type: 'strategic', body }, { subresource: 'status' })
      if (record.node) record.node = written
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error
    }
  }

  /** Labels and annotations of ours that the Node lacks; undefined: none. */
  #missingMetadata(record: NodeRecord, { metadata }: Node): object | undefined {
    const labels = record.registers
      ? lacking(metadata.labels, { ...standardLabels(record.description), ...record.description.labels })
      : undefined
    const annotations = lacking(metadata.annotations, annotationsOf(record.description))
    return labels || annotations ? { ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) } : undefined
  }

  async #renew(record: NodeRecord): Promise<void> {
    const { node, name } = record
    if (!node) return
    if (record.leaseVersion === undefined) return this.#takeLease(record, node)
    const { client, clock } = this.#options
    const response = await client.raw({
      method: 'PUT',
      path: `${leasePath}/${name}`,
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: encoder.encode(renewBody(name, node.metadata.uid ?? '', record.leaseVersion, clock.now())),
    })
    if (response.status === 200) {
      record.leaseVersion = versionIn(decoder.decode(response.body))
      return
    }
    record.leaseVersion = undefined
    if (response.status === 404 || response.status === 409) return this.#takeLease(record, node)
    parseResponse(response)
  }

  /** Finds out which version the lease has, or makes it. */
  async #takeLease(record: NodeRecord, node: Node): Promise<void> {
    const leases = this.#options.client.resource<Lease>(resources.leases)
    const lease = newLease(node, this.#options.clock.now())
    try {
      record.leaseVersion = (await leases.create(lease)).metadata.resourceVersion
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error
      const old = await leases.get(nodeLeaseNamespace, record.name)
      const written = await leases.update({
        ...old,
        spec: { ...old.spec, ...lease.spec },
        metadata: { ...old.metadata, ownerReferences: lease.metadata.ownerReferences },
      })
      record.leaseVersion = written.metadata.resourceVersion
    }
  }
}

/** A Node that somebody else made keeps what it says of itself; what it lacks is filled in. */
function adoptedStatus({ description }: NodeRecord, { status = {} }: Node, nowMs: number) {
  const own = statusOfNode(description, status, nowMs)
  return {
    ...own,
    ...(status.capacity && Object.keys(status.capacity).length > 0 ? { capacity: status.capacity } : {}),
    ...(status.allocatable && Object.keys(status.allocatable).length > 0 ? { allocatable: status.allocatable } : {}),
    ...(status.addresses?.length ? { addresses: status.addresses } : {}),
  }
}

function lacking(
  has: Readonly<Record<string, string>> | undefined,
  wants: Readonly<Record<string, string>>,
): Record<string, string> | undefined {
  const missing = Object.entries(wants).filter(([key, value]) => has?.[key] !== value)
  return missing.length > 0 ? Object.fromEntries(missing) : undefined
}
