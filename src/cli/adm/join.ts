/** `quorate join`: this machine becomes a node of a cluster that is there. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { QuorateError } from '../../base/errors.js'
import { realClock } from '../../base/real-clock.js'
import type { Client } from '../../client/client.js'
import { httpsTransport } from '../../client/https/transport.js'
import { restClient } from '../../client/rest-client.js'
import { loadJoin } from '../../adm/config/load.js'
import { discover, type FoundCluster } from '../../adm/discovery/discovery.js'
import { kubeconfigPath } from '../../adm/kubeconfigs/kubeconfigs.js'
import { clusterClient } from '../../adm/machine/cluster-client.js'
import { machineEtcd, machineFacts } from '../../adm/machine/facts.js'
import { nodeFiles } from '../../adm/machine/node-files.js'
import type { ClusterConfiguration } from '../../adm/config/types.js'
import { readClusterConfiguration } from '../../adm/objects/kubeadm-config.js'
import type { JoinContext } from '../../adm/phases/join/context.js'
import { joinPhases } from '../../adm/phases/join/join.js'
import { findPhase, runPhases } from '../../adm/phases/phase.js'
import { kubeletService } from '../../adm/service/choose.js'
import { portNumber } from '../local/values.js'
import { configOption, configSource, defined, examples, listOption, rootfsOption } from './options.js'

interface JoinFlags {
  readonly config?: string
  readonly rootfs?: string
  readonly nodeName?: string
  readonly criSocket?: string
  readonly token?: string
  readonly discoveryToken?: string
  readonly tlsBootstrapToken?: string
  readonly discoveryTokenCaCertHash?: string[]
  readonly discoveryTokenUnsafeSkipCaVerification?: true
  readonly discoveryFile?: string
  readonly controlPlane?: true
  readonly apiserverAdvertiseAddress?: string
  readonly apiserverBindPort?: number
  readonly certificateKey?: string
  readonly ignorePreflightErrors?: string[]
  readonly skipPhases?: string[]
}

export function addJoin(program: Command): void {
  const join = withFlags(program.command('join').description('make this machine a node of a cluster'))
    .addOption(listOption('--skip-phases <phases>', 'phases that are left out'))
    .action((endpoint: string | undefined, flags: JoinFlags) => run(undefined, endpoint, flags))
  examples(join, [
    'quorate join 10.0.0.11:6443 --token abcdef.0123456789abcdef --discovery-token-ca-cert-hash sha256:...',
    'quorate join --config join.yaml',
  ])
  const phase = join.command('phase').description('run one phase of join')
  phase.action(() => phase.help({ error: true }))
  for (const { name, description } of joinPhases)
    withFlags(phase.command(name).description(description)).action((endpoint: string | undefined, flags: JoinFlags) =>
      run(name, endpoint, flags),
    )
}

function withFlags(command: Command): Command {
  return command
    .argument('[endpoint]', 'HOST:PORT of the API')
    .addOption(configOption())
    .addOption(rootfsOption())
    .option('--node-name <name>', 'name of this node (default: the host name)')
    .option('--cri-socket <path>', 'socket of the container runtime')
    .option('--token <token>', 'the token for both of the following')
    .option('--discovery-token <token>', 'the token that vouches for the cluster')
    .option('--tls-bootstrap-token <token>', 'the token that a certificate is asked for with')
    .addOption(listOption('--discovery-token-ca-cert-hash <hashes>', 'sha256:HEX of the public key of the authority'))
    .option('--discovery-token-unsafe-skip-ca-verification', 'trust whatever authority answers')
    .option('--control-plane', 'join as a control plane')
    .option('--certificate-key <key>', 'what the shared certificates were sealed with')
    .option('--apiserver-advertise-address <address>', 'where this API server is reached (default: the address of the default route)')
    .option('--apiserver-bind-port <port>', 'port of the API server', portNumber)
    .option('--discovery-file <path>', 'a kubeconfig file that names the cluster')
    .addOption(listOption('--ignore-preflight-errors <checks>', 'failures that are only warned about, by their ids; all: every one'))
}

async function run(path: string | undefined, endpoint: string | undefined, flags: JoinFlags): Promise<void> {
  const { join, warnings } = loadJoin(configSource(flags.config, { join: overridesOf(endpoint, flags) }), machineFacts())
  for (const warning of warnings) console.error(`warning: ${warning}`)
  const files = nodeFiles(flags.rootfs)
  const clock = realClock()
  const wire = (server: string, caPem: string | undefined, token?: string) =>
    httpsTransport({
      url: server,
      clock,
      tls: caPem === undefined ? { insecureSkipVerify: true } : { ca: caPem },
      ...(token ? { token: () => token } : {}),
    })
  let found: Promise<FoundCluster> | undefined
  let client: Client | undefined
  let admin: Client | undefined
  let configuration: Promise<ClusterConfiguration> | undefined
  const cluster = () =>
    (found ??= discover(join.discovery, join.timeouts.discovery, {
      clock,
      connect: wire,
      read: async (file) => readFileSync(file, 'utf8'),
    }))
  const context: JoinContext = {
    ...{ join, files, clock, hostname: hostname(), cluster, ignoredErrors: flags.ignorePreflightErrors ?? [] },
    service: kubeletService(files, { node: process.execPath, entry: resolve(process.argv[1] as string) }),
    async client() {
      const token = join.discovery.tlsBootstrapToken
      if (!token)
        throw new QuorateError('BadUsage', 'there is no token to speak with the cluster', {
          remedy: 'Give --token or --tls-bootstrap-token.',
        })
      const { server, caPem } = await cluster()
      return (client ??= restClient(wire(server, caPem, token)))
    },
    configuration: () => (configuration ??= context.client().then(readClusterConfiguration)),
    admin: async () => (admin ??= clusterClient(files, [kubeconfigPath('admin')])),
    etcdVersion: machineEtcd,
    say: (line) => console.log(line),
  }
  try {
    if (path === undefined) await runPhases(joinPhases, context, [...(join.skipPhases ?? []), ...(flags.skipPhases ?? [])])
    else await runPhases([findPhase(joinPhases, path)], context)
  } finally {
    await Promise.all([client?.close(), admin?.close()])
  }
}

function controlPlaneOf(flags: JoinFlags): Record<string, unknown> {
  const localAPIEndpoint = defined({ advertiseAddress: flags.apiserverAdvertiseAddress, bindPort: flags.apiserverBindPort })
  return defined({ localAPIEndpoint, certificateKey: flags.certificateKey })
}

/** Flags as the document that they stand for. */
function overridesOf(endpoint: string | undefined, flags: JoinFlags): Record<string, unknown> {
  const token = flags.discoveryToken ?? flags.token
  const bootstrapToken = defined({
    apiServerEndpoint: endpoint,
    token,
    caCertHashes: flags.discoveryTokenCaCertHash,
    unsafeSkipCAVerification: flags.discoveryTokenUnsafeSkipCaVerification,
  })
  return defined({
    nodeRegistration: defined({ name: flags.nodeName, criSocket: flags.criSocket }),
    controlPlane: flags.controlPlane ? controlPlaneOf(flags) : undefined,
    discovery: defined({
      bootstrapToken: Object.keys(bootstrapToken).length > 0 ? bootstrapToken : undefined,
      file: flags.discoveryFile === undefined ? undefined : { kubeConfigPath: flags.discoveryFile },
      tlsBootstrapToken: flags.tlsBootstrapToken ?? flags.token,
    }),
  })
}
