/** One host of a fabric: see hosts.ts. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { hierarchies, makeCgroups, processesOf } from './cgroups.js'
import type { Fabric } from './hosts.js'
import { pauseImage, pauseName } from './images.js'
import { Service, type ServiceOptions } from './service.js'
import { mustRun, run, type RunOptions, type RunResult, start, until } from './shell.js'

export interface HostOptions {
  /** Which segment of the fabric its cable goes to. Default 0. */
  readonly segment?: number
  /** Whether containerd runs. Default true. */
  readonly containerd?: boolean
  /** Lines for containerd's configuration, after the harness's own. */
  readonly containerdConfig?: string
  /** A CNI configuration from the start: the bridge plugin over this block, with routes left to the test. Default: none, as on a fresh node. */
  readonly bridgeCni?: string
}

interface Place {
  readonly name: string
  readonly segment: number
  readonly number: number
  readonly options: HostOptions
}

const boot = join(import.meta.dirname, 'boot.sh')
export const containerdSocket = '/run/containerd/containerd.sock'

export class Host {
  readonly name: string
  readonly ip: string
  readonly ipv6: string
  /** Its end of the cable in the fabric's namespace. */
  readonly port: string
  readonly #fabric: Fabric
  readonly #place: Place
  readonly #dir: string
  readonly #services = new Map<string, Service>()
  #outer: ChildProcessWithoutNullStreams | undefined
  #pid = 0
  #groups: readonly string[] = []

