import { QuorateError } from '../../../base/errors.js'
import { resources } from '../../../client/resources.js'
import type { Secret } from '../../../api/types/core-v1.js'
import { published, bootstrappers, group, head } from '../../../node/cluster-objects/bootstrap-objects.js'
import { kubeletConfiguration, kubeletConfigurationText } from '../../kubelet/config.js'
import { tokenSecret } from '../../objects/bootstrap-token.js'
import { ensureObjects } from '../../objects/ensure.js'
import { kubeadmCertsObjects, sharedCertificatesTtl } from '../../objects/kubeadm-certs.js'
import { kubeadmConfigObjects } from '../../objects/kubeadm-config.js'
import { generateCertificateKey, generateToken } from '../../tokens/token.js'
import type { Phase } from '../phase.js'
import type { InitContext } from './context.js'

export const uploadConfigPhase: Phase<InitContext> = {
  name: 'upload-config',
  description: 'Upload the kubeadm and kubelet configuration to a ConfigMap',
  phases: [
    {
      name: 'kubeadm',
      description: 'Upload the kubeadm ClusterConfiguration to a ConfigMap',
      async run({ say, cluster, client }) {
        say('[upload-config] Storing the configuration used in ConfigMap "kubeadm-config" in the "kube-system" Namespace')
        await ensureObjects(await client(), kubeadmConfigObjects(cluster))
      },
    },
    {
      name: 'kubelet',
      description: 'Upload the kubelet component config to a ConfigMap',
      async run({ say, cluster, kubelet, client }) {
        say(
          '[kubelet] Creating a ConfigMap "kubelet-config" in namespace kube-system with the configuration for the kubelets in the cluster',
        )
        const text = kubeletConfigurationText(kubeletConfiguration(cluster, kubelet))
        const object = { ...head('v1', 'ConfigMap', 'kubelet-config', 'kube-system'), data: { kubelet: text } }
        const to = [group('system:nodes'), group(bootstrappers)]
        await ensureObjects(await client(), published('kubeadm:kubelet-config', { object, to }))
      },
    },
  ],
}

export const uploadCertsPhase: Phase<InitContext> = {
  name: 'upload-certs',
  description: 'Upload certificates to kubeadm-certs',
  async run(context) {
    const { say, cluster, files, init, nowMs } = context
    if (!context.uploadCerts) return say('[upload-certs] Skipping phase. Please see --upload-certs')
    const client = await context.client()
    const keyHex = init.certificateKey ?? generateCertificateKey()
    const description = 'Proxy for managing TTL for the kubeadm-certs secret'
    const proxy = { token: generateToken(), description, ttl: sharedCertificatesTtl, usages: [], groups: [] }
    const owner = await client.resource<Secret>(resources.secrets).create(tokenSecret(proxy, nowMs))
    const { name = '', uid } = owner.metadata
    if (!uid) throw new QuorateError('NotStored', 'the API server has given the token no uid')
    say('[upload-certs] Storing the certificates in Secret "kubeadm-certs" in the "kube-system" Namespace')
    await ensureObjects(client, kubeadmCertsObjects(cluster, files, { keyHex, owner: { name, uid } }))
    context.certificateKey = keyHex
    say(`[upload-certs] Using certificate key:\n${keyHex}`)
  },
}
