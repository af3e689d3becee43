/** Makes objects of a cluster, or brings those that are there to what they should be: kubeadm may be run again. */
import type { GroupVersionResource, KubeObject } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Client } from '../../client/client.js'
import { resources } from '../../client/resources.js'

const plurals: Readonly<Record<string, GroupVersionResource>> = {
  ConfigMap: resources.configMaps,
  Secret: resources.secrets,
  ServiceAccount: resources.serviceAccounts,
  Service: resources.services,
  Deployment: resources.deployments,
  DaemonSet: resources.daemonSets,
  ClusterRole: resources.clusterRoles,
  ClusterRoleBinding: resources.clusterRoleBindings,
  Role: resources.roles,
  RoleBinding: resources.roleBindings,
}

export async function ensureObjects(client: Client, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) await ensureObject(client, object)
}

async function ensureObject(client: Client, object: KubeObject): Promise<void> {
  const { namespace = '', name = '' } = object.metadata
  const access = client.resource(plurals[object.kind ?? ''] as GroupVersionResource)
  try {
    await access.create(object)
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error
    const { metadata } = await access.get(namespace, name)
    const { resourceVersion = '' } = metadata
    await access.update({ ...object, metadata: { ...metadata, ...object.metadata, resourceVersion } })
  }
}
