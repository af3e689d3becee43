/**
 * A whole cluster inside one process, for tests: the API server on a store in memory, every controller, the scheduler and
 * simulated nodes, as the same code that `quorate up` runs. Components reach the API server without the wire.
 *
 * With a VirtualClock nothing that takes time happens until the test advances it; what takes none runs by itself. One process
 * has one of everything: what several control planes do for each other is for `quorate up`.
 */
import { webhookCaller } from '../apiserver/webhooks/webhook-caller.js'
import { ApiServer } from '../apiserver/server.js'
import type { UserInfo } from '../apiserver/authn/authenticator.js'
import type { Clock } from '../base/clock.js'
import { type Logger, silentLogger } from '../base/logger.js'
import { type Random, seededRandom } from '../base/random.js'
import { realClock } from '../base/real-clock.js'
import type { Client } from '../client/client.js'
import { eventRecorder } from '../client/event-recorder/recorder.js'
import { type InformerFactory, informerFactory } from '../client/informers/informers.js'
import { restClient } from '../client/rest-client.js'
import { selectControllers } from '../controllers/names.js'
import { defaultControllerOptions } from '../controllers/options.js'
import { makeControllers } from '../controllers/registry.js'
import { runControllers } from '../controllers/runner.js'
import { type Fleet, startFleet } from '../kubelet/fleet/fleet.js'
import type { FleetNode } from '../kubelet/fleet/fleet-node.js'
import { gitVersion, packageVersion, platformName } from '../node/version.js'
import { createAuthority, createSigningKey } from '../pki/certificates.js'
import { defaultConfig } from '../scheduler/config/config.js'
import { runScheduler } from '../scheduler/scheduler.js'
import { openMemoryStore } from '../storage/memory/memory.js'
import type { Store } from '../storage/store.js'
import { type ServedCluster, serve } from './serve.js'

export type { UserInfo } from '../apiserver/authn/authenticator.js'
export type { FleetNode } from '../kubelet/fleet/fleet-node.js'

export interface ClusterOptions {
  /** How many simulated nodes (`node-1` ...), or which. Default 1. */
  readonly nodes?: number | readonly FleetNode[]
  /** Default: the real one. */
  readonly clock?: Clock
  /** Of everything random in the cluster: names, jitter, ties. Default 1. */
  readonly seed?: number
  readonly logger?: Logger
  /** As kube-controller-manager's --controllers. Default: all that are on by default. */
  readonly controllers?: readonly string[]
  /** Default true. */
  readonly scheduler?: boolean
  /** Serve HTTPS on 127.0.0.1 for clients outside of this process; a port, or true for any free one. Default false. */
  readonly serve?: boolean | number
}

export interface Cluster {
  /** As a member of system:masters. */
  readonly client: Client
  readonly clock: Clock
  /** A client that acts as somebody else. */
  clientAs(user: UserInfo): Client
  /** There when `serve` was asked for. */
  readonly served: ServedCluster | undefined
  /** The nodes that are simulated from now on; one with `stopped: true` is a machine that is off. */
  setNodes(nodes: readonly FleetNode[]): void
  /** Ends everything. A second call does nothing. */
  stop(): Promise<void>
}

const issuer = 'https://kubernetes.default.svc.cluster.local'
const serviceCidrs = ['10.96.0.0/12']
const clusterCidrs = ['10.244.0.0/16']
const limits = {
  maxRequestsInFlight: 400,
  maxMutatingRequestsInFlight: 200,
  maxRequestBytes: 3 * 2 ** 20,
  requestTimeoutMs: 60_000,
}

