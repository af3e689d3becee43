/**
 * A program of the machine inside a pod's sandbox: in its network, UTS and IPC namespaces, on a root of its own (an overlay over the
 * machine's) where the pod's volumes and resolver are in their places. Its process is a child of this one and ends with it.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expand } from '../../environment/expansion.js'
import type { EnvironmentVariable, Mount } from '../../volumes/pod-resources.js'
import { run } from '../native/host-process.js'
import type { Program } from '../native/program.js'

export interface SandboxedProcessOptions {
  /** The component, and what a manifest's command begins with. */
  readonly name: string
  readonly command: readonly string[]
  /** Whose namespaces it enters. */
  readonly sandboxPid: number
  readonly environment: readonly EnvironmentVariable[]
  readonly mounts: readonly Mount[]
  /** Where its root is put together; on a file system that can be the upper layer of an overlay. */
  readonly directory: string
  /** Directories of the machine that may lie on other file systems than its root. */
  readonly binds: readonly string[]
  /** /etc/resolv.conf */
  readonly resolver: string
}

/** $1: the directory; $2: how many mounts follow, three arguments each (how, from, to); then the program, which takes the shell's place. */
const script = `set -eu
base="$1" root="$1/root" count="$2"; shift 2
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$root"
for each in proc sys dev; do mount --rbind "/$each" "$root/$each"; done
while [ "$count" -gt 0 ]; do
  # Links are followed as they are in there (/var/run leads to /run), not out of it.
  how="$1" from="$2" to="$root$(chroot "$root" readlink -m "$3")"; shift 3; count=$((count - 1))
  # As containerd does it for a hostPath that is not there.
  [ -e "$from" ] || mkdir -p "$from"
  if [ -d "$from" ]; then mkdir -p "$to"; else mkdir -p "$(dirname "$to")"; [ -e "$to" ] || : > "$to"; fi
  mount --rbind "$from" "$to"
  [ "$how" = rw ] || mount -o remount,bind,ro "$to"
done
exec chroot "$root" "$@"
`

export function sandboxedProcess(options: SandboxedProcessOptions): Program {
  const { name, command, sandboxPid, environment, directory, resolver } = options
  return {
    command: name,
    start(argv, write) {
      rmSync(directory, { recursive: true, force: true })
      for (const each of ['upper/etc', 'work', 'root']) mkdirSync(join(directory, each), { recursive: true })
      const resolvConf = join(directory, 'resolv.conf')
      writeFileSync(resolvConf, resolver)
      const places = [
        ...options.binds.map((path) => ['rw', path, path]),
        ...options.mounts.map(({ readOnly, hostPath, containerPath }) => [readOnly ? 'ro' : 'rw', hostPath, containerPath]),
        ['ro', resolvConf, '/etc/resolv.conf'],
      ]
      const values = new Map(environment.map((variable) => [variable.name, variable.value]))
      const variables = [...values].map(([variable, value]) => `${variable}=${value}`)
      const expanded = argv.map((text) => expand(text, (variable) => values.get(variable)))
      const enter = ['-t', String(sandboxPid), '-n', '-u', '-i', 'unshare', '-m', '--propagation', 'slave']
      const path = `PATH=${process.env.PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'}`
      const inside = ['sh', '-c', script, 'sh', directory, String(places.length), ...places.flat()]
      return run('nsenter', [...enter, ...inside, 'env', '-i', path, ...variables, ...command, ...expanded], write)
    },
  }
}
