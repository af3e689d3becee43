/** Why a node does not take a pod, in upstream's words: the message of an unschedulable pod is counted from these. */
export interface NodeStatus {
  readonly plugin: string
  /** `unresolvable`: taking pods away from the node would not help. `error`: nothing is known. */
  readonly code: 'unschedulable' | 'unresolvable' | 'error'
  readonly reasons: readonly string[]
}

export function unschedulable(plugin: string, ...reasons: string[]): NodeStatus {
  return { plugin, code: 'unschedulable', reasons }
}

export function unresolvable(plugin: string, ...reasons: string[]): NodeStatus {
  return { plugin, code: 'unresolvable', reasons }
}

export function isStatus(value: unknown): value is NodeStatus {
  return typeof value === 'object' && value !== null && 'reasons' in value
}
