/** The KubeletConfiguration of a control plane's kubelet, as kubeadm writes it, with the ports of this cluster. */
import { stringify } from 'yaml'
import type { ControlPlanePorts } from './cluster-state.js'

export function kubeletConfigText(ports?: ControlPlanePorts): string {
  return stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: '/etc/kubernetes/pki/ca.crt' },
    },
    authorization: { mode: 'Webhook' },
    clusterDNS: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    ...(ports ? { address: '127.0.0.1', port: ports.kubelet, healthzBindAddress: '127.0.0.1', healthzPort: ports.kubeletHealthz } : {}),
    rotateCertificates: true,
    staticPodPath: '/etc/kubernetes/manifests',
  })
}
