/** `quorate init phase ...`: the steps that make a control plane's files, each on its own. */
import type { Command } from 'commander'
import { realClock } from '../../base/real-clock.js'
import { loadInit } from '../../adm/config/load.js'
import { machineEtcd, machineFacts } from '../../adm/machine/facts.js'
import { nodeFiles } from '../../adm/machine/node-files.js'
import { certsPhase } from '../../adm/phases/init/certs.js'
import type { InitContext } from '../../adm/phases/init/context.js'
import { controlPlanePhase, etcdPhase } from '../../adm/phases/init/control-plane.js'
import { bootstrapTokenPhase, markControlPlanePhase } from '../../adm/phases/init/cluster.js'
import { kubeconfigPhase } from '../../adm/phases/init/kubeconfig.js'
import { uploadCertsPhase, uploadConfigPhase } from '../../adm/phases/init/upload.js'
import type { Client } from '../../client/client.js'
import { kubeconfigPath } from '../../adm/kubeconfigs/kubeconfigs.js'
import { clusterClient } from '../../adm/machine/cluster-client.js'
import { findPhase, type Phase, runPhases } from '../../adm/phases/phase.js'
import { configOption, configSource, examples, listOption, rootfsOption } from './options.js'
import { portNumber } from '../local/values.js'

interface InitFlags {
  readonly config?: string
  readonly rootfs?: string
  readonly nodeName?: string
  readonly apiserverAdvertiseAddress?: string
  readonly apiserverBindPort?: number
  readonly apiserverCertExtraSans?: string[]
  readonly certDir?: string
  readonly controlPlaneEndpoint?: string
  readonly imageRepository?: string
  readonly kubernetesVersion?: string
  readonly podNetworkCidr?: string
  readonly serviceCidr?: string
  readonly serviceDnsDomain?: string
  readonly uploadCerts?: true
  readonly certificateKey?: string
}

/** In the order of `init`. */
const phases: readonly Phase<InitContext>[] = [
  ...[certsPhase, kubeconfigPhase, etcdPhase, controlPlanePhase],
  ...[uploadConfigPhase, uploadCertsPhase, markControlPlanePhase, bootstrapTokenPhase],
]

export function addInit(program: Command): void {
  const init = program
    .command('init')
    .description("make this machine the first control plane of a cluster, kubeadm's way (by phases so far)")
  init.action(() => init.help({ error: true }))
  const phase = init.command('phase').description('run one phase of init')
  phase.action(() => phase.help({ error: true }))
  for (const each of phases) addPhase(phase, each)
}

function addPhase(parent: Command, { name, description, phases: inner = [] }: Phase<InitContext>): void {
  const command = parent
    .command(name)
    .description(description)
    .argument('[phase]', ['all', ...inner.map((each) => each.name)].join(', '), 'all')
  for (const option of [configOption(), rootfsOption()]) command.addOption(option)
  command
    .option('--node-name <name>', 'name of this node (default: the host name)')
    .option('--apiserver-advertise-address <address>', 'where this API server is reached (default: the address of the default route)')
    .option('--apiserver-bind-port <port>', 'port of the API server', portNumber)
    .addOption(listOption('--apiserver-cert-extra-sans <names>', 'further names of the API server'))
    .option('--cert-dir <dir>', 'where certificates lie (default: /etc/kubernetes/pki)')
    .option('--control-plane-endpoint <host:port>', 'a stable name or address of all API servers')
    .option('--image-repository <repository>', 'where images of the control plane come from (default: components of this package)')
    .option('--kubernetes-version <version>', 'version of the control plane')
    .option('--pod-network-cidr <cidr>', 'range of pod addresses')
    .option('--service-cidr <cidr>', 'range of Service addresses')
    .option('--service-dns-domain <domain>', 'domain of Services')
    .option('--upload-certs', 'share the certificates with further control planes, sealed')
    .option('--certificate-key <key>', 'the key that they are sealed with (default: a new one, which is printed)')
    .action((chosen: string, flags: InitFlags) => run(chosen === 'all' ? name : `${name}/${chosen}`, flags))
  examples(command, [`quorate init phase ${name} all --config kubeadm.yaml`, `quorate init phase ${name} ${inner[0]?.name ?? 'all'}`])
}

async function run(path: string, flags: InitFlags): Promise<void> {
  const { init, cluster, kubelet, kubeProxy, warnings } = loadInit(configSource(flags.config, overridesOf(flags)), machineFacts())
  for (const warning of warnings) console.error(`warning: ${warning}`)
  const files = nodeFiles(flags.rootfs)
  let client: Client | undefined
  const context: InitContext = {
    ...{ init, cluster, files, nowMs: realClock().now(), etcdVersion: machineEtcd, uploadCerts: flags.uploadCerts === true },
    ...(kubelet ? { kubelet } : {}),
    ...(kubeProxy ? { kubeProxy } : {}),
    // The super-admin needs no binding to exist yet.
    client: async () => (client ??= clusterClient(files, [kubeconfigPath('super-admin'), kubeconfigPath('admin')])),
    say: (line) => console.log(line),
  }
  try {
    await runPhases([findPhase(phases, path)], context)
  } finally {
    await client?.close()
  }
}

/** Flags as the documents that they stand for. */
function overridesOf(flags: InitFlags) {
  return {
    init: defined({
      certificateKey: flags.certificateKey,
      nodeRegistration: defined({ name: flags.nodeName }),
      localAPIEndpoint: defined({ advertiseAddress: flags.apiserverAdvertiseAddress, bindPort: flags.apiserverBindPort }),
    }),
    cluster: defined({
      apiServer: defined({ certSANs: flags.apiserverCertExtraSans }),
      certificatesDir: flags.certDir,
      controlPlaneEndpoint: flags.controlPlaneEndpoint,
      imageRepository: flags.imageRepository,
      kubernetesVersion: flags.kubernetesVersion,
      networking: defined({ podSubnet: flags.podNetworkCidr, serviceSubnet: flags.serviceCidr, dnsDomain: flags.serviceDnsDomain }),
    }),
  }
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
