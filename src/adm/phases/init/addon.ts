import { dnsManifests } from '../../../dns/manifests.js'
import { kubeProxyManifests } from '../../../proxy/manifests.js'
import { networkManifests } from '../../../network/manifests.js'
import { nativeImage } from '../../../node/static-pods/images.js'
import { kubernetesVersion } from '../../../node/version.js'
import { clusterUrl } from '../../kubeconfigs/kubeconfigs.js'
import { ensureObjects } from '../../objects/ensure.js'
import { joinCommand } from '../../tokens/join-command.js'
import type { Phase } from '../phase.js'
import { certificatesOf, type InitContext } from './context.js'

export const addonPhase: Phase<InitContext> = {
  name: 'addon',
  description: 'Install required addons for passing conformance tests',
  phases: [
    {
      name: 'coredns',
      description: 'Install the CoreDNS addon to a Kubernetes cluster',
      when: ({ cluster }) => cluster.dns.disabled !== true,
      async run({ client, cluster, say }) {
        const { serviceSubnet, dnsDomain } = cluster.networking
        await ensureObjects(await client(), dnsManifests({ serviceSubnet, dnsDomain, tag: kubernetesVersion }))
        say('[addons] Applied essential addon: CoreDNS')
      },
    },
    {
      name: 'kube-proxy',
      description: 'Install the kube-proxy addon to a Kubernetes cluster',
      when: ({ cluster }) => cluster.proxy.disabled !== true,
      async run({ client, cluster, init, say, kubeProxy }) {
        const server = clusterUrl(cluster, init.localAPIEndpoint)
        await ensureObjects(
          await client(),
          kubeProxyManifests({
            image: nativeImage('kube-proxy'),
            server,
            clusterCidr: cluster.networking.podSubnet ?? '',
            config: kubeProxy ?? {},
          }),
        )
        say('[addons] Applied essential addon: kube-proxy')
      },
    },
    {
      // kubeadm leaves this to the administrator. Ours steps back where another configuration is in /etc/cni/net.d.
      name: 'network',
      description: 'Install the built-in pod network',
      when: ({ cluster }) => cluster.networking.podSubnet !== undefined,
      async run({ client, cluster, init, say }) {
        const server = clusterUrl(cluster, init.localAPIEndpoint)
        await ensureObjects(await client(), networkManifests({ image: nativeImage('network'), server }))
        say('[addons] Applied addon: the pod network')
      },
    },
  ],
}

export const showJoinCommandPhase: Phase<InitContext> = {
  name: 'show-join-command',
  description: 'Show the join command for control-plane and worker node',
  run(context) {
    const { say, cluster, init, joinToken, certificateKey } = context
    const endpoint = new URL(clusterUrl(cluster, init.localAPIEndpoint)).host
    const caPem = certificatesOf(context).pemOf('ca')
    const command = (key?: string) => joinCommand({ endpoint, token: joinToken ?? '<token>', caPem, certificateKey: key })
    say(`
Your Kubernetes control-plane has initialized successfully!

To start using your cluster, you need to run the following as a regular user:

  mkdir -p $HOME/.kube
  sudo cp -i /etc/kubernetes/admin.conf $HOME/.kube/config
  sudo chown $(id -u):$(id -g) $HOME/.kube/config

Alternatively, if you are the root user, you can run:

  export KUBECONFIG=/etc/kubernetes/admin.conf
${
  certificateKey
    ? `
You can now join any number of control-plane nodes running the following command on each as root:

  ${command(certificateKey)}

The certificate key gives access to the certificates of the cluster: keep it secret. They are deleted in two hours; for more time:

  quorate init phase upload-certs --upload-certs
`
    : ''
}
Then you can join any number of worker nodes by running the following on each as root:

  ${command()}
`)
  },
}
