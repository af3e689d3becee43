import type { GroupVersionResource, KubeObject } from '../../api/object.js'
import { resources } from '../../client/resources.js'
import apiServices from './apiservices.json' with { type: 'json' }
import clusterRoleBindings from './clusterrolebindings.json' with { type: 'json' }
import clusterRoles from './clusterroles.json' with { type: 'json' }
import flowSchemas from './flowschemas.json' with { type: 'json' }
import namespaces from './namespaces.json' with { type: 'json' }
import priorityClasses from './priorityclasses.json' with { type: 'json' }
import priorityLevels from './prioritylevelconfigurations.json' with { type: 'json' }
import roleBindings from './rolebindings.json' with { type: 'json' }
import roles from './roles.json' with { type: 'json' }
import type { PolicyRule } from '../../api/types/rbac-v1.js'
import { reconcileBinding, reconcileRole, reconcileSpec } from './reconcile.js'

/** Objects of one resource that every cluster has. */
export interface BootstrapSet {
  readonly resource: GroupVersionResource
  readonly kind: string
  readonly objects: readonly KubeObject[]
  /** What an existing object must become; undefined: it is fine. Without it, existing objects are left alone. */
  readonly reconcile?: (existing: KubeObject, wanted: KubeObject) => KubeObject | 'recreate' | undefined
}

const flowcontrol = (resource: string): GroupVersionResource => ({ group: 'flowcontrol.apiserver.k8s.io', version: 'v1', resource })

export const namespaceSet: BootstrapSet = { resource: resources.namespaces, kind: 'Namespace', objects: namespaces }

/** In no particular order: none refers to another when it is written. */
export const bootstrapSets: readonly BootstrapSet[] = [
  { resource: resources.clusterRoles, kind: 'ClusterRole', objects: clusterRoles as unknown as KubeObject[], reconcile: reconcileRole },
  { resource: resources.clusterRoleBindings, kind: 'ClusterRoleBinding', objects: clusterRoleBindings, reconcile: reconcileBinding },
  { resource: resources.roles, kind: 'Role', objects: roles, reconcile: reconcileRole },
  { resource: resources.roleBindings, kind: 'RoleBinding', objects: roleBindings, reconcile: reconcileBinding },
  { resource: resources.priorityClasses, kind: 'PriorityClass', objects: priorityClasses },
  { resource: flowcontrol('flowschemas'), kind: 'FlowSchema', objects: flowSchemas, reconcile: reconcileSpec },
  {
    resource: flowcontrol('prioritylevelconfigurations'),
    kind: 'PriorityLevelConfiguration',
    objects: priorityLevels,
    reconcile: reconcileSpec,
  },
  { resource: { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' }, kind: 'APIService', objects: apiServices },
]

/** The rules of ClusterRole system:node, which the Node authorizer narrows. */
export const nodeRules: readonly PolicyRule[] =
  (clusterRoles as unknown as { metadata: { name: string }; rules: PolicyRule[] | null }[]).find(
    (role) => role.metadata.name === 'system:node',
  )?.rules ?? []
