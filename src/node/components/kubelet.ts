/**
 * `quorate kubelet`: upstream's flags and KubeletConfiguration around the kubelet, with the native runtime: images
 * `quorate/COMPONENT:TAG` are components of this package, run in this process; `quorate/etcd-host:TAG` is the machine's own etcd. Pods of
 * other images are simulated (docs/simulation.md).
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { hostname } from 'node:os'
import { messageOf, QuorateError } from '../../base/errors.js'
import { klogLogger } from '../../base/node/klog-logger.js'
import type { RunningComponent } from '../../base/component.js'
import type { Pod } from '../../api/types/core-v1.js'
import type { Client } from '../../client/client.js'
import { ManifestDirectory } from '../../kubelet/files/manifest-directory.js'
import { type Kubelet, startKubelet } from '../../kubelet/kubelet.js'
import { configSourceAnnotation } from '../../api/well-known.js'
import { containerProbe } from '../../kubelet/runtimes/cri/container-probe.js'
import { hostProcess } from '../../kubelet/runtimes/native/host-process.js'
import { isNativePod, NativeRuntime } from '../../kubelet/runtimes/native/native-runtime.js'
import { networkProbe } from '../../kubelet/runtimes/native/network-probe.js'
import { MixedRuntime } from '../../kubelet/runtimes/mixed-runtime.js'
import { SimRuntime } from '../../kubelet/runtimes/sim/sim-runtime.js'
import type { KubeletServerOptions } from '../../kubelet/server/kubelet-server.js'
import { componentProgram, type Program } from '../../kubelet/runtimes/native/program.js'
import { FlagError, type FlagDefinition, type Flags, type FlagTable, parseFlags, usage } from '../flags/flags.js'
import definitions from '../flags/data/kubelet.json' with { type: 'json' }
import { packageVersion } from '../version.js'
import { type ComponentMain, type HostedDeps, running } from './component.js'
import { connectKubeconfig } from './kubeconfig-client.js'
import { bootstrapKubelet } from './kubelet-bootstrap.js'
import { type KubeletConfig, readKubeletConfig } from './kubelet-config.js'
import type { RealNode, RealNodeOptions } from './kubelet-cri.js'
import { describeMachine } from './kubelet-node.js'
import { serveHealthz } from './kubelet-healthz.js'
import { serveKubelet } from './kubelet-serving.js'
import { componentMain } from './mains.js'
import type { Serving } from './serving/serve.js'

/** How often what belongs to no pod is looked for (upstream's housekeeping asks for it by the second). */
const sweepMs = 5_000

const table: FlagTable = {
  component: 'kubelet',
  definitions: definitions as readonly FlagDefinition[],
  implemented: new Set([
    ...[
      'config',
      'config-dir',
      'kubeconfig',
      'bootstrap-kubeconfig',
      'cert-dir',
      'hostname-override',
      'node-ip',
      'node-labels',
      'provider-id',
      'register-node',
      'register-with-taints',
    ],
    ...['address', 'port', 'tls-cert-file', 'tls-private-key-file', 'client-ca-file', 'healthz-bind-address', 'healthz-port'],
    ...['anonymous-auth', 'authentication-token-webhook', 'authentication-token-webhook-cache-ttl', 'authorization-mode'],
    ...['authorization-webhook-cache-authorized-ttl', 'authorization-webhook-cache-unauthorized-ttl'],
    ...['pod-manifest-path', 'file-check-frequency', 'max-pods', 'root-dir', 'v', 'logging-format'],
    ...[
      'container-runtime-endpoint',
      'image-service-endpoint',
      'runtime-request-timeout',
      'cgroup-driver',
      'cgroup-root',
      'cgroups-per-qos',
    ],
    ...['cluster-dns', 'cluster-domain', 'resolv-conf', 'pod-max-pids', 'cpu-cfs-quota', 'cpu-cfs-quota-period', 'seccomp-default'],
    ...['container-log-max-size', 'container-log-max-files', 'serialize-image-pulls', 'kube-reserved', 'system-reserved', 'eviction-hard'],
    ...['eviction-soft', 'eviction-soft-grace-period', 'eviction-minimum-reclaim', 'eviction-max-pod-grace-period'],
    ...['eviction-pressure-transition-period', 'enforce-node-allocatable', 'image-gc-high-threshold', 'image-gc-low-threshold'],
    ...['minimum-image-ttl-duration', 'pods-per-core', 'fail-swap-on', 'rotate-certificates'],
  ]),
}

