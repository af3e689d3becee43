/**
 * What a kubelet has on a real node: a container runtime by its socket, the volumes and cgroups of pods, and the machine as it is. Waits for
 * the runtime: nothing can be said of the node's pods before it has told which there are.
 */
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { dirname, join } from 'node:path'
import { messageOf, QuorateError } from '../../base/errors.js'
import { quantityValue } from '../../api/quantity.js'
import type { Pod, Secret } from '../../api/types/core-v1.js'
import type { RuntimeClass } from '../../api/types/node-v1.js'
import type { Client } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import type { Kubelet } from '../../kubelet/kubelet.js'
import type { NodeDescription, NodeState } from '../../kubelet/nodes/node-object.js'
import { type Runtime, RuntimeError, type RuntimeHealth } from '../../kubelet/runtime.js'
import { CriClient } from '../../kubelet/runtimes/cri/api/client.js'
import { type Credential, credentialsOf } from '../../kubelet/runtimes/cri/credentials.js'
import { CriRuntime } from '../../kubelet/runtimes/cri/cri-runtime.js'
import { parseResolvConf } from '../../kubelet/runtimes/cri/dns-config.js'
import { criImageStore } from '../../kubelet/runtimes/cri/image-store.js'
import { NativeInSandbox } from '../../kubelet/runtimes/cri/native-in-sandbox.js'
import { sandboxedProcess } from '../../kubelet/runtimes/cri/sandboxed-process.js'
import { NativeRuntime } from '../../kubelet/runtimes/native/native-runtime.js'
import type { HostedDeps } from './component.js'
import { type NodeFeatures, openNodeFeatures } from './kubelet-node-features.js'
import type { KubeletConfig } from './kubelet-config.js'

export interface RealNode {
  readonly runtime: Runtime
  readonly node: NodeDescription
  readonly features: NodeFeatures
  start(kubelet: Kubelet, runtime: Runtime): void
  /** Ends what belongs to no pod that is known. */
  sweep(known: ReadonlySet<string>): Promise<void>
  stop(how?: { crash?: boolean }): Promise<void>
}

export interface RealNodeOptions {
  readonly config: KubeletConfig
  readonly rootDir: string
  readonly endpoint: string
  /** The node as it is described without its runtime. */
  readonly description: NodeDescription
  readonly client: Client
  readonly deps: HostedDeps
  /** The command line of a component of this package. */
  nativeProgram(name: string): readonly string[]
}

const patienceMs = 60_000
const retryMs = 1_000

export async function openRealNode(options: RealNodeOptions): Promise<RealNode> {
  const { config, endpoint, client, deps, rootDir } = options
  const { clock, logger, resolvePath } = deps
  const { configuration } = config
  const cri = new CriClient({
    ...{ clock, runtimeSocket: resolvePath(socketOf(endpoint)), timeoutMs: configuration.runtimeRequestTimeout },
    ...(configuration.imageServiceEndpoint ? { imageSocket: resolvePath(socketOf(configuration.imageServiceEndpoint)) } : {}),
  })
  const { runtimeName, runtimeVersion } = await connected(cri, endpoint, deps)
  const imagesDir = await imagesDirectory(cri)
  const { description } = options
  const own = defaultAddresses()
  const ips = description.ips.length === 1 && description.ips[0] === '127.0.0.1' && own.length > 0 ? own : description.ips
  const features = await openNodeFeatures({
    ...{ deps, client, configuration, rootDir, nodeName: description.name, hostIps: () => ips, imagesDir: () => imagesDir },
    ready: () => readiness(runtime.health()),
  })
  const { capacity, allocatable } = features.resources
  const runtime = new CriRuntime({
    ...{ clock, logger, client: cri, name: runtimeName, version: runtimeVersion, resources: features.volumes, rootDir },
    sandbox: {
      logsDir: resolvePath(configuration.podLogsDir),
      cgroupParent: (pod) => features.cgroupParent(pod),
      dns: {
        ...{ servers: configuration.clusterDNS, domain: configuration.clusterDomain },
        host: parseResolvConf(textOf(resolvePath(configuration.resolvConf || '/etc/resolv.conf'))),
      },
    },
    node: { memoryBytes: quantityValue(capacity.memory), cgroupVersion: features.cgroupVersion },
    security: { seccompDefault: configuration.seccompDefault, seccompDir: `${rootDir}/seccomp` },
    logLinksDir: resolvePath('/var/log/containers'),
    rotation: { sizeMax: quantityValue(configuration.containerLogMaxSize), filesMax: configuration.containerLogMaxFiles },
    serializePulls: configuration.serializeImagePulls,
    hostIps: () => ips,
    pullSecrets: (pod) => pullSecrets(client, pod),
    runtimeHandler: (pod) => runtimeHandler(client, pod),
    prepare: (pod) => features.prepare(pod),
    release: (uid) => features.release(uid),
  })
  await runtime.open()
  const native = nativeInSandbox(options, runtime, { volumes: features.volumes, hostIps: () => ips })
  const images = criImageStore({ client: cri, fileSystem: async () => (imagesDir ? features.machine.fileSystem(imagesDir) : undefined) })
  let swept = false
  return {
    ...{ runtime: native.runtime, features },
    node: {
      ...{ ...description, ips, capacity, allocatable, conditions: () => features.conditions() },
      volumesInUse: () => features.volumes.volumesInUse(),
      info: { ...description.info, containerRuntimeVersion: `${runtimeName}://${runtimeVersion}` },
    },
    start: (kubelet, mixed) => features.start(kubelet, mixed, images),
    async sweep(known) {
      for (const { uid } of [...runtime.pods()]) if (!known.has(uid)) await runtime.removePod(uid)
      // What processes before this one left on the disk: once is enough.
      if (!swept) await features.sweep(known)
      swept = true
    },
    async stop(how) {
      await native.stop(how)
      runtime.stop()
      await features.stop()
      cri.close()
    },
  }
}

