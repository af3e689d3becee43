/**
 * What a kubelet of a real machine does beside running containers: the volumes and environments of its pods, their cgroups, what the
 * node has and is short of, and whom it evicts. The component opens it before the kubelet and starts it with it.
 */
import { join } from 'node:path'
import { quantityMilliValue, quantityValue } from '../../api/quantity.js'
import type { Pod } from '../../api/types/core-v1.js'
import { messageOf } from '../../base/errors.js'
import { GrpcClient } from '../../base/node/grpc-client.js'
import type { Client } from '../../client/client.js'
import { PodCgroups } from '../../kubelet/cgroups/pod-cgroups.js'
import { EvictionManager } from '../../kubelet/eviction/eviction-manager.js'
import { NodePressure } from '../../kubelet/eviction/node-pressure.js'
import { thresholdsOf } from '../../kubelet/eviction/signals.js'
import { ImageCollector, type ImageStore } from '../../kubelet/garbage/image-gc.js'
import type { Kubelet } from '../../kubelet/kubelet.js'
import { CgroupTree } from '../../kubelet/machine/cgroup-tree.js'
import { NodeSampler } from '../../kubelet/machine/node-stats.js'
import { LinuxMachine } from '../../kubelet/machine/linux.js'
import { PodUses } from '../../kubelet/machine/pod-use.js'
import { nodeResources, type NodeResources } from '../../kubelet/nodes/allocatable.js'
import type { NodeState } from '../../kubelet/nodes/node-object.js'
import { isActive, isTerminalPhase } from '../../kubelet/pods/containers.js'
import type { Verdict } from '../../kubelet/pods/status.js'
import type { Runtime } from '../../kubelet/runtime.js'
import { CsiRegistration } from '../../kubelet/volumes/csi/registration.js'
import type { KubeletServerOptions } from '../../kubelet/server/kubelet-server.js'
import type { NodeVolumes } from '../../kubelet/volumes/node-volumes.js'
import { openPodResources } from '../../kubelet/volumes/open.js'
import type { HostedDeps } from './component.js'
import type { KubeletConfiguration } from './kubelet-configuration/kubelet-fields.js'

export interface NodeFeaturesOptions {
  readonly deps: HostedDeps
  readonly client: Client
  readonly configuration: KubeletConfiguration
  /** --root-dir, as a path of this machine. */
  readonly rootDir: string
  readonly nodeName: string
  hostIps(): readonly string[]
  /** Where the runtime keeps its images. */
  imagesDir?(): string | undefined
  /** How the Ready condition stands. Default: well. */
  ready?(): NodeState | undefined
}

export interface NodeFeatures {
  readonly volumes: NodeVolumes
  readonly machine: LinuxMachine
  readonly uses: PodUses
  readonly cgroupVersion: 1 | 2
  readonly resources: NodeResources
  /** MemoryPressure, DiskPressure, PIDPressure and Ready, as far as this knows: for NodeDescription.conditions. */
  conditions(): readonly NodeState[]
  /** For KubeletOptions.refuses. */
  refuses(pod: Pod): Verdict | undefined
  /** The cgroup that a pod's sandbox is made in. */
  cgroupParent(pod: Pod): string
  /** Makes what a pod's sandbox needs of the node; for the runtime, before `runPod`. */
  prepare(pod: Pod): Promise<void>
  /** The pod is gone. */
  release(uid: string): Promise<void>
  /** Clears what pods left behind that are none of these. */
  sweep(uids: ReadonlySet<string>): Promise<void>
  /** For KubeletServerOptions.measured. */
  readonly measured: NonNullable<KubeletServerOptions['measured']>
  start(kubelet: Kubelet, runtime: Runtime, images?: ImageStore): void
  stop(): Promise<void>
}