/** A kubelet, and what the process around it may do to what it runs. */
export interface KubeletComponent extends RunningComponent {
  /** SIGKILL's likeness for one component of the node's static pods. False: it does not run. */
  crashComponent(name: string): boolean
  /** Manifest file → what is wrong with it. */
  manifestFaults(): ReadonlyMap<string, string>
  /** The static pods of the node with their status as the kubelet knows it, whether or not an API server does. */
  staticPods(): readonly Pod[]
}

export const kubelet: ComponentMain = {
  name: 'kubelet',
  help: () => usage(table, 'The node agent: runs the pods of its node, and keeps the node registered.'),
  start: startKubeletComponent,
}

function staticPodsOf(kubelet: Kubelet | undefined): Pod[] {
  const records = [...(kubelet?.workers.records() ?? [])].filter(({ isStatic }) => isStatic)
  return records.map(({ pod, apiPod, status }) => {
    const known = status ?? apiPod?.status
    return { metadata: pod.metadata, ...(known ? { status: known } : {}) }
  })
}

interface Parts {
  readonly kubelet: Kubelet
  readonly runtime: NativeRuntime
  readonly manifests: ManifestDirectory
}

export function startKubeletComponent(argv: readonly string[], deps: HostedDeps): KubeletComponent {
  const flags = parseFlags(table, argv)
  if (flags.string('kubeconfig') === '') throw new FlagError('--kubeconfig must be specified: standalone mode is not implemented')
  let parts: Parts | undefined
  const stopping = new AbortController()
  const component = running(async () => {
    await bootstrap(flags, deps, stopping.signal)
    const started = await start(flags, deps)
    parts = started
    return started
  })
  return {
    ...component,
    stop(how) {
      stopping.abort()
      return component.stop(how)
    },
    crashComponent: (name) => {
      const found = [...(parts?.runtime.pods() ?? [])].find(({ containers }) => containers.some((container) => container.name === name))
      return found !== undefined && (parts?.runtime.crash(found.namespace, found.name, name) ?? false)
    },
    manifestFaults: () => parts?.manifests.faults ?? new Map(),
    staticPods: () => staticPodsOf(parts?.kubelet),
  }
}

/** Without credentials of its own it first asks for them; what it runs waits for that, as upstream's does. */
async function bootstrap(flags: Flags, deps: HostedDeps, signal: AbortSignal): Promise<void> {
  const bootstrapKubeconfig = flags.string('bootstrap-kubeconfig')
  if (bootstrapKubeconfig === '' || !existsSync(deps.resolvePath(bootstrapKubeconfig))) return
  const nodeName = flags.string('hostname-override') || (deps.hostname ?? hostname()).toLowerCase()
  const kubeconfig = flags.string('kubeconfig')
  await bootstrapKubelet({ kubeconfig, bootstrapKubeconfig, certDir: flags.string('cert-dir'), nodeName }, deps, signal)
}

