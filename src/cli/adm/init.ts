/** `quorate init`: this machine becomes the first control plane; each of its phases can be run on its own. */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { realClock } from '../../base/real-clock.js'
import type { Client } from '../../client/client.js'
import { loadInit } from '../../adm/config/load.js'
import { kubeconfigPath } from '../../adm/kubeconfigs/kubeconfigs.js'
import { clusterClient } from '../../adm/machine/cluster-client.js'
import { machineEtcd, machineFacts } from '../../adm/machine/facts.js'
import { nodeFiles } from '../../adm/machine/node-files.js'
import type { InitContext } from '../../adm/phases/init/context.js'
import { initPhases } from '../../adm/phases/init/init.js'
import { findPhase, type Phase, runPhases } from '../../adm/phases/phase.js'
import { kubeletService } from '../../adm/service/choose.js'
import { portNumber } from '../local/values.js'
import { configOption, configSource, defined, examples, listOption, rootfsOption } from './options.js'

interface InitFlags {
  readonly config?: string
  readonly rootfs?: string
  readonly nodeName?: string
  readonly criSocket?: string
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
  readonly token?: string
  readonly tokenTtl?: string
  readonly uploadCerts?: true
  readonly certificateKey?: string
  readonly ignorePreflightErrors?: string[]
  readonly skipPhases?: string[]
}

export function addInit(program: Command): void {
  const init = withFlags(program.command('init').description("make this machine the first control plane of a cluster, kubeadm's way"))
    .addOption(listOption('--skip-phases <phases>', 'phases that are left out'))
    .action((flags: InitFlags) => run(undefined, flags))
  examples(init, [
    'quorate init --pod-network-cidr 10.244.0.0/16',
    'quorate init --control-plane-endpoint api.example.com:6443 --upload-certs',
    'quorate init --config kubeadm.yaml',
    'quorate init phase certs all',
  ])
  const phase = init.command('phase').description('run one phase of init')
  phase.action(() => phase.help({ error: true }))
  for (const each of initPhases) addPhase(phase, each)
}

function addPhase(parent: Command, { name, description, phases: inner = [] }: Phase<InitContext>): void {
  const command = withFlags(parent.command(name).description(description))
  if (inner.length === 0) return void command.action((flags: InitFlags) => run(name, flags))
  command
    .argument('[phase]', ['all', ...inner.map((each) => each.name)].join(', '), 'all')
    .action((chosen: string, flags: InitFlags) => run(chosen === 'all' ? name : `${name}/${chosen}`, flags))
}

function withFlags(command: Command): Command {
  return command
    .addOption(configOption())
    .addOption(rootfsOption())
    .option('--node-name <name>', 'name of this node (default: the host name)')
    .option('--cri-socket <path>', 'socket of the container runtime')
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
    .option('--token <token>', 'what other machines join with (default: a random one)')
    .option('--token-ttl <duration>', 'how long the token holds (default: 24h0m0s)')
    .option('--upload-certs', 'share the certificates with further control planes, sealed')
    .option('--certificate-key <key>', 'the key that they are sealed with (default: a new one, which is printed)')
    .addOption(listOption('--ignore-preflight-errors <checks>', 'failures that are only warned about, by their ids; all: every one'))
}

async function run(path: string | undefined, flags: InitFlags): Promise<void> {
  const { init, cluster, kubelet, kubeProxy, warnings } = loadInit(configSource(flags.config, overridesOf(flags)), machineFacts())
  for (const warning of warnings) console.error(`warning: ${warning}`)
  const files = nodeFiles(flags.rootfs)
  const clock = realClock()
  let client: Client | undefined
  const context: InitContext = {
    ...{ init, cluster, files, clock, nowMs: clock.now(), hostname: hostname(), etcdVersion: machineEtcd },
    ...(kubelet ? { kubelet } : {}),
    ...(kubeProxy ? { kubeProxy } : {}),
    service: kubeletService(files, { node: process.execPath, entry: resolve(process.argv[1] as string) }),
    ignoredErrors: flags.ignorePreflightErrors ?? [],
    uploadCerts: flags.uploadCerts === true,
    // The super-admin needs no binding to exist yet.
    client: async () => (client ??= clusterClient(files, [kubeconfigPath('super-admin'), kubeconfigPath('admin')])),
    say: (line) => console.log(line),
  }
  try {
    if (path === undefined) await runPhases(initPhases, context, [...(init.skipPhases ?? []), ...(flags.skipPhases ?? [])])
    else await runPhases([findPhase(initPhases, path)], context)
  } finally {
    await client?.close()
  }
}

/** Flags as the documents that they stand for. */
function overridesOf(flags: InitFlags) {
  const token = defined({ token: flags.token, ttl: flags.tokenTtl })
  return {
    init: defined({
      bootstrapTokens: Object.keys(token).length > 0 ? [token] : undefined,
      certificateKey: flags.certificateKey,
      nodeRegistration: defined({ name: flags.nodeName, criSocket: flags.criSocket }),
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
