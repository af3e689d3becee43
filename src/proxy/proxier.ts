/**
 * Keeps a node's rules equal to the cluster's Services and EndpointSlices. The first sync replaces the table as a whole, in one
 * transaction, so that packets go on while a proxy restarts; every later one writes the difference. After a failure, or when the
 * table is found gone, the whole is written anew.
 */
import type { IpFamily } from '../api/ip.js'
import type { KubeObject } from '../api/object.js'
import type { Node, Service } from '../api/types/core-v1.js'
import type { EndpointSlice } from '../api/types/discovery-v1.js'
import type { Clock } from '../base/clock.js'
import { messageOf } from '../base/errors.js'
import type { Logger } from '../base/logger.js'
import type { Random } from '../base/random.js'
import type { Client } from '../client/client.js'
import type { Informer } from '../client/informer.js'
import { informerFactory } from '../client/informers/informers.js'
import { resources } from '../client/resources.js'
import { deleteStaleFlows } from './conntrack/conntrack.js'
import { FamilyRules } from './family-rules.js'
import type { ProxyHealth } from './health/proxy-health.js'
import type { ServiceHealth } from './health/service-health.js'
import { dialectOf, tableName } from './nftables/base.js'
import { rememberedClients } from './nftables/remembered-clients.js'
import { type RuleConfig, rulesetOptions, topologyOf } from './node-view.js'
import { PendingChanges, serviceKeyOf, type TakenChanges } from './pending-changes.js'
import type { RunProgram } from './program.js'
import type { ProxyMetrics } from './proxy-metrics.js'
import { SyncRunner } from './sync-runner.js'

export interface ProxierOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly nodeName: string
  readonly families: readonly IpFamily[]
  readonly rules: RuleConfig
  readonly minSyncMs: number
  readonly syncMs: number
  readonly run: RunProgram
  readonly metrics: ProxyMetrics
  readonly health: ProxyHealth
  readonly serviceHealth: ServiceHealth
}

/** Services with a proxy of their own and headless ones (KEP-2447 and well-known labels) are not even watched. */
const labelSelector = '!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name'
/** How long the work on Services goes on before others get their turn. */
const turnMs = 10

export class Proxier {
  readonly #options: ProxierOptions
  readonly #pending = new PendingChanges()
  readonly #ending = new AbortController()
  readonly #services: Informer<Service>
  readonly #slices: Informer<EndpointSlice>
  readonly #nodes: Informer<Node>
  readonly #startedMs: number
  #rules: readonly FamilyRules[] = []
  #replace = true
  #runner: SyncRunner | undefined
  #synced: () => void = () => undefined
  /** Resolves once the rules have been written for the first time. */
  readonly ready: Promise<void>