/** Resolves when the nodes are registered and everything runs. Rejects with the cause when something cannot start. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { clock = realClock(), seed = 1, logger = silentLogger } = options
  const deps = { clock, logger, random: seededRandom(seed) }
  const [ca, signing] = await Promise.all([createAuthority('kubernetes', { nowMs: clock.now() }), createSigningKey()])
  const store = openMemoryStore({ clock })
  const server = makeServer(deps, store, signing)
  const clientAs = (user: UserInfo, userAgent: string) => restClient(server.transport(user), { userAgent })
  const as = (name: string) => clientAs({ name, groups: ['system:masters', 'system:authenticated'] }, name)
  const ending = new AbortController()
  const informers = informerFactory({ ...deps, client: as('system:kube-controller-manager'), signal: ending.signal })
  await server.start()
  const controllers = startControllers(
    { ...deps, informers, client: as('system:kube-controller-manager'), signal: ending.signal },
    options,
    {
      ...{ rootCa: ca.cert, serviceAccountPrivateKey: signing.key },
    },
  )
  if (options.scheduler !== false) startScheduler({ ...deps, informers, client: as('system:kube-scheduler'), signal: ending.signal })
  const fleet = startFleet({
    ...{ ...deps, client: as('system:nodes'), version: packageVersion, nodes: nodesOf(options.nodes) },
    identity: { kubeletVersion: gitVersion, architecture: platformName.split('/')[1] ?? '' },
  })
  const served = options.serve ? await serve(server, ca, options.serve === true ? 0 : options.serve, clock.now()) : undefined
  await Promise.all([controllers.synced, fleet.ready])
  let stopping: Promise<void> | undefined
  return {
    ...{ clock, served, client: as('admin') },
    clientAs: (user) => clientAs(user, 'test'),
    setNodes: (nodes) => fleet.setNodes(nodes),
    stop: () => (stopping ??= stop({ fleet, ending, controllers, served, server, store })),
  }
}

interface Parts {
  readonly clock: Clock
  readonly logger: Logger
  readonly random: Random
}

function makeServer({ clock, logger, random }: Parts, store: Store, signing: { key: string; publicKey: string }): ApiServer {
  return new ApiServer({
    ...{ store, clock, logger, random, limits, gitVersion, platform: platformName },
    defer: (fn) => setImmediate(fn),
    authentication: {
      clientCertificates: true,
      bootstrapTokens: true,
      anonymous: true,
      serviceAccounts: { issuers: [issuer], keyPems: [signing.publicKey], signingKeyPem: signing.key },
    },
    authorizationModes: ['Node', 'RBAC'],
    allocation: { serviceCidrs },
    self: { ip: '192.0.2.1', port: 6443 },
    webhooks: webhookCaller(),
  })
}

interface Connected extends Parts {
  readonly client: Client
  readonly informers: InformerFactory
  readonly signal: AbortSignal
}

function startControllers(parts: Connected, options: ClusterOptions, keys: { rootCa: string; serviceAccountPrivateKey: string }) {
  const { enabled } = selectControllers(options.controllers ?? ['*'])
  const controllers = makeControllers(enabled, {
    ...{ ...defaultControllerOptions, ...keys, clusterCidrs, allocateNodeCidrs: true, serviceClusterIpRanges: serviceCidrs },
  })
  return runControllers({ ...parts, controllers })
}

function startScheduler(parts: Connected): void {
  runScheduler({ ...parts, config: defaultConfig, events: eventRecorder({ ...parts, component: 'default-scheduler' }) })
}

function nodesOf(nodes: ClusterOptions['nodes'] = 1): readonly FleetNode[] {
  return typeof nodes === 'number' ? Array.from({ length: nodes }, (_, i) => ({ name: `node-${i + 1}` })) : nodes
}

interface Running {
  readonly fleet: Fleet
  readonly ending: AbortController
  readonly controllers: { readonly stopped: Promise<void> }
  readonly served: ServedCluster | undefined
  readonly server: ApiServer
  readonly store: Store
}

async function stop({ fleet, ending, controllers, served, server, store }: Running): Promise<void> {
  ending.abort(new Error('the cluster has been stopped'))
  await fleet.stop()
  await controllers.stopped
  await served?.close()
  await server.stop()
  await store.close()
}
