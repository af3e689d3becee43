/** `quorate host-path-provisioner`: volumes out of directories of the nodes, for claims of the class that names it. Runs only where asked for. */
import { hostname } from 'node:os'
import { QuorateError } from '../../base/errors.js'
import { hostPathProvisioner } from '../../controllers/host-path-provisioner/host-path-provisioner.js'
import { startControllerManager } from '../../controllers/manager/manager.js'
import { type FlagDefinition, type Flags, type FlagTable, parseFlags, usage } from '../flags/flags.js'
import { type ComponentMain, type HostedDeps, running } from './component.js'
import { connectInCluster } from './in-cluster.js'
import { connectKubeconfig } from './kubeconfig-client.js'

const name = 'host-path-provisioner'

const definitions: readonly FlagDefinition[] = [
  { name: 'kubeconfig', type: 'string', help: 'Kubeconfig to use. Without one: the service account of the pod that this runs in.' },
  { name: 'path', type: 'string', default: '/opt/local-path-provisioner', help: 'Where volumes are made on each node.' },
  {
    name: 'helper-image',
    type: 'string',
    default: 'busybox:stable',
    help: 'Image with sh, mkdir and rm that makes and removes directories.',
  },
  { name: 'helper-namespace', type: 'string', default: 'kube-system', help: 'Namespace of the helper pods.' },
  { name: 'leader-elect', type: 'bool', help: 'Work only while this process holds the lease.' },
  { name: 'shutdown-timeout', type: 'duration', default: '5s', help: 'How long a stop waits for work under way.' },
  { name: 'v', type: 'int', default: '0' },
]

const table: FlagTable = { component: name, definitions, implemented: new Set(definitions.map((definition) => definition.name)) }

export const hostPathProvisionerMain: ComponentMain = {
  name,
  help: () => usage(table, 'Makes volumes for claims out of directories of the nodes.'),
  start(argv, deps) {
    const flags = parseFlags(table, argv)
    return running((fail) => Promise.resolve().then(() => start(flags, deps, fail)))
  },
}

function start(flags: Flags, deps: HostedDeps, fail: (error: Error) => void) {
  const { clock, random, logger, hostname: host = hostname() } = deps
  const kubeconfig = flags.string('kubeconfig')
  const client = kubeconfig === '' ? connectInCluster(deps, name) : connectKubeconfig(kubeconfig, deps, { userAgent: name })
  const options = {
    path: flags.string('path').replace(/\/+$/, ''),
    helperImage: flags.string('helper-image'),
    helperNamespace: flags.string('helper-namespace'),
  }
  const election = {
    ...{ namespace: options.helperNamespace, name, identity: `${host}_${random.uuid()}` },
    ...{ leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 },
  }
  const manager = startControllerManager({
    ...{ client, clock, random, logger },
    makeControllers: () => [hostPathProvisioner(options)],
    shutdownTimeoutMs: flags.durationMs('shutdown-timeout'),
    ...(flags.bool('leader-elect') ? { election } : {}),
  })
  let stopping = false
  const stop = async (how?: { crash?: boolean }) => {
    stopping = true
    await manager.stop(how)
    await client.close()
  }
  void manager.ended.then(async (how) => {
    if (how !== 'lost' || stopping) return
    await stop({ crash: true })
    fail(new QuorateError('LeadershipLost', 'leader election lost'))
  })
  return { stop }
}