  constructor(options: ProxierOptions) {
    this.#options = options
    const { client, clock, random, logger, nodeName } = options
    this.#startedMs = clock.now()
    this.ready = new Promise((resolve) => {
      this.#synced = resolve
    })
    const factory = informerFactory({ client, clock, random, logger, signal: this.#ending.signal, transform: slim })
    this.#services = factory.informer<Service>(resources.services, { labelSelector })
    this.#slices = factory.informer<EndpointSlice>(resources.endpointSlices, { labelSelector })
    this.#nodes = factory.informer<Node>(resources.nodes, { fieldSelector: `metadata.name=${nodeName}` })
    this.#slices.addIndex('service', (slice) => [serviceKeyOf(slice) ?? ''])
    this.#listen()
    factory.start()
    void factory.synced().then(
      () => this.#begin(),
      () => undefined,
    )
  }

  get node(): Node | undefined {
    return this.#nodes.lister.get(this.#options.nodeName)
  }

  async stop(): Promise<void> {
    this.#ending.abort()
    await this.#runner?.stop()
  }

  #listen(): void {
    const { metrics } = this.#options
    const service = (object: Service) => {
      this.#pending.addService(object)
      metrics.servicesTotal.inc()
      this.#changed()
    }
    const slice = (object: EndpointSlice, old?: EndpointSlice) => {
      this.#pending.addSlice(object, old, this.#startedMs)
      metrics.endpointsTotal.inc()
      this.#changed()
    }
    this.#services.addHandler({ onAdd: service, onUpdate: service, onDelete: service })
    this.#slices.addHandler({ onAdd: (each) => slice(each), onUpdate: slice, onDelete: (each) => slice(each) })
    this.#nodes.addHandler({
      onAdd: (node) => this.#nodeChanged(node, undefined),
      onUpdate: (node, old) => this.#nodeChanged(node, old),
      // As it was last, with the knowledge that it is going.
      onDelete: () => this.#options.health.syncNode(undefined),
    })
  }

  #begin(): void {
    if (this.#ending.signal.aborted) return
    const { clock, logger, minSyncMs, syncMs } = this.#options
    const runner = { clock, logger, minPeriodMs: minSyncMs, maxPeriodMs: syncMs, sync: () => this.#sync(), idle: () => this.#check() }
    this.#runner = new SyncRunner(runner)
    this.#changed()
  }

  #changed(): void {
    // Until the first lists are complete there is nothing to do with what comes.
    if (!this.#runner) return
    const { metrics, families, health, clock } = this.#options
    metrics.servicesPending.set([], this.#pending.services)
    metrics.endpointsPending.set([], this.#pending.slices)
    for (const family of families) metrics.lastQueued.set([family], clock.now() / 1000)
    health.queued()
    this.#runner.request()
  }

  #nodeChanged(node: Node, old: Node | undefined): void {
    const { rules, families, nodeName, health } = this.#options
    health.syncNode(node)
    const differs = (of: (node: Node | undefined) => unknown) => JSON.stringify(of(node)) !== JSON.stringify(of(old))
    if (differs((each) => families.map((family) => rulesetOptions(family, rules, each)))) this.#replace = true
    else if (!differs((each) => topologyOf(nodeName, each))) return
    this.#pending.addAll(this.#serviceKeys())
    this.#changed()
  }

  *#serviceKeys(): Iterable<string> {
    for (const { metadata } of this.#services.lister.list()) yield `${metadata.namespace}/${metadata.name}`
  }

  async #sync(): Promise<void> {
    const { clock, metrics, families, health } = this.#options
    const startedMs = clock.monotonic()
    const replaces = this.#replace
    const taken = this.#pending.take()
    metrics.servicesPending.set([], 0)
    metrics.endpointsPending.set([], 0)
    this.#replace = false
    try {
      const local = await this.#compute(replaces ? new Set(this.#serviceKeys()) : taken.keys, replaces)
      if (replaces) await this.#writeAll()
      else await this.#writeDifference()
      await this.#afterwards(taken, replaces ? undefined : taken.keys, local)
    } catch (error) {
      this.#replace = true
      this.#pending.giveBack(taken)
      for (const family of families) metrics.syncFailures.inc([family])
      throw error
    }
    const seconds = (clock.monotonic() - startedMs) / 1000
    for (const family of families) {
      metrics.syncs.observe([family], seconds)
      metrics[replaces ? 'fullSyncs' : 'partialSyncs'].observe([family], seconds)
      metrics.lastSync.set([family], clock.now() / 1000)
      for (const atMs of taken.triggeredMs) metrics.programming.observe([family], (clock.now() - atMs) / 1000)
    }
    health.updated()
    if (this.#pending.services + this.#pending.slices > 0) health.queued()
    this.#synced()
  }

  async #writeDifference(): Promise<void> {
    const difference = this.#rules.map((rules) => rules.transaction()).join('')
    if (difference !== '') await this.#options.run('nft', ['-f', '-'], [difference])
  }

  async #writeAll(): Promise<void> {
    const { run } = this.#options
    const parts: Iterable<string>[] = []
    for (const rules of this.#rules) parts.push(rules.replacement(await rememberedClients(run, rules.family)))
    await run('nft', ['-f', '-'], joined(parts))
  }

  /** Returns the ready endpoints on this node by Service. */
  async #compute(keys: ReadonlySet<string>, replaces: boolean): Promise<Map<string, number>> {
    const { clock, families, rules, nodeName } = this.#options
    const { node } = this
    if (replaces) this.#rules = families.map((family) => new FamilyRules(rulesetOptions(family, rules, node)))
    const topology = topologyOf(nodeName, node)
    const local = new Map<string, number>()
    let turnFromMs = clock.monotonic()
    for (const key of keys) {
      const service = this.#services.lister.get(key)
      const slices = this.#slices.lister.by('service', key)
      local.set(key, Math.max(0, ...this.#rules.map((each) => each.put(key, service, slices, topology))))
      if (clock.monotonic() - turnFromMs < turnMs) continue
      await nextTurn()
      turnFromMs = clock.monotonic()
    }
    return local
  }

  async #afterwards(taken: TakenChanges, keys: ReadonlySet<string> | undefined, local: ReadonlyMap<string, number>): Promise<void> {
    const { metrics, serviceHealth } = this.#options
    for (const key of new Set([...(keys ?? local.keys()), ...taken.keys])) {
      const spec = this.#services.lister.get(key)?.spec
      const port = spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local' ? (spec.healthCheckNodePort ?? 0) : 0
      await serviceHealth.sync(key, port, local.get(key) ?? 0)
    }
    for (const rules of this.#rules) {
      for (const policy of ['internal', 'external'] as const) metrics.noLocalEndpoints.set([rules.family, policy], rules.lacking(policy))
      await this.#cleanConntrack(rules)
    }
  }

  async #cleanConntrack(rules: FamilyRules): Promise<void> {
    const { run, clock, logger, metrics } = this.#options
    const live = rules.takeLive()
    if (live.size === 0) return
    const startedMs = clock.monotonic()
    const nodeIps = new Set(this.node?.status?.addresses?.map(({ address }) => address))
    try {
      metrics.conntrackDeleted.inc([rules.family], await deleteStaleFlows(run, rules.family, live, nodeIps))
      metrics.conntrackSyncs.observe([rules.family], (clock.monotonic() - startedMs) / 1000)
    } catch (error) {
      logger.error('Stale connections could not be deleted', { family: rules.family, error: messageOf(error) })
    }
  }

  /** Somebody may have flushed the rules of the whole machine. */
  async #check(): Promise<void> {
    const { families, run, logger, serviceHealth } = this.#options
    await serviceHealth.retry()
    for (const family of families) {
      try {
        await run('nft', ['list', 'chain', dialectOf(family).ip, tableName, 'services'])
      } catch (error) {
        logger.warn('The table is gone, writing it anew', { family, error: messageOf(error) })
        this.#replace = true
        this.#changed()
        return
      }
    }
  }
}

/** Who wrote which field is a good part of an object, and nothing to a proxy. */
function slim({ metadata }: KubeObject): void {
  delete metadata.managedFields
}

function* joined(parts: readonly Iterable<string>[]): Iterable<string> {
  for (const part of parts) yield* part
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
