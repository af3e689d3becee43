/** When the certificates of a control plane run out (kubeadm certs check-expiration). */
import { X509Certificate } from 'node:crypto'
import { parse } from 'yaml'
import type { ClusterConfiguration } from '../config/types.js'
import { kubeconfigPath, type KubeconfigName } from '../kubeconfigs/kubeconfigs.js'
import type { NodeFiles } from '../machine/node-files.js'
import type { Kubeconfig } from '../../pki/kubeconfig.js'
import { CertificateDirectory } from './directory.js'
import { authorities, leaves } from './specs.js'

export interface Expiration {
  /** As `certs renew` knows it: "apiserver", "admin.conf". */
  readonly name: string
  /** undefined: it is not there. */
  readonly expiresAtMs: number | undefined
  /** Name of the authority that signed it; of an authority undefined. */
  readonly authority?: string
  /** Its authority's key is not on this machine. */
  readonly externallyManaged: boolean
}

/** Kubeconfigs with a certificate inside that is renewed here; the kubelet renews its own. */
export const renewedKubeconfigs: readonly KubeconfigName[] = ['admin', 'controller-manager', 'scheduler', 'super-admin']

export function expirations(
  files: NodeFiles,
  cluster: ClusterConfiguration,
  nowMs: number,
): { leaves: Expiration[]; authorities: Expiration[] } {
  const directory = new CertificateDirectory(files, cluster, nowMs)
  const inForce = cluster.etcd.local ? () => true : (authority: string) => authority !== 'etcd-ca'
  const ofConfigs = renewedKubeconfigs.map(
    (name): Expiration => ({
      name: `${name}.conf`,
      expiresAtMs: endOf(embeddedCertificate(files.read(kubeconfigPath(name)))),
      authority: 'ca',
      externallyManaged: directory.isExternal('ca'),
    }),
  )
  const ofFiles = leaves
    .filter(({ authority }) => inForce(authority))
    .map(
      ({ name, file, authority }): Expiration => ({
        ...{ name, authority, expiresAtMs: endOf(directory.certificateOf(file)), externallyManaged: directory.isExternal(authority) },
      }),
    )
  return {
    leaves: [...ofConfigs, ...ofFiles].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    authorities: authorities
      .filter(({ name }) => inForce(name))
      .map(({ name, file }) => ({
        name,
        expiresAtMs: endOf(directory.certificateOf(file)),
        externallyManaged: directory.isExternal(name),
      })),
  }
}

function endOf(certificate: X509Certificate | undefined): number | undefined {
  return certificate && Date.parse(certificate.validTo)
}

/** The client certificate of a kubeconfig's current user. */
export function embeddedCertificate(text: string | undefined): X509Certificate | undefined {
  if (text === undefined) return undefined
  const config = parse(text) as Kubeconfig | null
  const user = config?.contexts?.find(({ name }) => name === config['current-context'])?.context.user
  const data = config?.users?.find(({ name }) => name === user)?.user['client-certificate-data']
  return data ? new X509Certificate(Buffer.from(data, 'base64')) : undefined
}

/** "364d", "23h", "<invalid>" when it is over: kubeadm's residual time. */
export function residual(expiresAtMs: number, nowMs: number): string {
  const leftMs = expiresAtMs - nowMs
  if (leftMs < 0) return '<invalid>'
  const hours = Math.floor(leftMs / 3_600_000)
  if (hours >= 24 * 365 * 2) return `${Math.floor(hours / 24 / 365)}y`
  if (hours >= 24) return `${Math.floor(hours / 24)}d`
  return hours > 0 ? `${hours}h` : `${Math.floor(leftMs / 60_000)}m`
}
