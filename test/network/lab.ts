/**
 * The pod network among real packets: namespace hosts without containerd, each with the agent of this package (in this process, its
 * commands in the host's network) and pods that the CNI plugins connect as a runtime would. The API server is one in memory.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { realClock } from '../../src/base/real-clock.js'
import { seededRandom } from '../../src/base/random.js'
import { silentLogger } from '../../src/base/logger.js'
import { klogLogger } from '../../src/base/node/klog-logger.js'
import { Metrics } from '../../src/base/metrics.js'
import type { Namespace, Node, Pod } from '../../src/api/types/core-v1.js'
import type { NetworkPolicy, NetworkPolicySpec } from '../../src/api/types/networking-v1.js'
import { resources } from '../../src/client/resources.js'
import { type TestApiServer, testApiServer } from '../../src/client/testdata/api-server.js'
import { type NetworkAgent, type NetworkOptions, removeNetwork, runNetwork } from '../../src/network/agent.js'
import type { NetworkHost } from '../../src/network/host/host.js'
import { localHost } from '../../src/network/host/local-host.js'
import type { Host } from '../hosts/host.js'
import { type Fabric, openFabric } from '../hosts/hosts.js'

export type Protocol = 'tcp' | 'udp'

export interface LabPod {
  readonly name: string
  readonly namespace: string
  readonly host: Host
  readonly ipv4: string
  readonly ipv6: string
}

interface PodOptions {
  /** The API is not told of its address. */
  readonly isUnreported?: boolean
  readonly namespace?: string
  readonly labels?: Record<string, string>
  /** Listened on by TCP and UDP, in both families. */
  readonly ports?: readonly { readonly port: number; readonly name?: string }[]
}

const clock = realClock()
const upMsMax = 15_000

/** Answers with its own name on every port. */
const server = `
const [name, ...ports] = process.argv.slice(1)
const { createServer } = require('node:net'), { createSocket } = require('node:dgram')
let waiting = ports.length * 2
const up = () => { if (--waiting === 0) console.log('up') }
for (const port of ports.map(Number)) {
  createServer((socket) => { socket.on('error', () => {}); socket.end(name + '\\n') }).listen(port, '::', up)
  const udp = createSocket('udp6')
  udp.on('message', (_, from) => udp.send(name + '\\n', from.port, from.address)).bind(port, '::', up)
}`

export class Lab {
  readonly fabric: Fabric
  readonly api: TestApiServer
  readonly #agents = new Map<string, { readonly agent: NetworkAgent; readonly ending: AbortController; readonly metrics: Metrics }>()

  private constructor(fabric: Fabric, api: TestApiServer) {
    this.fabric = fabric
    this.api = api
  }

  static async open(segments: number): Promise<Lab> {
    const fabric = await openFabric({ segments })
    const lab = new Lab(fabric, await testApiServer(clock))
    await lab.#addAccount('default')
    return lab
  }

