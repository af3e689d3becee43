import { ensureKubeconfig, type KubeconfigName, kubeconfigDirectory } from '../../kubeconfigs/kubeconfigs.js'
import type { Phase } from '../phase.js'
import { certificatesOf, type InitContext, ownerOf } from './context.js'

const descriptions: Readonly<Record<KubeconfigName, string>> = {
  admin: 'Generate a kubeconfig file for the admin to use and for kubeadm itself',
  'super-admin': 'Generate a kubeconfig file for the super-admin',
  kubelet: 'Generate a kubeconfig file for the kubelet to use *only* for cluster bootstrapping purposes',
  'controller-manager': 'Generate a kubeconfig file for the controller manager to use',
  scheduler: 'Generate a kubeconfig file for the scheduler to use',
}

export const kubeconfigPhase: Phase<InitContext> = {
  name: 'kubeconfig',
  description: 'Generate all kubeconfig files necessary to establish the control plane and the admin kubeconfig file',
  run: ({ say }) => say(`[kubeconfig] Using kubeconfig folder "${kubeconfigDirectory}"`),
  phases: (Object.keys(descriptions) as KubeconfigName[]).map((name) => ({
    name,
    description: descriptions[name],
    async run(context) {
      const { files, say } = context
      const outcome = await ensureKubeconfig(name, { owner: ownerOf(context), certificates: certificatesOf(context), files })
      say(
        outcome === 'made'
          ? `[kubeconfig] Writing "${name}.conf" kubeconfig file`
          : `[kubeconfig] Using existing kubeconfig file: "${name}.conf"`,
      )
    },
  })),
}
