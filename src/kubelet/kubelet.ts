import type { ComponentDeps } from '../base/component.js'
import type { Node, Pod } from '../api/types/core-v1.js'
import type { Client } from '../client/client.js'
import type { EventRecorder } from '../client/event-recorder.js'
import { eventRecorder } from '../client/event-recorder/recorder.js'
import { informerFactory } from '../client/informers/informers.js'
import { resources } from '../client/resources.js'
import { NodeKeeper } from './nodes/node-keeper.js'
import type { NodeDescription } from './nodes/node-object.js'
import { NodeRecord } from './nodes/node-record.js'
import { Prober, type ProbeTarget } from './probes/prober.js'
import type { Verdict } from './pods/status.js'
import type { Runtime } from './runtime.js'
import { isMirror, StaticPods } from './static-pods/static-pods.js'
import { References } from './volumes/references.js'
import { PodWorkers } from './worker/pod-workers.js'
import { endWrites, WriteQueue } from './write-queue.js'

/**
 * The kubelet of one node: runs the pods that the API binds to it and those that manifests ask for. It needs no API server to be
 * there: static pods run first, and the API may well be one of them; registration, mirrors and statuses follow once it answers.
 */
export interface KubeletOptions extends ComponentDeps {
  readonly client: Client
  readonly runtime: Runtime
  readonly node: NodeDescription
  /** Asks a container once how it is; without it only its runtime is asked. */
  readonly probe?: (target: ProbeTarget) => Promise<void>
  /** --register-node */
  readonly registerNode?: boolean
  /** Why the node takes no such pod now: it is short of something, or shutting down. */
  readonly refuses?: (pod: Pod) => Verdict | undefined
}

export interface Kubelet {
  readonly workers: PodWorkers
  readonly keeper: NodeKeeper
  readonly node: NodeRecord
  readonly recorder: EventRecorder
  /** Whether all pods of the node are known. */
  readonly synced: boolean
  /** All static pods there are to be from now on. */
  setStaticPods(pods: readonly Pod[]): void
  /** Stops watching and writing. What the runtime runs goes on: it is the caller's. */
  stop(): Promise<void>
}

const writesMax = 16

export function startKubelet(options: KubeletOptions): Kubelet {
  const { client, clock, logger, random, runtime, probe } = options
  const ending = new AbortController()
  const { signal } = ending
  const { name } = options.node
  const writes = new WriteQueue({ clock, logger, inFlightMax: writesMax })
  const leaseWrites = new WriteQueue({ clock, logger, inFlightMax: 1 })
  const informers = informerFactory({ client, clock, logger, random, signal })
  const node = new NodeRecord(options.node, {
    ...{
      registers: options.registerNode ?? true,
      tellsEvents: true,
      checksReferences: false,
      rebooted: true,
      networkDueMs: 0,
      now: () => clock.now(),
    },
  })
  const pods = client.resource<Pod>(resources.pods)
  const prober =
    probe &&
    new Prober({
      ...{ clock, random, probe },
      onChange: (uid) => workers.wake(uid),
      onFailure: (uid, _container, message) => workers.unhealthy(uid, message),
    })
  const recorder = eventRecorder({ client, clock, logger, random, signal, component: 'kubelet', host: name })
  const workers: PodWorkers = new PodWorkers({
    ...{ clock, logger, runtime, writes, pods, finalStatus: 'always' as const, references: new References(client, clock) },
    recorder,
    ...(prober ? { probes: prober } : {}),
    ...(options.refuses ? { refuses: options.refuses } : {}),
    onForget: (record) => statics.forgotten(record),
  })
  const statics = new StaticPods({ host: node, workers, pods, writes, logger })
  const keeper = new NodeKeeper({
    ...{ clock, random, logger, client, recorder, writes, leaseWrites },
    onRegistered: () => statics.syncMirrors(),
  })

  const podInformer = informers.informer<Pod>(resources.pods, { fieldSelector: `spec.nodeName=${name}` })
  const nodeInformer = informers.informer<Node>(resources.nodes, { fieldSelector: `metadata.name=${name}` })
  const nodeSeen = (seen: Node) => {
    const first = node.node === undefined
    keeper.observed(seen)
    if (first) statics.syncMirrors()
  }
  const podSeen = (pod: Pod) => (isMirror(pod) ? statics.mirrorSeen(pod) : workers.observed(pod, node))
  nodeInformer.addHandler({ onAdd: nodeSeen, onUpdate: nodeSeen, onDelete: () => keeper.vanished(name) })
  podInformer.addHandler({
    onAdd: podSeen,
    onUpdate: podSeen,
    onDelete: (pod) => (isMirror(pod) ? statics.mirrorGone(pod) : workers.vanished(pod.metadata.uid ?? '')),
  })
  runtime.healthChanges?.(() => {
    keeper.stateChanged(name)
    workers.wakeAll()
  })
  informers.start()
  keeper.add(node, undefined)
  return {
    ...{ workers, keeper, node, recorder },
    get synced() {
      return podInformer.synced
    },
    setStaticPods: (list) => statics.setPods(list),
    async stop() {
      ending.abort(new Error('the kubelet has been stopped'))
      prober?.stop()
      workers.stop()
      keeper.stop()
      await endWrites(clock, [writes, leaseWrites])
    },
  }
}