/** Where images lie, for the node's file systems; undefined while the runtime does not say. */
async function imagesDirectory(cri: CriClient): Promise<string | undefined> {
  const usage = await cri.imageFsInfo().catch(() => [])
  return usage[0]?.fsId?.mountpoint
}

function nativeInSandbox(
  { nativeProgram, deps, rootDir }: RealNodeOptions,
  cri: CriRuntime,
  { volumes, hostIps }: { readonly volumes: NodeFeatures['volumes']; hostIps(): readonly string[] },
) {
  const { clock, random, logger, resolvePath } = deps
  const processes = new NativeRuntime({
    ...{ clock, random, logger, version: cri.version, logsDir: resolvePath('/var/log/pods') },
    async program(name, { pod, container }) {
      const uid = pod.metadata.uid ?? ''
      const sandboxPid = await cri.sandboxPid(uid)
      if (sandboxPid === undefined) throw new RuntimeError('CreateContainerError', 'the process of the sandbox is not known')
      const ips = cri.pod(uid)?.ips ?? []
      const [environment, mounts] = await Promise.all([
        volumes.environment(pod, container, ips, hostIps()),
        volumes.mounts(pod, container, ips),
      ])
      return sandboxedProcess({
        ...{ name, sandboxPid, environment, mounts, command: nativeProgram(name) },
        directory: join(rootDir, 'pods', uid, 'native', container.name),
        binds: [dirname(dirname(nativeProgram(name)[1] ?? ''))],
        resolver: cri.resolverOf(pod),
      })
    },
  })
  return {
    runtime: new NativeInSandbox(cri, processes),
    stop: (how?: { crash?: boolean }) => processes.stopAll(how),
  }
}

/** "unix:///run/containerd/containerd.sock", or a path. */
function socketOf(endpoint: string): string {
  if (endpoint.startsWith('unix://')) return endpoint.slice('unix://'.length)
  if (endpoint.startsWith('/')) return endpoint
  throw new QuorateError('BadEndpoint', `--container-runtime-endpoint: "${endpoint}" is not a Unix socket (unix:///...)`)
}

async function connected(cri: CriClient, endpoint: string, { clock, logger }: HostedDeps) {
  const endMs = clock.monotonic() + patienceMs
  for (let told = false; ; told = true) {
    try {
      return await cri.version()
    } catch (error) {
      const message = `validate service connection: validate CRI v1 runtime API for endpoint "${endpoint}": ${messageOf(error)}`
      if (clock.monotonic() > endMs) {
        cri.close()
        throw new QuorateError('RuntimeUnavailable', message, { cause: error })
      }
      if (!told) logger.warn('The container runtime does not answer; it is waited for', { error: message })
      await clock.sleep(retryMs)
    }
  }
}

/** As upstream puts it: every fault, in brackets when there are several. */
function readiness({ runtime, network }: RuntimeHealth): NodeState | undefined {
  const faults = [...runtime, ...(network === undefined ? [] : [network])]
  if (faults.length === 0) return undefined
  const message = faults.length === 1 ? (faults[0] as string) : `[${faults.join(', ')}]`
  return { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message }
}

/** Of the interface that the default route leaves by, as upstream chooses when --node-ip says nothing. */
function defaultAddresses(): string[] {
  const route = textOf('/proc/net/route')
    .split('\n')
    .map((line) => line.split('\t'))
    .find(([, destination, , flags]) => destination === '00000000' && (Number.parseInt(flags ?? '0', 16) & 1) === 1)
  const addresses = networkInterfaces()[route?.[0] ?? ''] ?? []
  return addresses
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
    .slice(0, 1)
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** What imagePullSecrets name; one that is missing or unreadable is left out, as upstream does. */
async function pullSecrets(client: Client, { spec, metadata }: Pod): Promise<Credential[]> {
  const secrets = client.resource<Secret>(resources.secrets)
  const found = await Promise.all(
    (spec?.imagePullSecrets ?? []).map(({ name = '' }) => secrets.get(metadata.namespace ?? '', name).catch(() => undefined)),
  )
  return found.flatMap((secret) => {
    const text = secret?.data?.['.dockerconfigjson'] ?? secret?.data?.['.dockercfg']
    try {
      return text ? credentialsOf(JSON.parse(Buffer.from(text, 'base64').toString('utf8'))) : []
    } catch {
      return []
    }
  })
}

async function runtimeHandler(client: Client, { spec }: Pod): Promise<string> {
  if (!spec?.runtimeClassName) return ''
  return (await client.resource<RuntimeClass>(resources.runtimeClasses).get('', spec.runtimeClassName)).handler
}
