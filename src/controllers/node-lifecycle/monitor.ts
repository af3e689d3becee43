/**
 * The look at every node: who is alive, whose turn it is to be tainted, whose pods are lost. Keeps in memory when each node last
 * showed life; a new controller manager starts with a full grace period for everyone.
 */
import { hasReason } from '../../api/status.js'
import type { Lease } from '../../api/types/coordination-v1.js'
import type { Node, NodeCondition, Pod } from '../../api/types/core-v1.js'
import { nodeLeaseNamespace } from '../../api/well-known.js'
import { messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import { concurrently } from '../common/concurrently.js'
import { podsOnNode } from '../common/pods-by-node.js'
import type { Outcome, View } from '../controller.js'
import { EvictionQueue } from './eviction-queue.js'
import { type GracePeriods, judge, type NodeHealth, type Now, readyOf, type Verdict } from './health.js'
import { markNotReady } from './lost-pods.js'
import { hasTaint, noExecuteChange, writeTaints } from './taints.js'
import { disruptionStep, type EvictionRates, isExcludedFromDisruption, type ZoneState, zoneOf } from './zones.js'

export interface NodeLifecycleOptions extends EvictionRates {
  /** --node-monitor-period */
  readonly monitorPeriodMs: number
  readonly grace: GracePeriods
}

export const nodeLifecycleDefaults: NodeLifecycleOptions = {
  monitorPeriodMs: 5_000,
  grace: { monitorMs: 50_000, startupMs: 60_000 },
  rate: 0.1,
  secondaryRate: 0.01,
  unhealthyThreshold: 0.55,
  largeClusterSize: 50,
}

/** The key under which `taintNext` is asked for. */
export const evictKey = 'evict'
/** Nodes whose writes are under way at once. */
const writersMax = 8
const triesMax = 5

interface Seen {
  readonly node: Node
  readonly verdict: Verdict
}

export class Monitor {
  readonly #options: NodeLifecycleOptions
  readonly #known = new Map<string, Node>()
  readonly #health = new Map<string, NodeHealth>()
  /** The Ready condition that the last look ended with. */
  readonly #ready = new Map<string, NodeCondition | undefined>()
  readonly #queues = new Map<string, EvictionQueue>()
  #states: ReadonlyMap<string, ZoneState> = new Map()
  /** Nodes whose pods could not all be marked. */
  readonly #unmarked = new Set<string>()
  #isLooking = false

  constructor(options: NodeLifecycleOptions) {
    this.#options = options
  }

  async look(view: View): Promise<Outcome> {
    this.#isLooking = true
    try {
      await this.#lookAtAll(view.lister<Node>(resources.nodes).list(), view)
    } finally {
      this.#isLooking = false
    }
    view.enqueue(evictKey)
    return { requeueAfterMs: this.#options.monitorPeriodMs }
  }

  async #lookAtAll(nodes: readonly Node[], view: View): Promise<void> {
    await this.#takeStock(nodes, view)
    const now = { wallMs: view.clock.now(), monotonicMs: view.clock.monotonic() }
    const busy: Seen[] = []
    for (const node of nodes) {
      const seen = { node, verdict: this.#judge(node, view, now) }
      if (this.#needsWork(seen)) busy.push(seen)
      else this.#remember(seen)
    }
    await concurrently(busy, writersMax, (seen) => this.#tend(seen, view, now))
    await this.#weighZones(nodes, view)
  }

  /** Nodes that came and went since the last look. */
  async #takeStock(nodes: readonly Node[], view: View): Promise<void> {
    const present = new Set<string>()
    const fresh: Node[] = []
    for (const node of nodes) {
      const { name = '', uid } = node.metadata
      present.add(name)
      if (this.#known.get(name)?.metadata.uid === uid) {
        this.#known.set(name, node)
        continue
      }
      if (this.#known.has(name)) this.#forget(name)
      this.#known.set(name, node)
      fresh.push(node)
    }
    for (const [name, node] of this.#known) {
      if (present.has(name)) continue
      this.#say(view, node, 'RemovingNode', `Removing Node ${name} from Controller`)
      this.#forget(name)
    }
    for (const node of fresh) this.#say(view, node, 'RegisteredNode', `Registered Node ${node.metadata.name} in Controller`)
    // A taint of a time before this controller stands while the node is down: its pods' time runs on.
    const well = fresh.filter((node) => (readyOf(node)?.status ?? 'True') === 'True')
    await concurrently(well, writersMax, (node) => this.#guard(view, node, () => this.#reachable(node, view)))
  }

  #forget(name: string): void {
    for (const queue of this.#queues.values()) queue.remove(name)
    for (const map of [this.#known, this.#health, this.#ready]) map.delete(name)
    this.#unmarked.delete(name)
  }

  #judge(node: Node, view: View, now: Now): Verdict {
    const { name = '' } = node.metadata
    const lease = view.lister<Lease>(resources.leases).get(`${nodeLeaseNamespace}/${name}`)
    return judge(node, lease, this.#health.get(name), this.#options.grace, now)
  }

  #remember({ node, verdict }: Seen): void {
    const { name = '' } = node.metadata
    this.#health.set(name, verdict.health)
    this.#ready.set(name, verdict.current)
  }

  /** False for a node with which all is well and was: the usual case, which costs no promise. */
  #needsWork({ node, verdict }: Seen): boolean {
    if (verdict.conditions || this.#unmarked.has(node.metadata.name ?? '')) return true
    if (verdict.current === undefined) return false
    return verdict.current.status !== 'True' || noExecuteChange('True').remove.some((taint) => hasTaint(node, taint))
  }

  async #tend(seen: Seen, view: View, now: Now): Promise<void> {
    await this.#guard(view, seen.node, async () => {
      const { node, verdict } = seen.verdict.conditions ? await this.#writeConditions(seen, view, now) : seen
      this.#remember({ node, verdict })
      if (!verdict.current) return
      // First what is known only now: that the node was Ready before this look.
      await this.#markPods(node, verdict, view)
      await this.#plan(node, verdict.current.status, view)
    })
  }

  /** Writes Unknown conditions; a node that reported meanwhile is looked at anew. */
  async #writeConditions(seen: Seen, view: View, now: Now): Promise<Seen> {
    const nodes = view.client.resource<Node>(resources.nodes)
    let { node, verdict } = seen
    for (let tries = 1; verdict.conditions; tries++) {
      try {
        const written = await nodes.updateStatus({ ...node, status: { ...node.status, conditions: verdict.conditions } })
        return { node: written, verdict }
      } catch (error) {
        if (!hasReason(error, 'Conflict') || tries === triesMax) throw error
        node = await nodes.get('', node.metadata.name ?? '')
        verdict = this.#judge(node, view, now)
      }
    }
    return { node, verdict }
  }

  /** What the Ready condition means for the NoExecute taint: swapped at once, taken off at once, put on when the zone's rate allows. */
  async #plan(node: Node, ready: string, view: View): Promise<void> {
    const { name = '' } = node.metadata
    if (ready === 'True') return this.#reachable(node, view)
    const change = noExecuteChange(ready)
    if (change.remove.some((taint) => hasTaint(node, taint))) return writeTaints(view, node, change)
    const queue = this.#queueOf(zoneOf(node))
    if (!change.add.every((taint) => hasTaint(node, taint))) queue.remove(name)
    queue.add(name)
  }

  async #reachable(node: Node, view: View): Promise<void> {
    this.#queueOf(zoneOf(node)).remove(node.metadata.name ?? '')
    await writeTaints(view, node, noExecuteChange('True'))
  }

  #queueOf(zone: string): EvictionQueue {
    let queue = this.#queues.get(zone)
    if (!queue) this.#queues.set(zone, (queue = new EvictionQueue(this.#options.rate)))
    return queue
  }

  /** Puts the NoExecute taint on the nodes whose turn it is. */
  async taintNext(view: View): Promise<Outcome | void> {
    // The look may find that nothing must be emptied; it asks again when it is over.
    if (this.#isLooking) return undefined
    const waits: number[] = []
    for (const queue of this.#queues.values()) {
      const nowMs = view.clock.monotonic()
      for (let name = queue.take(nowMs); name !== undefined; name = queue.take(nowMs)) {
        const node = view.lister<Node>(resources.nodes).get(name)
        const ready = this.#ready.get(name)?.status
        if (!node || !ready || ready === 'True') continue
        try {
          await writeTaints(view, node, noExecuteChange(ready))
        } catch (error) {
          view.logger.warn('A node could not be tainted', { node: name, error: messageOf(error) })
          queue.retry(name)
        }
      }
      const wait = queue.waitMs(nowMs)
      if (wait !== undefined) waits.push(wait)
    }
    return waits.length > 0 ? { requeueAfterMs: Math.min(...waits) } : undefined
  }

  async #markPods(node: Node, { observed, current }: Verdict, view: View): Promise<void> {
    const { name = '' } = node.metadata
    const isLost = current?.status !== 'True' && observed.status === 'True'
    if (isLost) this.#say(view, node, 'NodeNotReady', `Node ${name} status is now: NodeNotReady`)
    else if (!this.#unmarked.has(name) || observed.status === 'True') return void this.#unmarked.delete(name)
    this.#unmarked.add(name)
    await concurrently(podsOnNode(view, name), writersMax, (pod) => markNotReady(pod, view))
    this.#unmarked.delete(name)
  }

  /** How much of each zone is down, and how fast its nodes may be emptied therefore. */
  async #weighZones(nodes: readonly Node[], view: View): Promise<void> {
    const conditions = new Map<string, (NodeCondition | undefined)[]>()
    for (const node of nodes) {
      const { name = '' } = node.metadata
      if (isExcludedFromDisruption(node) || !this.#health.has(name)) continue
      const zone = zoneOf(node)
      const list = conditions.get(zone)
      if (list) list.push(this.#ready.get(name))
      else conditions.set(zone, [this.#ready.get(name)])
    }
    const step = disruptionStep(this.#states, conditions, this.#options)
    this.#states = step.states
    const nowMs = view.clock.monotonic()
    for (const [zone, rate] of step.rates) this.#queueOf(zone).setRate(rate, nowMs)
    if (step.turn === 'everything-down') {
      view.logger.info('No node is ready: pods are left where they are')
      await concurrently(nodes, writersMax, (node) => this.#guard(view, node, () => this.#reachable(node, view)))
    }
    // Every node gets its grace period anew: while everything was down, no sign of life could be seen.
    if (step.turn === 'back') for (const health of this.#health.values()) health.probedMs = nowMs
  }

  isLost({ spec }: Pod): boolean {
    const ready = spec?.nodeName ? this.#ready.get(spec.nodeName) : undefined
    return ready !== undefined && ready.status !== 'True'
  }

  /** A pod that came to a node which is lost already. */
  async markPod(key: string, view: View): Promise<void> {
    const pod = view.lister<Pod>(resources.pods).get(key)
    if (pod && this.isLost(pod) && view.lister<Node>(resources.nodes).get(pod.spec?.nodeName ?? '')) await markNotReady(pod, view)
  }

  /** One node's trouble holds up no other; the next look tries again. */
  async #guard(view: View, node: Node, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (hasReason(error, 'NotFound')) return
      view.logger.warn('A node could not be tended', { node: node.metadata.name, error: messageOf(error) })
    }
  }

  #say(view: View, node: Node, reason: string, message: string): void {
    view.events.event({ ...node, apiVersion: 'v1', kind: 'Node' }, 'Normal', reason, message)
  }
}
