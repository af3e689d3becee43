/** kube-system/kubeadm-config: what the cluster was made with, for those who join, upgrade and reset. */
import { parse, stringify } from 'yaml'
import type { ConfigMap } from '../../api/types/core-v1.js'
import type { Client } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import type { UnknownObject } from '../../api/object.js'
import { bootstrappers, group, head, published } from '../../node/cluster-objects/bootstrap-objects.js'
import { defaultCluster } from '../config/defaults.js'
import { type ClusterConfiguration, kubeadmApiVersion } from '../config/types.js'

const kubeadmConfigName = 'kubeadm-config'

export function kubeadmConfigObjects(cluster: ClusterConfiguration): UnknownObject[] {
  return published('kubeadm:nodes-kubeadm-config', {
    object: {
      ...head('v1', 'ConfigMap', kubeadmConfigName, 'kube-system'),
      data: { ClusterConfiguration: clusterConfigurationText(cluster) },
    },
    to: [group('system:nodes'), group(bootstrappers)],
  })
}

/** Keys in order, as Go's marshaller writes them. */
export function clusterConfigurationText(cluster: ClusterConfiguration): string {
  const document = { ...cluster, apiVersion: kubeadmApiVersion, kind: 'ClusterConfiguration' }
  return stringify(document, { lineWidth: 0, sortMapEntries: true, indentSeq: false })
}

export async function readClusterConfiguration(client: Client): Promise<ClusterConfiguration> {
  const { data } = await client.resource<ConfigMap>(resources.configMaps).get('kube-system', kubeadmConfigName)
  return defaultCluster(parse(data?.ClusterConfiguration ?? '') as Record<string, unknown>)
}