  async close(): Promise<void> {
    for (const name of [...this.#agents.keys()]) await this.stopAgent(name)
    await this.fabric.close()
    await this.api.stop()
  }

  /** A host that is a node with these ranges, its network up. */
  async addNode(name: string, segment: number, podCIDRs: readonly string[], more: Partial<NetworkOptions> = {}): Promise<Host> {
    const host = await this.fabric.addHost(name, { segment, containerd: false })
    const nodes = this.api.client.resource<Node>(resources.nodes)
    const made = await nodes.create({ metadata: { name }, spec: { podCIDR: podCIDRs[0] ?? '', podCIDRs: [...podCIDRs] } })
    const addresses = [host.ip, host.ipv6].map((address) => ({ type: 'InternalIP', address }))
    await nodes.updateStatus({ ...made, status: { addresses } })
    await this.startAgent(host, more)
    return host
  }

  async startAgent(host: Host, more: Partial<NetworkOptions> = {}): Promise<NetworkAgent> {
    let words = ''
    const logger = klogLogger({ clock, name: host.name, write: (line) => (words += line) })
    const ending = new AbortController()
    const metrics = new Metrics()
    const agent = runNetwork({
      ...{ client: this.api.client, clock, random: seededRandom(1), logger, metrics },
      ...{ host: machineOf(host), network: optionsOf(host, more), signal: ending.signal },
    })
    this.#agents.set(host.name, { agent, ending, metrics })
    const cancel = new AbortController()
    const late = clock
      .sleep(upMsMax, cancel.signal)
      .then(() => Promise.reject(new Error(`the network of ${host.name} is not up: ${words}`)))
    await Promise.race([agent.up, late.catch((error: unknown) => (cancel.signal.aborted ? undefined : Promise.reject(error as Error)))])
    cancel.abort()
    return agent
  }

  agent(name: string): NetworkAgent {
    return this.#agents.get(name)?.agent as NetworkAgent
  }

  async stopAgent(name: string): Promise<void> {
    const running = this.#agents.get(name)
    this.#agents.delete(name)
    running?.ending.abort()
    await running?.agent.stopped()
  }

  async cleanUp(host: Host): Promise<void> {
    await this.stopAgent(host.name)
    await removeNetwork({ host: machineOf(host), network: optionsOf(host, {}), logger: silentLogger })
  }

  async addNamespace(name: string, labels: Record<string, string>): Promise<void> {
    await this.api.client.resource<Namespace>(resources.namespaces).create({ metadata: { name, labels } })
    await this.#addAccount(name)
  }

  /** Every pod has one; there is no controller here that makes them. */
  async #addAccount(namespace: string): Promise<void> {
    await this.api.client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace } })
  }

  /** A pod with a network as a runtime makes it: a namespace, then the plugins of the configuration one after the other. */
  async addPod(host: Host, name: string, options: PodOptions = {}): Promise<LabPod> {
    const { namespace = 'default', ports = [] } = options
    await this.#createPod(host, name, options)
    const id = `${namespace}-${name}`
    await host.must(['ip', 'netns', 'add', id])
    const netns = `/run/netns/${id}`
    await host.must(['nsenter', `--net=${netns}`, 'ip', 'link', 'set', 'lo', 'up'])
    const list = JSON.parse(await readFile(host.path('/etc/cni/net.d/10-quorate.conflist'), 'utf8')) as {
      cniVersion: string
      name: string
      plugins: { type: string }[]
    }
    let result: { ips: { address: string }[] } | undefined
    for (const plugin of list.plugins) {
      const stdin = JSON.stringify({ ...plugin, cniVersion: list.cniVersion, name: list.name, ...(result ? { prevResult: result } : {}) })
      const env = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: id, CNI_NETNS: netns, CNI_IFNAME: 'eth0', CNI_PATH: pluginDir }
      result = JSON.parse(await host.must([`${pluginDir}/${plugin.type}`], { env, stdin })) as typeof result
    }
    const [ipv4 = '', ipv6 = ''] = (result?.ips ?? []).map(({ address }) => address.split('/')[0] as string)
    if (ports.length > 0) await this.#serve(host, netns, id, ports)
    const pod = { name, namespace, host, ipv4, ipv6 }
    if (!options.isUnreported) await this.reportPod(pod)
    return pod
  }

  /** Tells the API what address a pod has. */
  async reportPod({ name, namespace, ipv4, ipv6 }: LabPod): Promise<void> {
    const pods = this.api.client.resource<Pod>(resources.pods)
    const pod = await pods.get(namespace, name)
    const podIPs = [ipv4, ipv6].filter((ip) => ip !== '').map((ip) => ({ ip }))
    await pods.updateStatus({ ...pod, status: { ...pod.status, phase: 'Running', podIP: ipv4, podIPs } })
  }

  async setPolicy(name: string, spec: NetworkPolicySpec, namespace = 'default'): Promise<void> {
    const policies = this.api.client.resource<NetworkPolicy>(resources.networkPolicies)
    await policies.create({ metadata: { name, namespace }, spec })
  }

  async deletePolicies(): Promise<void> {
    const policies = this.api.client.resource<NetworkPolicy>(resources.networkPolicies)
    for (const { metadata } of (await policies.list()).items) await policies.delete(metadata.namespace ?? '', metadata.name ?? '')
  }

  /** Whether every agent has written as many policies as there are. */
  async isSettled(): Promise<boolean> {
    const wanted = (await this.api.client.resource(resources.networkPolicies).list()).items.length
    return [...this.#agents.values()].every(({ agent, metrics }) => {
      const [, policies] = /^quorate_network_policies (\d+)$/m.exec(metrics.text()) ?? []
      return (policies === undefined || Number(policies) === wanted) && agent.isIdle
    })
  }

  run(pod: LabPod, argv: readonly string[]) {
    return pod.host.exec(['nsenter', `--net=/run/netns/${pod.namespace}-${pod.name}`, ...argv])
  }

  /** Whether the receiver's answer comes back. */
  async connects(from: LabPod, address: string, port: number, protocol: Protocol = 'tcp'): Promise<boolean> {
    const ask = protocol === 'udp' ? 'echo hello >&3; ' : ''
    const script = `exec 3<>/dev/${protocol}/${address}/${port}; ${ask}head -n1 <&3`
    const { stdout } = await this.run(from, ['timeout', '1', 'bash', '-c', script])
    return stdout.trim() !== ''
  }

  async #serve(host: Host, netns: string, id: string, ports: NonNullable<PodOptions['ports']>): Promise<void> {
    const child = host.spawn(['nsenter', `--net=${netns}`, process.execPath, '-e', server, id, ...ports.map(({ port }) => String(port))])
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve())
      child.stderr.once('data', (text: Buffer) => reject(new Error(text.toString())))
    })
  }

  async #createPod(host: Host, name: string, { namespace = 'default', labels = {}, ports = [] }: PodOptions): Promise<void> {
    const own = ports.flatMap(({ port, name: portName }) => (portName ? [{ name: portName, containerPort: port }] : []))
    await this.api.client.resource<Pod>(resources.pods).create({
      metadata: { name, namespace, labels },
      spec: { nodeName: host.name, containers: [{ name: 'main', image: 'example', ports: own }] },
    })
  }
}

const pluginDir = existsSync('/opt/cni/bin/bridge') ? '/opt/cni/bin' : '/usr/lib/cni'

function machineOf(host: Host): NetworkHost {
  const machine = localHost({ clock, enter: ['nsenter', '-t', String(host.pid), '-n'] })
  return {
    ...machine,
    async readSetting(path) {
      const { code, stdout } = await host.exec(['cat', `/proc/sys/${path}`])
      return code === 0 ? stdout.trim() : undefined
    },
    async writeSetting(path, value) {
      await host.must(['tee', `/proc/sys/${path}`], { stdin: value })
    },
  }
}

function optionsOf(host: Host, more: Partial<NetworkOptions>): NetworkOptions {
  return {
    ...{ nodeName: host.name, cniConfDir: host.path('/etc/cni/net.d'), leases: '/run/quorate-network/leases', bridge: 'cni0' },
    ...{ backend: 'auto' as const, vxlan: { id: 1, port: 8472 }, mtu: 0, masquerade: true, policies: true, syncPeriodMs: 30_000 },
    ...more,
  }
}
