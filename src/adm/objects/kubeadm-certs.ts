/** kube-system/kubeadm-certs: what a further control plane needs to have in common, sealed; it goes after two hours with its token. */
import type { UnknownObject } from '../../api/object.js'
import { QuorateError } from '../../base/errors.js'
import { bootstrappers, group, head, published } from '../../node/cluster-objects/bootstrap-objects.js'
import { seal, unseal } from '../certs/sealed.js'
import type { ClusterConfiguration } from '../config/types.js'
import type { NodeFiles } from '../machine/node-files.js'

export const kubeadmCertsName = 'kubeadm-certs'
export const sharedCertificatesTtl = '2h0m0s'

/** Key in the Secret → file: below the certificates' directory, or a path of its own. */
export function sharedFiles({ etcd, certificatesDir }: ClusterConfiguration): Readonly<Record<string, string>> {
  const own = ['ca.crt', 'ca.key', 'front-proxy-ca.crt', 'front-proxy-ca.key', 'sa.key', 'sa.pub']
  const below = (file: string) => `${certificatesDir}/${file}`
  const etcdFiles: Record<string, string> = etcd.external
    ? {
        'external-etcd-ca.crt': etcd.external.caFile,
        'external-etcd.crt': etcd.external.certFile,
        'external-etcd.key': etcd.external.keyFile,
      }
    : { 'etcd-ca.crt': below('etcd/ca.crt'), 'etcd-ca.key': below('etcd/ca.key') }
  return { ...Object.fromEntries(own.map((file) => [file, below(file)])), ...etcdFiles }
}

/** `owner`: the token's Secret that they are to go with. Throws when a file is missing. */
export function kubeadmCertsObjects(
  cluster: ClusterConfiguration,
  files: NodeFiles,
  { keyHex, owner }: { keyHex: string; owner: { name: string; uid: string } },
): UnknownObject[] {
  const data = Object.fromEntries(
    Object.entries(sharedFiles(cluster))
      .filter(([, path]) => path !== '')
      .map(([name, path]) => {
        const text = files.read(path)
        if (text === undefined)
          throw new QuorateError('CertificateMissing', `${path} is not there, so it cannot be shared`, {
            remedy: 'With an external CA bring the certificates to each control plane yourself.',
          })
        return [name, seal(text, keyHex).toString('base64')]
      }),
  )
  const ownerReferences = [
    { apiVersion: 'v1', kind: 'Secret', name: owner.name, uid: owner.uid, controller: true, blockOwnerDeletion: true },
  ]
  const secret = head('v1', 'Secret', kubeadmCertsName, 'kube-system')
  return published('kubeadm:kubeadm-certs', {
    object: { ...secret, metadata: { ...secret.metadata, ownerReferences }, data },
    to: [group(bootstrappers)],
  })
}

/** Writes what was shared. Throws QuorateError CertificateKeyWrong before anything is written. */
export function writeShared(
  data: Readonly<Record<string, string>>,
  { cluster, files, keyHex }: { cluster: ClusterConfiguration; files: NodeFiles; keyHex: string },
): void {
  const opened = Object.entries(sharedFiles(cluster)).flatMap(([name, path]) => {
    const sealed = data[name]
    return sealed === undefined ? [] : [{ path, text: unseal(Buffer.from(sealed, 'base64'), keyHex) }]
  })
  for (const { path, text } of opened) files.write(path, text, path.endsWith('.crt') ? 0o644 : 0o600)
}
