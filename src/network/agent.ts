/**
 * The pod network of one node: its end of it (CNI configuration), the way to the others (routes), and who may talk to whom
 * (NetworkPolicy), kept as the cluster says. Where another network's CNI configuration comes first, all of it is left to that one.
 */
import type { IpFamily } from '../api/ip.js'
import type { KubeObject } from '../api/object.js'
import type { Node } from '../api/types/core-v1.js'
import type { ComponentDeps } from '../base/component.js'
import type { Metrics } from '../base/metrics.js'
import type { Client } from '../client/client.js'
import type { Informer } from '../client/informer.js'
import { informerFactory } from '../client/informers/informers.js'
import { resources } from '../client/resources.js'
import { ConfDir } from './cni/conf-dir.js'
import { otherNetwork } from './cni/conflist.js'
import type { NetworkHost } from './host/host.js'
import { Loop } from './loop.js'
import { networkMetrics } from './metrics.js'
import { isSameNode, type NetworkNode, networkNodeOf, slimNode } from './network-node.js'
import { PolicyFeed } from './policy/feed.js'
import { removeRoutes, RouteKeeper, type RouteOptions } from './routes/keeper.js'
import { removeIdleBridge } from './routes/kernel.js'
import { RulesetKeeper } from './ruleset/keeper.js'
import { removeTable } from './ruleset/table.js'

export interface NetworkOptions extends RouteOptions {
  readonly nodeName: string
  /** The folder of CNI configurations, as this process sees it. */
  readonly cniConfDir: string
  readonly masquerade: boolean
  readonly policies: boolean
  readonly syncPeriodMs: number
}

export interface NetworkAgentOptions extends ComponentDeps {
  readonly client: Client
  readonly host: NetworkHost
  readonly metrics: Metrics
  readonly network: NetworkOptions
  readonly signal: AbortSignal
}

export interface NetworkAgent {
  /** Throws with the cause when the network is not what it should be. */
  check(): void
  /** Resolves once the network is up for the first time, or left to another one. */
  readonly up: Promise<void>
  /** Nothing that was told waits to be written. */
  readonly isIdle: boolean
  /** Resolves when nothing is under way any more, after the signal was aborted. The network stays as it is. */
  stopped(): Promise<void>
}

/** Changes come in crowds; a policy is in force within this and the kernel's own time. */
const rulesetDelayMs = 5
const routesDelayMs = 100

export function runNetwork(options: NetworkAgentOptions): NetworkAgent {
  const agent = new Agent(options)
  agent.start()
  return agent
}

class Agent implements NetworkAgent {
  readonly #options: NetworkAgentOptions
  readonly #confDir: ConfDir
  readonly #nodes = new Map<string, NetworkNode>()
  readonly #routes: RouteKeeper
  readonly #routeLoop: Loop
  readonly #rulesetLoop: Loop
  #ruleset: RulesetKeeper | undefined
  #feed: PolicyFeed | undefined
  #nodesSynced = false
  #stoodBackFor: string | undefined
  #isUp: () => void = () => undefined
  readonly up: Promise<void>
  #wasUp = false