async function start(flags: Flags, deps: HostedDeps): Promise<Parts & { stop(how?: { crash?: boolean }): Promise<void> }> {
  const { clock, random, logger, resolvePath } = deps
  const config = readKubeletConfig(flags, deps)
  const client = connectKubeconfig(flags.string('kubeconfig'), deps, { userAgent: 'kubelet' })
  const runtime = new NativeRuntime({
    ...{ clock, random, logger, version: packageVersion },
    logsDir: resolvePath('/var/log/pods'),
    program: (name) => programOf(name, deps),
  })
  const release = guardProcess(runtime, deps)
  const description = describeMachine(flags, config, `${runtime.name}://${packageVersion}`)
  const probes = networkProbe({ route: deps.route, hosted: deps.hostedHealth?.find })
  const rootDir = resolvePath(flags.string('root-dir'))
  const { runtimeEndpoint: endpoint } = config
  const real =
    endpoint === undefined ? undefined : await realNode({ ...{ config, rootDir, endpoint, description, client, deps }, nativeProgram })
  const node = real?.node ?? description
  const simulation = real ? undefined : new SimRuntime({ clock, version: packageVersion })
  const mixed = new MixedRuntime(runtime, real?.runtime ?? (simulation as SimRuntime), real ? isNativeOnHost : isNativePod)
  const probe = containerProbe({ clock, runtime: mixed, network: (target) => probes.probe(target) })
  const kubelet = startKubelet({
    ...{ clock, random, logger, client, runtime: mixed, node, probe },
    registerNode: config.registerNode,
    ...(real ? { refuses: (pod: Pod) => real.features.refuses(pod) } : {}),
  })
  real?.start(kubelet, mixed)
  // Static pods come first: what the servers below need may be one of them.
  const manifests = followManifests(config, node.name, kubelet, deps)
  const stopSweeping = real ? sweepRegularly(real, kubelet, deps) : () => undefined
  const servers: { close(how?: { crash?: boolean }): Promise<void> }[] = []
  const stop = async (how?: { crash?: boolean }) => {
    manifests.stop()
    for (const server of servers) await server.close(how)
    stopSweeping()
    await kubelet.stop()
    probes.close()
    await runtime.stopAll(how)
    simulation?.stop()
    await real?.stop(how)
    await client.close()
    release()
  }
  try {
    if (config.port > 0) servers.push(await serveApi(config, { kubelet, runtime: mixed, client, deps, measured: real?.features.measured }))
    if (config.healthzPort > 0) servers.push(await serveHealthz(config.healthzBindAddress, config.healthzPort))
  } catch (error) {
    await stop()
    throw error
  }
  return { kubelet, runtime, manifests, stop }
}

/** Loaded where there is a container runtime: the nodes of `up` have none. */
async function realNode(options: RealNodeOptions): Promise<RealNode> {
  const { openRealNode } = await import('./kubelet-cri.js')
  return openRealNode(options)
}

/**
 * Static pods with the host's network: the control plane, which is there before an API is. All others have volumes and an environment
 * that come from the API, and are the real node's.
 */
function isNativeOnHost(pod: Pod): boolean {
  const source = pod.metadata.annotations?.[configSourceAnnotation] ?? 'api'
  return isNativePod(pod) && pod.spec?.hostNetwork === true && source !== 'api'
}

/** How this very program runs one of its components as a process. */
function nativeProgram(name: string): readonly string[] {
  return [process.execPath, realpathSync(process.argv[1] ?? ''), name]
}

/** As they are when they are asked for: pods come while a sweep is under way. */
class KnownPods extends Set<string> {
  readonly #kubelet: Kubelet

  constructor(kubelet: Kubelet) {
    super()
    this.#kubelet = kubelet
  }

  override has(uid: string): boolean {
    return this.#kubelet.workers.get(uid) !== undefined
  }
}

/** Pods that went while this process was not there to see it. */
function sweepRegularly(real: RealNode, kubelet: Kubelet, { clock, logger }: HostedDeps): () => void {
  let cancel: () => void = () => undefined
  let stopped = false
  const next = () => {
    cancel = clock.timer(sweepMs, () => {
      const sweep = kubelet.synced ? real.sweep(new KnownPods(kubelet)) : Promise.resolve()
      sweep
        .catch((error: unknown) => logger.warn('What no pod needs could not be cleared', { error: messageOf(error) }))
        .then(() => {
          if (!stopped) next()
        })
        .catch(() => undefined)
    })
  }
  next()
  return () => {
    stopped = true
    cancel()
  }
}