export async function openNodeFeatures(options: NodeFeaturesOptions): Promise<NodeFeatures> {
  const { deps, client, configuration, rootDir, hostIps, imagesDir } = options
  const { clock, random, logger, resolvePath } = deps
  const tree = await CgroupTree.open()
  const machine = new LinuxMachine({ rootDir, cgroups: tree, imagesDir: () => imagesDir?.() })
  const resources = nodeResources(await machine.capacity(), configuration)
  const cgroups = podCgroups(tree, configuration, resources)
  const limits = await startCgroups(cgroups, configuration, deps)
  const imagesPlace = () => imagesDir?.()
  const sampler = new NodeSampler({ clock, logger, machine, cgroups: tree, rootDir, imagesDir: imagesPlace })
  let kubelet: Kubelet | undefined
  let runtime: Runtime | undefined
  let images: ImageCollector | undefined
  const uses = new PodUses({
    ...{ clock, rootDir, cgroups: tree },
    cgroupOf: (pod) => cgroups.path(pod),
    stats: (uid) => runtime?.stats(uid) ?? [],
  })
  const csi = new CsiRegistration({
    ...{ client, clock, logger, nodeName: options.nodeName, directory: join(rootDir, 'plugins_registry'), resolve: resolvePath },
    connect: (socketPath) => new GrpcClient({ socketPath, clock }),
  })
  const volumes = openPodResources({
    ...{ client, clock, random, logger, rootDir, clusterDomain: configuration.clusterDomain || 'cluster.local', resolve: resolvePath },
    node: { allocatable: () => resources.allocatable, hostIps },
    csi: {
      nodeName: options.nodeName,
      driver: (name) => csi.driver(name),
      isReported: (volume) => kubelet?.node.node?.status?.volumesInUse?.includes(volume) ?? false,
    },
    onInUse: () => kubelet?.keeper.stateChanged(options.nodeName),
    onFault: (pod, reason, message) => kubelet?.recorder.event({ ...pod, apiVersion: 'v1', kind: 'Pod' }, 'Warning', reason, message),
  })
  await volumes.recognise()
  const pressure = new NodePressure({
    ...{ clock, logger },
    manager: new EvictionManager({
      thresholds: thresholdsOf(configuration),
      transitionMs: configuration.evictionPressureTransitionPeriod,
      graceSecondsMax: configuration.evictionMaxPodGracePeriod,
    }),
    observe: () => machine.observe(),
    candidates: async () => {
      const running = activePods(kubelet)
      return Promise.all(running.map(async (pod) => ({ pod, use: await uses.of(pod) })))
    },
    reclaim: async () => images?.removeUnused(),
  })
  return {
    ...{ volumes, machine, uses, resources, cgroupVersion: tree.version },
    conditions: () => pressure.conditions().map((state) => (state.type === 'Ready' ? (options.ready?.() ?? state) : state)),
    refuses: (pod) => pressure.refusal(pod),
    cgroupParent: (pod) => cgroups.parent(pod),
    async prepare(pod) {
      if (limits) await cgroups.ensure(pod)
    },
    async release(uid) {
      uses.forget(uid)
      if (limits) await cgroups.remove(uid)
    },
    async sweep(uids) {
      await volumes.sweep(uids)
      if (!limits) return
      await cgroups.sweep(uids)
      await cgroups.follow(activePods(kubelet))
    },
    measured: {
      node: () => sampler.latest,
      diskOf: (uid) => [...uses.known(uid)].map(([name, usage]) => ({ name, ...usage })),
    },
    start(started, of, store) {
      kubelet = started
      runtime = of
      images = store && imageCollector(store, options, started)
      sampler.start()
      const { workers, keeper, recorder } = started
      const about = { apiVersion: 'v1', kind: 'Node', metadata: { name: options.nodeName, uid: options.nodeName } }
      pressure.start({
        nodeName: options.nodeName,
        evict: (uid, verdict) => workers.evict(uid, verdict),
        isActive: (uid) => of.pod(uid)?.containers.some(isActive) ?? false,
        changed: () => keeper.stateChanged(options.nodeName),
        event: (type, reason, message) => recorder.event(about, type, reason, message),
      })
      images?.start()
      csi.start().catch((error: unknown) => logger.warn('CSI drivers are not looked for', { error: messageOf(error) }))
    },
    async stop() {
      pressure.stop()
      sampler.stop()
      images?.stop()
      csi.stop()
      await volumes.stop()
    },
  }
}

function activePods(kubelet: Kubelet | undefined): Pod[] {
  const records = kubelet ? [...kubelet.workers.records()] : []
  const running = records.filter(
    ({ verdict, gone, status, apiPod }) => !verdict && !gone && !isTerminalPhase((status ?? apiPod?.status)?.phase),
  )
  return running.map(({ pod }) => pod)
}

function imageCollector(
  store: ImageStore,
  { deps: { clock, logger }, configuration, nodeName }: NodeFeaturesOptions,
  kubelet: Kubelet,
): ImageCollector {
  const about = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } }
  return new ImageCollector({
    ...{
      clock,
      logger,
      store,
      highPercent: configuration.imageGCHighThresholdPercent,
      lowPercent: configuration.imageGCLowThresholdPercent,
    },
    ...{ minAgeMs: configuration.imageMinimumGCAge, maxAgeMs: configuration.imageMaximumGCAge },
    onFault: (reason, message) => kubelet.recorder.event(about, 'Warning', reason, message),
  })
}

/** The groups of pods, limited together to what pods may have: all but the reservations. */
function podCgroups(tree: CgroupTree, configuration: KubeletConfiguration, { capacity }: NodeResources): PodCgroups {
  const kept = (resource: string, value: (text: string | undefined) => number) =>
    value(configuration.kubeReserved[resource]) + value(configuration.systemReserved[resource])
  const enforces = configuration.enforceNodeAllocatable.includes('pods')
  return new PodCgroups({
    files: tree,
    driver: configuration.cgroupDriver === 'systemd' ? 'systemd' : 'cgroupfs',
    root: configuration.cgroupRoot,
    enforcesQuota: configuration.cpuCFSQuota,
    cpuPeriodUs: configuration.cpuCFSQuotaPeriod * 1_000,
    processesMax: configuration.podPidsLimit,
    node: {
      cpuMilli: quantityMilliValue(capacity.cpu) - kept('cpu', quantityMilliValue),
      memoryBytes: enforces ? quantityValue(capacity.memory) - kept('memory', quantityValue) : -1,
    },
  })
}

/** Whether pods have groups of the kubelet's making. Slices are systemd's to make: with its driver they come with the first container. */
async function startCgroups(
  cgroups: PodCgroups,
  { cgroupsPerQOS, cgroupDriver }: KubeletConfiguration,
  { logger }: HostedDeps,
): Promise<boolean> {
  if (!cgroupsPerQOS || cgroupDriver !== 'cgroupfs') return false
  try {
    await cgroups.start()
    return true
  } catch (error) {
    logger.warn('The cgroups of pods could not be made; pods run without limits of their own as a whole', { error: messageOf(error) })
    return false
  }
}
