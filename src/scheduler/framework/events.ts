/** What happens in a cluster, as far as it can make an unschedulable pod schedulable (KEP-4247). */
import type { KubeObject } from '../../api/object.js'
import type { Node, Pod } from '../../api/types/core-v1.js'
import type { PodInfo } from '../cache/pod-info.js'

export type EventKind =
  | 'NodeAdd'
  | 'NodeUpdate'
  /** A pod on a node: new there, with other labels, with smaller requests, gone. */
  | 'AssignedPodAdd'
  | 'AssignedPodUpdate'
  | 'AssignedPodDelete'
  /** The waiting pod itself was changed. */
  | 'PodUpdate'
  | 'StorageObject'
  | 'NamespaceUpdate'

export type NodeChange = 'allocatable' | 'labels' | 'taints' | 'annotations'

export type ClusterEvent =
  | { readonly kind: 'NodeAdd'; readonly node: Node }
  | { readonly kind: 'NodeUpdate'; readonly node: Node; readonly old: Node; readonly changes: ReadonlySet<NodeChange> }
  | { readonly kind: 'AssignedPodAdd' | 'AssignedPodDelete'; readonly pod: PodInfo }
  | { readonly kind: 'AssignedPodUpdate' | 'PodUpdate'; readonly pod: PodInfo; readonly old: PodInfo }
  | { readonly kind: 'StorageObject'; readonly resource: string; readonly object: KubeObject }
  | { readonly kind: 'NamespaceUpdate'; readonly namespace: string }

/** True when this event may let `pod` through the plugin that rejected it. */
export type Hint = (pod: PodInfo, event: ClusterEvent) => boolean

export type { Pod }
