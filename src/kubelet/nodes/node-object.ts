import { timestamp } from '../../base/clock.js'
import type { Node, NodeAddress, NodeCondition, NodeStatus, NodeSystemInfo, Taint } from '../../api/types/core-v1.js'
import { archLabel, betaArchLabel, betaOsLabel, hostnameLabel, kubeletEndpointAnnotation, osLabel } from '../../api/well-known.js'
import { jsonEqual } from '../pods/equal.js'

/** A node as its kubelet describes it. */
export interface NodeDescription {
  readonly name: string
  readonly ips: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  /** Only at registration (--register-with-taints). */
  readonly taints?: readonly Taint[]
  readonly capacity: Readonly<Record<string, string>>
  /** Default: the capacity. */
  readonly allocatable?: Readonly<Record<string, string>>
  readonly info: NodeSystemInfo
  /** Of the kubelet's server. */
  readonly port?: number
  /** Where the server of a node listens whose address nobody listens on. */
  readonly endpoint?: string
  readonly providerId?: string
  readonly unschedulable?: boolean
  /** What the node says of itself now, where that may be bad news. Default: all is well. */
  readonly conditions?: () => readonly NodeState[]
  /** Attachable volumes that its pods have, or are about to: the control plane leaves those attached. */
  readonly volumesInUse?: () => readonly string[]
}

/** A condition of a node but for its times. */
export type NodeState = Required<Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>>

/** The Node object to register. It is Ready from the start: what runs its pods was there before it. */
export function newNode(description: NodeDescription, nowMs: number): Node {
  const { name, labels, taints, providerId, unschedulable } = description
  const spec = {
    ...(providerId ? { providerID: providerId } : {}),
    ...(taints?.length ? { taints: [...taints] } : {}),
    ...(unschedulable ? { unschedulable } : {}),
  }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { ...standardLabels(description), ...labels }, annotations: annotationsOf(description) },
    ...(Object.keys(spec).length > 0 ? { spec } : {}),
    status: statusOfNode(description, undefined, nowMs),
  }
}

export function standardLabels({ name, info }: NodeDescription): Record<string, string> {
  const { architecture, operatingSystem } = info
  return {
    [betaArchLabel]: architecture,
    [betaOsLabel]: operatingSystem,
    [archLabel]: architecture,
    [hostnameLabel]: name,
    [osLabel]: operatingSystem,
  }
}

export function annotationsOf({ annotations, endpoint }: NodeDescription): Record<string, string> {
  return {
    'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
    ...annotations,
    ...(endpoint ? { [kubeletEndpointAnnotation]: endpoint } : {}),
  }
}

export function statusOfNode(description: NodeDescription, old: NodeStatus | undefined, nowMs: number): NodeStatus {
  const { name, ips, capacity, allocatable, info, port } = description
  const addresses: NodeAddress[] = [
    ...ips.map((address) => ({ type: 'InternalIP' as const, address })),
    { type: 'Hostname', address: name },
  ]
  return {
    capacity: { ...capacity },
    allocatable: { ...(allocatable ?? capacity) },
    conditions: nodeConditions(description.conditions?.() ?? healthyStates, old?.conditions ?? [], nowMs),
    addresses,
    daemonEndpoints: { kubeletEndpoint: { Port: port ?? 10250 } },
    nodeInfo: info,
    ...(description.volumesInUse ? { volumesInUse: [...description.volumesInUse()] } : {}),
  }
}

/** The kubelet's conditions of a healthy node. */
export const healthyStates: readonly NodeState[] = [
  {
    type: 'MemoryPressure',
    status: 'False',
    reason: 'KubeletHasSufficientMemory',
    message: 'kubelet has sufficient memory available',
  },
  { type: 'DiskPressure', status: 'False', reason: 'KubeletHasNoDiskPressure', message: 'kubelet has no disk pressure' },
  { type: 'PIDPressure', status: 'False', reason: 'KubeletHasSufficientPID', message: 'kubelet has sufficient PID available' },
  { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' },
]

/** Keeps lastTransitionTime where the status did not change. */
function nodeConditions(states: readonly NodeState[], old: readonly NodeCondition[], nowMs: number): NodeCondition[] {
  const at = timestamp(nowMs)
  return states.map(({ type, status, reason, message }) => {
    const before = old.find((condition) => condition.type === type)
    const lastTransitionTime = before?.status === status && before.lastTransitionTime ? before.lastTransitionTime : at
    return { type, status, lastHeartbeatTime: at, lastTransitionTime, reason, message }
  })
}

/** Whether the Node says what its kubelet says of it. */
export function saysWhatIs(node: Node, { conditions }: NodeDescription): boolean {
  return (conditions?.() ?? healthyStates).every(({ type, status }) =>
    node.status?.conditions?.some((condition) => condition.type === type && condition.status === status),
  )
}

/** The strategic merge patch of a node's status that leaves it as `wanted`; fields that are equal are left out. */
export function nodeStatusPatch(old: NodeStatus, wanted: NodeStatus): Record<string, unknown> {
  const patch: Record<string, unknown> = { conditions: wanted.conditions }
  for (const field of ['capacity', 'allocatable', 'daemonEndpoints', 'nodeInfo'] as const)
    if (!jsonEqual(old[field], wanted[field])) patch[field] = wanted[field]
  if (wanted.volumesInUse && !jsonEqual(old.volumesInUse ?? [], wanted.volumesInUse)) patch.volumesInUse = wanted.volumesInUse
  // Addresses merge by type on the wire; several of one type need the whole list to be replaced.
  if (!jsonEqual(old.addresses, wanted.addresses)) patch.addresses = [...(wanted.addresses ?? []), { $patch: 'replace' }]
  return patch
}