  constructor(fabric: Fabric, place: Place) {
    const { name, segment, number, options } = place
    this.name = name
    this.ip = `10.89.${segment}.${9 + number}`
    this.ipv6 = `fd89:${segment}::${9 + number}`
    this.port = `s${segment}h${number}`
    this.#fabric = fabric
    this.#place = place
    this.#dir = join(fabric.dir, 'hosts', name)
    if (options.containerd !== false) this.service({ name: 'containerd', argv: ['containerd'], ready: () => this.#containerdReady() })
  }

  /** PID 1 of the host as the machine counts; 0 when it is off. */
  get pid(): number {
    return this.#pid
  }

  get running(): boolean {
    return this.#pid !== 0
  }

  /** Where this process finds a path of the running host. */
  path(inside: string): string {
    return `/proc/${this.#pid}/root${inside}`
  }

  /** A directory that the host has at /share and that outlives it. */
  get share(): string {
    return join(this.#dir, 'share')
  }

  async boot(): Promise<void> {
    if (this.running) return
    this.#prepareFiles()
    this.#groups = makeCgroups(`${basename(this.#fabric.dir)}-${this.name}`)
    const enter = this.#groups.map((group) => `echo $$ > ${group}/cgroup.procs`).join('; ')
    const unshare = 'exec setpriv --pdeathsig KILL unshare -m -p -u -i -n -C --fork --kill-child=KILL bash --norc'
    const outer = start(['sh', '-ec', `${enter}; ${unshare} "$@"`, 'host', boot, this.#dir, this.name], {
      env: { BINDS: (this.#fabric.options.binds ?? []).join('\n'), PATH: searchPath },
    })
    let words = ''
    outer.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-4000)))
    outer.stdout.resume()
    this.#outer = outer
    outer.once('exit', () => {
      if (this.#outer === outer) [this.#outer, this.#pid] = [undefined, 0]
    })
    await until(
      `${this.name} to boot`,
      () => (this.#pid = hostIn(outer.pid ?? 0)) !== 0,
      () => words,
    )
    for (const { mount } of hierarchies()) writeFileSync(join(mount, 'cgroup.procs'), String(outer.pid))
    await this.#plugIn()
    writeFileSync(join(this.#dir, 'go'), '')
    await until(
      `${this.name} to boot`,
      () => existsSync(join(this.share, '.booted')),
      () => words,
    )
    await this.#configure()
    await Promise.all([...this.#services.values()].filter(({ wanted }) => wanted).map((service) => service.start()))
    if (this.#services.get('containerd')?.wanted && !existsSync(join(this.#dir, 'pause'))) {
      await this.importImages(pauseImage())
      writeFileSync(join(this.#dir, 'pause'), '')
    }
  }

  #prepareFiles(): void {
    for (const each of ['upper', 'work', 'root', 'share', 'data']) mkdirSync(join(this.#dir, each), { recursive: true })
    for (const each of ['go', 'share/.booted']) rmSync(join(this.#dir, each), { force: true })
    writeFileSync(join(this.#dir, 'mounts'), readFileSync('/proc/self/mounts'))
    const names = [this, ...this.#fabric.hosts].map((host) => `${host.ip} ${host.name}\n${host.ipv6} ${host.name}\n`)
    writeFileSync(join(this.#dir, 'hosts'), `127.0.0.1 localhost\n::1 localhost ip6-localhost\n${[...new Set(names)].join('')}`)
    writeFileSync(join(this.#dir, 'resolv.conf'), `nameserver 10.89.${this.#place.segment}.1\n`)
  }

  async #plugIn(): Promise<void> {
    const { segment } = this.#place
    await this.#fabric.ip([
      `link add ${this.port} type veth peer name eth0 netns ${this.#pid}`,
      `link set ${this.port} master seg${segment} up`,
    ])
    const lines = [
      'link set lo up',
      `addr add ${this.ip}/24 dev eth0`,
      `addr add ${this.ipv6}/64 dev eth0 nodad`,
      'link set eth0 up',
      `route add default via 10.89.${segment}.1`,
      `-6 route add default via fd89:${segment}::1`,
    ]
    const batch = (family: readonly string[], stdin: string) =>
      mustRun(['nsenter', '-t', String(this.#pid), '-n', 'ip', ...family, '-batch', '-'], { stdin })
    await batch([], `${lines.filter((line) => !line.startsWith('-6')).join('\n')}\n`)
    await batch(
      ['-6'],
      `${lines
        .filter((line) => line.startsWith('-6'))
        .map((line) => line.slice(3))
        .join('\n')}\n`,
    )
  }

  async #configure(): Promise<void> {
    const { options } = this.#place
    this.write('/etc/containerd/config.toml', containerdConfig(options.containerdConfig ?? ''))
    if (options.bridgeCni) this.write('/etc/cni/net.d/10-bridge.conflist', bridgeConfig(options.bridgeCni))
  }

  /** Writes a file of the host, and the directories above it. */
  write(inside: string, text: string | Uint8Array): void {
    mkdirSync(dirname(this.path(inside)), { recursive: true })
    writeFileSync(this.path(inside), text)
  }

  read(inside: string): string {
    return readFileSync(this.path(inside), 'utf8')
  }

  /** A daemon of the host. It is started by `start()`, and from then on at each boot until it is stopped. */
  service(options: ServiceOptions): Service {
    const service = new Service(this, options)
    this.#services.set(options.name, service)
    if (options.name === 'containerd') service.wanted = true
    return service
  }

  get containerd(): Service {
    return this.#services.get('containerd') as Service
  }

  async #containerdReady(): Promise<boolean> {
    return existsSync(this.path(containerdSocket)) && (await this.exec(['ctr', '--connect-timeout', '2s', 'version'])).code === 0
  }

  exec(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return run(this.#inside(argv), withPath(options))
  }

  /** Standard output of a program that must succeed. */
  must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    return mustRun(this.#inside(argv), withPath(options))
  }

  /** A program of the host whose streams stay open. End it by what it does, or by `host.exec(['kill', ...])`. */
  spawn(argv: readonly string[], options: Pick<RunOptions, 'env'> = {}): ChildProcessWithoutNullStreams {
    return start(this.#inside(argv), withPath(options))
  }

  #inside(argv: readonly string[]): string[] {
    if (!this.running) throw new Error(`${this.name} is off`)
    const enter = this.#groups.map((group) => `echo $$ > ${leafOf(group)}/cgroup.procs`).join('; ')
    const nsenter = `exec nsenter -t ${this.#pid} -m -u -i -n -p -C --root --wd`
    return ['sh', '-ec', `${enter}; ${nsenter} "$@"`, 'inside', ...argv]
  }

  /** Loads image archives (images.ts) into the host's containerd. */
  async importImages(...archives: readonly Uint8Array[]): Promise<void> {
    for (const stdin of archives) await this.must(['ctr', '-n', 'k8s.io', 'images', 'import', '-'], { stdin })
  }

  /** Pulls the cable: the link is down at both ends. */
  cut(): Promise<void> {
    return this.#fabric.ip([`link set ${this.port} down`])
  }

  plug(): Promise<void> {
    return this.#fabric.ip([`link set ${this.port} up`])
  }

  /** Takes the power away: every process is gone at once, disks stay. */
  async powerCut(): Promise<void> {
    const outer = this.#outer
    if (!outer) return
    const gone = new Promise((resolve) => outer.once('exit', resolve))
    if (this.#pid > 0) process.kill(this.#pid, 'SIGKILL')
    else outer.kill('SIGKILL')
    await gone
    const id = `${basename(this.#fabric.dir)}-${this.name}`
    await until(
      `${this.name} to end`,
      () => processesOf(id).length === 0,
      () => processesOf(id).join(' '),
    )
  }

  /** An orderly reboot: services end first, the last begun first. */
  async reboot(): Promise<void> {
    for (const service of [...this.#services.values()].reverse()) await service.end('SIGTERM')
    await this.powerCut()
    await this.boot()
  }
}

const searchPath = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`

function withPath<T extends Pick<RunOptions, 'env'>>(options: T): T {
  return { ...options, env: { PATH: searchPath, ...options.env } }
}

/** Groups of v2 with controllers hold processes only in leaves. */
function leafOf(group: string): string {
  if (!existsSync(join(group, 'init'))) return group
  const leaf = join(group, 'exec')
  mkdirSync(leaf, { recursive: true })
  return leaf
}

/** The child that is in namespaces of its own. */
function hostIn(outer: number): number {
  try {
    const pid = Number(readFileSync(`/proc/${outer}/task/${outer}/children`, 'utf8').trim().split(' ')[0])
    const isOwn = ['net', 'mnt', 'pid'].every((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`) !== readlinkSync(`/proc/self/ns/${kind}`))
    return isOwn ? pid : 0
  } catch {
    return 0
  }
}

function containerdConfig(more: string): string {
  // Without CAP_SYS_RESOURCE a score cannot be lowered below the parent's.
  const capable = (BigInt(`0x${/CapEff:\s*([0-9a-f]+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`) >> 24n) & 1n
  const cniDir = existsSync('/opt/cni/bin/host-local') ? '/opt/cni/bin' : '/usr/lib/cni'
  return `version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseName}"
  restrict_oom_score_adj = ${capable === 0n}
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniDir}"
    conf_dir = "/etc/cni/net.d"
${more}`
}

function bridgeConfig(block: string): string {
  return JSON.stringify({
    cniVersion: '0.4.0',
    name: 'bridge',
    plugins: [
      {
        ...{ type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: true, hairpinMode: true },
        ipam: { type: 'host-local', ranges: [[{ subnet: block }]], routes: [{ dst: '0.0.0.0/0' }] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  })
}
