import type { Node, NodeSystemInfo, Taint } from '../../api/types/core-v1.js'
import type { NodeDescription } from '../nodes/node-object.js'
import { digest } from '../runtimes/sim/names.js'

/** A simulated node as its configuration describes it; what is left out has a default. */
export interface FleetNode {
  readonly name: string
  /** Its address in a network that is only simulated. Default: one made of its name. */
  readonly ip?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly taints?: readonly Taint[]
  readonly capacity?: Readonly<Record<string, string>>
  readonly allocatable?: Readonly<Record<string, string>>
  readonly unschedulable?: boolean
  /** The machine is off: no heartbeats, no containers. */
  readonly stopped?: boolean
}

export interface FleetIdentity {
  readonly kubeletVersion: string
  readonly runtimeVersion: string
  readonly architecture: string
  /** Of the server that answers for every node. */
  readonly port?: number
}

const defaultCapacity = { cpu: '4', memory: '8Gi', pods: '110', 'ephemeral-storage': '100Gi', 'hugepages-1Gi': '0', 'hugepages-2Mi': '0' }
/** A Node of somebody else's without a size takes whatever comes, as kwok has it. */
const boundlessCapacity = { cpu: '1k', memory: '1Ti', pods: '1M' }

export function describeNode(node: FleetNode, identity: FleetIdentity): NodeDescription {
  const { name, ip, stopped: _, ...rest } = node
  return {
    ...rest,
    name,
    ips: [ip ?? simulatedAddress(name)],
    capacity: { ...defaultCapacity, ...node.capacity },
    info: infoOf(name, identity),
    ...(identity.port === undefined ? {} : { port: identity.port }),
  }
}

/** A Node that is annotated to be simulated. */
export function describeFake(node: Node, identity: FleetIdentity): NodeDescription {
  const name = node.metadata.name ?? ''
  return {
    name,
    ips: node.status?.addresses?.some(({ type }) => type === 'InternalIP') ? [] : [simulatedAddress(name)],
    capacity: boundlessCapacity,
    info: infoOf(name, identity),
    ...(identity.port === undefined ? {} : { port: identity.port, endpoint: `127.0.0.1:${identity.port}` }),
  }
}

function infoOf(name: string, { kubeletVersion, runtimeVersion, architecture }: FleetIdentity): NodeSystemInfo {
  const id = digest(name)
  return {
    architecture,
    bootID: uuidOf(id.slice(32)),
    containerRuntimeVersion: runtimeVersion,
    kernelVersion: '6.12.0-simulated',
    kubeProxyVersion: '',
    kubeletVersion,
    machineID: id.slice(0, 32),
    operatingSystem: 'linux',
    osImage: 'Quorate simulated node',
    systemUUID: uuidOf(id),
  }
}

function uuidOf(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}

/** Nothing listens there; it only has to look like one and be another for another node. */
function simulatedAddress(name: string): string {
  const value = Number.parseInt(digest(name).slice(0, 4), 16)
  return `172.30.${value >> 8}.${1 + (value % 254)}`
}
