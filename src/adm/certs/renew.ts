/** Makes certificates anew under the same names, whatever time they have left (kubeadm certs renew). */
import { QuorateError } from '../../base/errors.js'
import { kubeconfigText } from '../../pki/kubeconfig.js'
import { kubeconfigPath, type KubeconfigName, type KubeconfigOwner, makeKubeconfig } from '../kubeconfigs/kubeconfigs.js'
import type { NodeFiles } from '../machine/node-files.js'
import { CertificateDirectory } from './directory.js'
import { renewedKubeconfigs } from './expiration.js'
import { type CertificateOwner, leaves } from './specs.js'

export function renewableNames(): string[] {
  return [...renewedKubeconfigs.map((name) => `${name}.conf`), ...leaves.map(({ name }) => name)].toSorted()
}

/** `name`: one of renewableNames. Returns whether there was something to renew. */
export async function renew(name: string, owner: CertificateOwner & KubeconfigOwner, files: NodeFiles): Promise<boolean> {
  const directory = new CertificateDirectory(files, owner.cluster, owner.nowMs)
  const config = renewedKubeconfigs.find((each) => `${each}.conf` === name)
  if (config) return renewKubeconfig(config, owner, { directory, files })
  const spec = leaves.find((each) => each.name === name)
  if (!spec)
    throw new QuorateError('BadUsage', `there is no certificate ${name}`, { remedy: `Certificates: ${renewableNames().join(', ')}.` })
  if (directory.certificateOf(spec.file) === undefined) return false
  await directory.makeLeaf(spec, owner)
  return true
}

async function renewKubeconfig(
  name: KubeconfigName,
  owner: KubeconfigOwner,
  { directory, files }: { directory: CertificateDirectory; files: NodeFiles },
): Promise<boolean> {
  const path = kubeconfigPath(name)
  if (!files.exists(path)) return false
  files.write(path, kubeconfigText(await makeKubeconfig(name, owner, directory)))
  return true
}
