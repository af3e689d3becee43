/**
 * `reset`: takes away what init and join have made on this machine. Everything may be missing already: halfway through a failed init, or
 * after a reset, it does what is left to do.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { messageOf, QuorateError } from '../../../base/errors.js'
import type { ResetConfiguration } from '../../config/types.js'
import { manifestDirectory } from '../../manifests/manifests.js'
import { socketPath } from '../../machine/cri-socket.js'
import type { NodeFiles } from '../../machine/node-files.js'
import type { Clock } from '../../../base/clock.js'
import { leaveMembers } from '../../etcd/membership.js'
import type { KubeletService, Launcher } from '../../service/kubelet-service.js'
import { mountsBelow } from './mounts.js'
import { removeSandboxes } from './sandboxes.js'
import type { Phase } from '../phase.js'

const run = promisify(execFile)

export interface ResetContext {
  readonly reset: ResetConfiguration
  readonly files: NodeFiles
  readonly service: KubeletService
  readonly launcher: Launcher
  readonly clock: Clock
  /** --force, or the answer of whoever was asked. */
  confirmed(): Promise<boolean>
  say(line: string): void
}

const etcdManifest = `${manifestDirectory}/etcd.yaml`
/** Where etcd keeps its data unless its manifest says otherwise. */
const etcdDirectory = '/var/lib/etcd'
/** What a kubelet leaves that is nobody else's. */
const stateDirectories = ['/var/lib/kubelet', '/var/lib/dockershim', '/var/run/kubernetes', '/var/log/pods', '/var/log/containers']
const kubeconfigs = ['admin', 'super-admin', 'kubelet', 'bootstrap-kubelet', 'controller-manager', 'scheduler']
/** Components that leave rules, routes and links in the kernel, and know how to take them back. */
const cleaners = ['kube-proxy', 'network']

export const resetPhases: readonly Phase<ResetContext>[] = [
  {
    name: 'preflight',
    description: 'Run reset pre-flight checks',
    async run({ say, confirmed }) {
      say('[reset] WARNING: Changes made to this host by "init" or "join" will be reverted.')
      if (await confirmed()) return
      throw new QuorateError('NotConfirmed', 'aborted: nothing was changed', { remedy: 'Say y, or use --force.' })
    },
  },
  {
    name: 'remove-etcd-member',
    description: 'Remove a local etcd member.',
    when: ({ files }) => files.exists(etcdManifest),
    async run({ say, files, reset, clock }) {
      say('[reset] Removing the etcd member of this machine from its cluster')
      try {
        const left = await leaveMembers(files, reset.certificatesDir, clock)
        if (left === 0) say('[reset] It is the only member: its data goes with it')
      } catch (error) {
        say(`[reset] WARNING: the member could not be removed: ${messageOf(error)}`)
        say('[reset] Remove it on another control plane: etcdctl member list; etcdctl member remove ID')
      }
    },
  },
  {
    name: 'cleanup-node',
    description: 'Run cleanup node.',
    async run(context) {
      const { say, files, service, reset } = context
      const dataDir = etcdDataDir(files)
      say('[reset] Stopping the kubelet service')
      await service.remove()
      await removePods(context)
      for (const name of cleaners) await clean(context, name)
      const mounts = mountsBelow(files.read('/proc/self/mountinfo') ?? '', '/var/lib/kubelet')
      if (mounts.length > 0) say(`[reset] Unmounting ${mounts.length} mounted directories in "/var/lib/kubelet"`)
      for (const path of mounts) await run('umount', ['-f', ...(reset.unmountFlags ?? []), path])
      say(`[reset] Deleting contents of directories: [${[manifestDirectory, '/var/lib/kubelet', reset.certificatesDir].join(' ')}]`)
      for (const directory of [manifestDirectory, reset.certificatesDir, ...stateDirectories]) files.empty(directory)
      say(`[reset] Deleting files: [${kubeconfigs.map((name) => `/etc/kubernetes/${name}.conf`).join(' ')}]`)
      for (const name of kubeconfigs) files.remove(`/etc/kubernetes/${name}.conf`)
      if (dataDir !== undefined && files.list(dataDir).length > 0) {
        say(`[reset] Deleting the data of etcd: ${dataDir}`)
        files.empty(dataDir)
      }
      if (reset.cleanupTmpDir) files.remove('/etc/kubernetes/tmp')
      say(
        '\nThis machine is as it was, but for kubeconfig files of users ($HOME/.kube/config) and CNI configurations of others (/etc/cni/net.d).',
      )
    },
  },
]

/** Of the member of this machine; undefined when it has none. */
function etcdDataDir(files: NodeFiles): string | undefined {
  const manifest = files.read(etcdManifest)
  if (manifest === undefined) return files.exists(etcdDirectory) ? etcdDirectory : undefined
  return /--data-dir=(\/\S+)/.exec(manifest)?.[1] ?? etcdDirectory
}

async function removePods({ reset, clock, say, files }: ResetContext): Promise<void> {
  if (files.kind(socketPath(reset.criSocket)) !== 'socket') return
  try {
    const count = await removeSandboxes(reset.criSocket, clock)
    if (count > 0) say(`[reset] Removed ${count} pods from the container runtime`)
  } catch (error) {
    say(`[reset] WARNING: the pods of the container runtime could not be removed: ${messageOf(error)}`)
  }
}

async function clean({ launcher, say }: ResetContext, component: string): Promise<void> {
  try {
    await run(launcher.node, [launcher.entry, component, '--cleanup'])
  } catch (error) {
    // A machine without nft or ip has none of their traces either.
    say(`[reset] WARNING: ${component} --cleanup failed: ${messageOf(error).split('\n')[0] ?? ''}`)
  }
}
