/** kube-system/kubeadm-config: what the cluster was made with, for those who join, upgrade and reset. */
import { stringify } from 'yaml'
import type { UnknownObject } from '../../api/object.js'
import { bootstrappers, group, head, published } from '../../node/cluster-objects/bootstrap-objects.js'
import { type ClusterConfiguration, kubeadmApiVersion } from '../config/types.js'

export const kubeadmConfigName = 'kubeadm-config'

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