  constructor(options: NetworkAgentOptions) {
    this.#options = options
    const { network, clock, logger, signal } = options
    this.#confDir = new ConfDir(network.cniConfDir)
    this.#routes = new RouteKeeper({ ...options, confDir: this.#confDir })
    this.up = new Promise((resolve) => (this.#isUp = resolve))
    const shared = { clock, logger, signal, everyMs: network.syncPeriodMs }
    this.#routeLoop = new Loop({ ...shared, name: 'routes', delayMs: routesDelayMs, run: () => this.#syncRoutes() })
    this.#rulesetLoop = new Loop({ ...shared, name: 'policies', delayMs: rulesetDelayMs, run: (why) => this.#syncRuleset(why) })
    networkMetrics(options.metrics, {
      nodes: () => this.#nodes.size,
      tunnels: () => this.#routes.tunnels,
      ruleset: () => this.#ruleset?.size(),
    })
  }

  start(): void {
    const { host, network, signal } = this.#options
    const nodes = this.#informer<Node>(resources.nodes, slimNode)
    nodes.addHandler({
      onAdd: (node) => this.#setNode(node),
      onUpdate: (node) => this.#setNode(node),
      onDelete: (node) => this.#deleteNode(node),
    })
    nodes.whenSynced(() => {
      this.#nodesSynced = true
      this.#routeLoop.trigger()
    })
    // Links that come and go take their routes with them. Our own changes are seen too: the run that follows finds nothing to do.
    const ofPods = podDevices(network.bridge)
    const onLine = (line: string) => {
      if (!ofPods.test(line)) this.#routeLoop.trigger()
    }
    host.follow('ip', ['-o', 'monitor', 'link', 'address', 'route'], onLine, signal)
  }

  check(): void {
    if (this.#stoodBackFor !== undefined) return
    const { nodeName } = this.#options.network
    if (!this.#nodes.has(nodeName)) throw new Error(`the node ${nodeName} has not been seen`)
    for (const { error } of [this.#routeLoop, this.#rulesetLoop]) if (error !== undefined) throw new Error(error)
    if (!this.#wasUp) throw new Error('the network is not up yet')
  }

  get isIdle(): boolean {
    return this.#routeLoop.isIdle && this.#rulesetLoop.isIdle
  }

  async stopped(): Promise<void> {
    await Promise.all([this.#routeLoop.idle(), this.#rulesetLoop.idle()])
  }

  #setNode(object: Node): void {
    const node = networkNodeOf(object)
    const old = this.#nodes.get(node.name)
    // Nodes say every few seconds that they are well: nothing of that is for the network.
    if (old && isSameNode(old, node)) return
    this.#nodes.set(node.name, node)
    this.#ruleset?.setNode(node)
    this.#nodesChanged()
  }

  #deleteNode({ metadata: { name = '' } }: Node): void {
    this.#nodes.delete(name)
    // The next node of this name knows nothing of the network yet.
    if (name === this.#options.network.nodeName) this.#routes.unsaid()
    this.#ruleset?.deleteNode(name)
    this.#nodesChanged()
  }

  #nodesChanged(): void {
    this.#routeLoop.trigger()
    if (this.#ruleset) this.#rulesetLoop.trigger()
  }

  async #syncRoutes(): Promise<void> {
    const { logger, network } = this.#options
    // Routes of nodes that are merely not known yet must stay.
    if (!this.#nodesSynced) return
    const other = otherNetwork(await this.#confDir.files())
    if (other !== undefined) return this.#standBack(other)
    if (this.#stoodBackFor !== undefined) logger.info('The other network is gone', { file: this.#stoodBackFor })
    this.#stoodBackFor = undefined
    const local = this.#nodes.get(network.nodeName)
    if (!local || local.podCidrs.length === 0) {
      logger.warn('The node has no pod range yet: the controller manager gives one with --allocate-node-cidrs', { node: network.nodeName })
      return
    }
    const families = [...new Set(local.podCidrs.map(({ family }) => family))]
    await this.#startRuleset(families)
    await this.#routes.sync(local, this.#nodes.values())
    if (this.#wasUp) return
    this.#wasUp = true
    this.#isUp()
  }

  /** Policies before routes and before the first pod: nothing passes that should not. */
  async #startRuleset(families: readonly IpFamily[]): Promise<void> {
    if (this.#ruleset?.isFor(families)) return
    const { network, host } = this.#options
    if (network.policies) {
      this.#feed ??= new PolicyFeed({
        nodeName: network.nodeName,
        informer: (of, transform) => this.#informer(of, transform),
        changed: () => this.#rulesetLoop.trigger(),
      })
      await this.#feed.synced()
    }
    const keeper = new RulesetKeeper({ ...network, host, families })
    for (const node of this.#nodes.values()) keeper.setNode(node)
    this.#feed?.feed(keeper.policies)
    this.#ruleset = keeper
    try {
      await keeper.write()
    } catch (error) {
      this.#ruleset = undefined
      throw error
    }
    // From now on it is looked at without a cause too.
    this.#rulesetLoop.trigger()
  }

  async #syncRuleset(why: 'cause' | 'period'): Promise<void> {
    if (!this.#ruleset || this.#stoodBackFor !== undefined) return
    if (why === 'period') await this.#ruleset.check()
    await this.#ruleset.write()
  }

  /** Another network is in charge: nothing of ours is left beside it. */
  async #standBack(other: string): Promise<void> {
    if (this.#stoodBackFor === other) return
    const { logger, host } = this.#options
    logger.info('Another network has its CNI configuration here: the built-in one stands back', { file: other })
    this.#stoodBackFor = other
    await this.#rulesetLoop.idle()
    this.#feed?.feed(undefined)
    this.#ruleset = undefined
    await this.#routes.remove()
    await removeTable(host)
    this.#isUp()
  }

  #informer<T extends KubeObject>(of: (typeof resources)[keyof typeof resources], transform: (object: T) => void): Informer<T> {
    const { client, clock, random, logger, signal } = this.#options
    const slim = (object: KubeObject) => transform(object as T)
    const factory = informerFactory({ client, clock, random, logger, signal, transform: slim })
    const informer = factory.informer<T>(of)
    factory.start()
    return informer
  }
}

/** The devices of pods, which the bridge plugin names: they come and go all day, and no route of ours lies over them. */
function podDevices(bridge: string): RegExp {
  return new RegExp(`(^|\\s)(veth[0-9a-f]{8}|${bridge.replaceAll('.', '\\.')})([@:\\s]|$)`)
}

/** Takes away what `runNetwork` has left on the machine; the bridge too, unless pods still hang on it. */
export async function removeNetwork({ host, network, logger }: Pick<NetworkAgentOptions, 'host' | 'network' | 'logger'>): Promise<void> {
  await removeRoutes({ host, network, confDir: new ConfDir(network.cniConfDir) })
  await removeTable(host)
  if (!(await removeIdleBridge(host, network.bridge))) logger.warn('Pods are still connected: the bridge stays', { bridge: network.bridge })
}
