/**
 * Hosts for system tests: each is network, mount, PID, UTS, IPC and cgroup namespaces of this machine with an own root (an overlay over the
 * machine's), an own /etc/kubernetes and /var/lib/{containerd,kubelet,etcd} on the machine's file system, its own containerd, and a cable to
 * a fabric: a network namespace with a bridge a segment, which routes between segments. Nothing of the machine itself changes.
 *
 *     const why = missingForHosts()                       // why it cannot be done here; undefined: it can
 *     const fabric = await openFabric({ binds: [repo] })  // also clears what a test that crashed has left
 *     const host = await fabric.addHost('node-1')         // booted, its containerd ready
 *     await host.must(['ip', 'route'])                    // runs inside; exec() has the exit code, spawn() the streams
 *     host.service({ name: 'kubelet', argv: [...] })      // start/stop/kill/restart/log; begun again at a reboot
 *     await host.importImages(busyboxImage('docker.io/library/busybox:1.36'))
 *     host.path('/etc/kubernetes/manifests')              // the same place as this process sees it: read and write files there
 *     await host.cut(); await host.plug()                 // the cable
 *     await host.powerCut(); await host.boot(); await host.reboot()
 *     await fabric.must(['ping', '-c1', host.ip])         // a program outside, on the fabric (the gateway, 10.89.0.1)
 *     await fabric.close()
 *
 * Addresses: host N of segment S is 10.89.S.(9+N) and fd89:S::(9+N); the fabric is .1 of each. A host's name server is the fabric: a test
 * may run one there. Unix sockets of a host are reachable at host.path('/run/...') without entering it; TCP only from inside.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { processesOf, removeCgroups } from './cgroups.js'
import { Host, type HostOptions } from './host.js'
import { mustRun, run, type RunOptions, type RunResult, start } from './shell.js'

const base = '/var/tmp/quorate-hosts'
const programs = ['unshare', 'nsenter', 'setpriv', 'ip', 'containerd', 'runc', 'ctr', 'busybox']

/** Why hosts cannot be made on this machine, for the name of a test that is skipped. */
export function missingForHosts(...more: readonly string[]): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux'
  if (process.getuid?.() !== 0) return 'needs root'
  const path = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin']
  const absent = [...programs, ...more].filter((program) => !path.some((dir) => existsSync(join(dir, program))))
  if (absent.length > 0) return `needs ${absent.join(', ')}`
  return existsSync('/usr/lib/cni/host-local') || existsSync('/opt/cni/bin/host-local') ? undefined : 'needs the CNI plugins'
}

export interface FabricOptions {
  /** Directories of the machine that every host sees, writable: the project, for instance. */
  readonly binds?: readonly string[]
  /** How many segments there are; hosts of different ones reach each other only by routes. Default 1. */
  readonly segments?: number
}

export async function openFabric(options: FabricOptions = {}): Promise<Fabric> {
  mkdirSync(base, { recursive: true })
  await sweep()
  const dir = mkdtempSync(join(base, 'f-'))
  writeFileSync(join(dir, 'owner'), identityOf(process.pid) ?? '')
  // Ends with this process, however that ends.
  const holder = start(['setpriv', '--pdeathsig', 'KILL', 'unshare', '-n', 'sleep', 'infinity'])
  const fabric = new Fabric(dir, holder.pid ?? 0, options)
  try {
    await fabric.prepare()
  } catch (error) {
    await fabric.close()
    throw error
  }
  return fabric
}

export class Fabric {
  readonly dir: string
  /** A process in the fabric's network namespace. */
  readonly pid: number
  readonly options: FabricOptions
  readonly #hosts = new Map<string, Host>()
  readonly #counts: number[] = []

  constructor(dir: string, pid: number, options: FabricOptions) {
    this.dir = dir
    this.pid = pid
    this.options = options
  }

  get hosts(): readonly Host[] {
    return [...this.#hosts.values()]
  }

  async prepare(): Promise<void> {
    await namespaceMade(this.pid)
    const lines = ['link set lo up']
    for (let segment = 0; segment < (this.options.segments ?? 1); segment++)
      lines.push(
        `link add seg${segment} type bridge`,
        `addr add 10.89.${segment}.1/24 dev seg${segment}`,
        `addr add fd89:${segment}::1/64 dev seg${segment} nodad`,
        `link set seg${segment} up`,
      )
    await this.ip(lines)
    await this.must(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'])
  }

  async addHost(name: string, options: HostOptions = {}): Promise<Host> {
    const segment = options.segment ?? 0
    const number = (this.#counts[segment] ?? 0) + 1
    this.#counts[segment] = number
    const host = new Host(this, { name, segment, number, options })
    this.#hosts.set(name, host)
    await host.boot()
    return host
  }

  /** Configures links of the fabric: lines of `ip -batch`. */
  async ip(lines: readonly string[]): Promise<void> {
    await mustRun(['nsenter', '-t', String(this.pid), '-n', 'ip', '-batch', '-'], { stdin: `${lines.join('\n')}\n` })
  }

  exec(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return run(['nsenter', '-t', String(this.pid), '-n', ...argv], options)
  }

  must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    return mustRun(['nsenter', '-t', String(this.pid), '-n', ...argv], options)
  }

  spawn(argv: readonly string[], options: Pick<RunOptions, 'env'> = {}) {
    return start(['nsenter', '-t', String(this.pid), '-n', ...argv], options)
  }

  /** Ends every host and removes all that was made. */
  async close(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.powerCut()))
    kill(this.pid)
    await clear(this.dir)
  }
}

/** unshare(1) has done its work when the process's namespace is no longer this one's. */
async function namespaceMade(pid: number): Promise<void> {
  const own = readlinkSync('/proc/self/ns/net')
  for (let turn = 0; turn < 500; turn++) {
    try {
      if (readlinkSync(`/proc/${pid}/ns/net`) !== own) return
    } catch {
      // Not there yet.
    }
    await sleep(10)
  }
  throw new Error('the network namespace of the fabric was not made')
}

/** A process and when it began, so that another one with its number is not taken for it. */
function identityOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return undefined
  }
}

/** Clears what tests that are no more have left. */
async function sweep(): Promise<void> {
  for (const name of readdirSync(base)) {
    const dir = join(base, name)
    const owner = existsSync(join(dir, 'owner')) ? readFileSync(join(dir, 'owner'), 'utf8') : ''
    if (owner === '' || identityOf(Number(owner.split(' ')[0])) === owner) continue
    await clear(dir)
  }
}

async function clear(dir: string): Promise<void> {
  const hosts = existsSync(join(dir, 'hosts')) ? readdirSync(join(dir, 'hosts')) : []
  const ids = hosts.map((host) => `${basename(dir)}-${host}`)
  for (let turn = 0; turn < 200; turn++) {
    for (const id of ids) for (const pid of processesOf(id)) kill(pid)
    if (ids.map(removeCgroups).every(Boolean)) break
    await sleep(50)
  }
  rmSync(dir, { recursive: true, force: true })
}

function kill(pid: number): void {
  try {
    if (pid > 0) process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