interface Served {
  readonly kubelet: Kubelet
  readonly runtime: MixedRuntime
  readonly client: Client
  readonly deps: HostedDeps
  readonly measured: KubeletServerOptions['measured']
}

async function serveApi(config: KubeletConfig, { kubelet, runtime, client, deps, measured }: Served): Promise<Serving> {
  const read = (flag: string, file: string) => (file === '' ? undefined : readFile(flag, deps.resolvePath(file)))
  const [cert, key] = [read('tls-cert-file', config.tlsCertFile), read('tls-private-key-file', config.tlsPrivateKeyFile)]
  const clientCa = read('client-ca-file', config.clientCaFile)
  return serveKubelet({
    ...{ component: 'kubelet', host: config.address, port: config.port, ipAddresses: kubelet.node.description.ips, access: config },
    ...(cert && key ? { cert, key } : {}),
    ...(clientCa ? { clientCa } : {}),
    ...{ client, deps, runtime, clock: deps.clock, workers: kubelet.workers, nodes: () => [kubelet.node] },
    ...(measured ? { measured } : {}),
    configz: () => ({ kubeletconfig: config.document }),
  })
}

function readFile(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new QuorateError('FileUnreadable', `--${flag}: ${messageOf(error)}`, { cause: error })
  }
}

/**
 * Errors that nothing caught end the components of the node and not its process. Where somebody else watches over the process (a
 * test's runner), they are his.
 */
function guardProcess(runtime: NativeRuntime, { logger }: HostedDeps): () => void {
  const events = ['uncaughtException', 'unhandledRejection'] as const
  if (events.some((event) => process.listenerCount(event) > 0)) return () => undefined
  const panic = (error: unknown) => {
    logger.error('An error was not caught; every component of the node is started anew', {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    })
    runtime.panic(error)
  }
  for (const event of events) process.on(event, panic)
  return () => {
    for (const event of events) process.off(event, panic)
  }
}

function followManifests(
  { staticPodPath, fileCheckMs }: KubeletConfig,
  nodeName: string,
  kubelet: Kubelet,
  deps: HostedDeps,
): ManifestDirectory {
  const { clock, logger, resolvePath } = deps
  const manifests = new ManifestDirectory({
    ...{ clock, logger, nodeName },
    directory: resolvePath(staticPodPath || '/etc/kubernetes/manifests'),
    rescanMs: fileCheckMs,
    onPods: (pods) => kubelet.setStaticPods(pods),
  })
  if (staticPodPath !== '') manifests.start()
  return manifests
}

/** What an image of the native runtime runs. */
function programOf(name: string, deps: HostedDeps): Promise<Program> | undefined {
  if (name === 'etcd-host') return Promise.resolve(hostEtcd(deps))
  return componentMain(name)?.then((main) =>
    componentProgram(name, (argv, write) => {
      const logger = klogLogger({ clock: deps.clock, name, write: (line) => write('stderr', line), verbosity: verbosityOf(argv) })
      return main.start(argv, { ...deps, logger })
    }),
  )
}

function hostEtcd({ resolvePath }: HostedDeps): Program {
  return hostProcess({
    command: 'etcd',
    binary: process.env.QUORATE_ETCD ?? 'etcd',
    mapArgument: (argument) => {
      const match = /^(--[a-z-]+=)(\/.*)$/.exec(argument)
      return match ? `${match[1]}${resolvePath(match[2] as string)}` : argument
    },
  })
}

function verbosityOf(argv: readonly string[]): number {
  const given = argv.find((argument) => /^--?v=\d+$/.test(argument))
  return given ? Number(given.split('=')[1]) : 0
}
