/** The KubeletConfiguration of a cluster: what its network says, over what the administrator gave, over kubeadm's own choice. */
import { stringify } from 'yaml'
import { serviceAddress } from '../certs/specs.js'
import type { ClusterConfiguration } from '../config/types.js'
import { manifestDirectory } from '../manifests/manifests.js'

type Given = Readonly<Record<string, unknown>>

/** The tenth address of the Service range is DNS. */
const dnsIndex = 10n

export function kubeletConfiguration(cluster: ClusterConfiguration, given: Given = {}): Given {
  const { networking, certificatesDir } = cluster
  return {
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${certificatesDir}/ca.crt` },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'systemd',
    clusterDNS: [serviceAddress(networking.serviceSubnet, dnsIndex)],
    clusterDomain: networking.dnsDomain,
    healthzBindAddress: '127.0.0.1',
    healthzPort: 10_248,
    rotateCertificates: true,
    staticPodPath: manifestDirectory,
    ...given,
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
  }
}

export function kubeletConfigurationText(configuration: Given): string {
  return stringify(configuration, { lineWidth: 0, sortMapEntries: true, indentSeq: false })
}
