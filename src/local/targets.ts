/** What a command is pointed at: a node, a component of a node, or one of the cluster's own processes. */
import { QuorateError } from '../base/errors.js'
import type { ClusterState } from './cluster-state.js'
import { processNames } from './process-specs.js'

export type Target =
  /** A control plane, whose machine is a process. */
  | { readonly kind: 'machine'; readonly name: string }
  /** A simulated node of the fleet. */
  | { readonly kind: 'worker'; readonly name: string }
  /** The store, a member of an external etcd, the load balancer, the fleet. */
  | { readonly kind: 'process'; readonly name: string }
  /** A static pod of a control plane. */
  | { readonly kind: 'component'; readonly component: string; readonly node: string }

const componentsOfNode = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']

export function componentNames({ store }: ClusterState): string[] {
  return store === 'stacked' ? [...componentsOfNode, 'etcd'] : componentsOfNode
}

/** Throws QuorateError, with the names that there are. */
export function parseTarget(state: ClusterState, text: string): Target {
  const [first = '', node, ...rest] = text.split('/')
  const isMachine = (name: string) => state.controlPlanes.some((each) => each.name === name)
  if (rest.length > 0) throw unknown(state, text)
  if (node === undefined) {
    if (isMachine(first)) return { kind: 'machine', name: first }
    if (state.workers.some(({ name }) => name === first)) return { kind: 'worker', name: first }
    if (processNames(state).includes(first)) return { kind: 'process', name: first }
    throw unknown(state, text)
  }
  if (isMachine(node) && first === 'kubelet') return { kind: 'machine', name: node }
  if (isMachine(node) && componentNames(state).includes(first)) return { kind: 'component', component: first, node }
  throw unknown(state, text)
}

function unknown(state: ClusterState, text: string): QuorateError {
  const nodes = state.controlPlanes.map(({ name }) => name)
  const { length } = state.workers
  const workers = length > 3 ? [`worker-1 to worker-${length}`] : state.workers.map(({ name }) => name)
  const own = [...processNames(state).filter((name) => !nodes.includes(name))]
  return new QuorateError('TargetUnknown', `the cluster ${state.name} has no ${JSON.stringify(text)}`, {
    remedy:
      `Nodes: ${[...nodes, ...workers].join(', ')}. Components: ${componentNames(state).join(', ')}, written as COMPONENT/NODE ` +
      `(${componentNames(state)[0]}/${nodes[0]}). Further processes: ${own.join(', ')}.`,
  })
}
