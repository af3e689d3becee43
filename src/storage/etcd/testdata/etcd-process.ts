/** Real etcd members for tests, each a process in a directory of its own under the system's temporary one. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const etcdMissing: string | undefined =
  spawnSync('etcd', ['--version']).status === 0 ? undefined : 'etcd is not installed (Debian: apt-get install etcd-server)'

export interface EtcdCluster {
  readonly endpoints: string[]
  start(member: number): void
  /** Ends the process of a member the hard way, or sends it another signal. */
  signal(member: number, signal: NodeJS.Signals): Promise<void>
  end(): Promise<void>
}

export async function startEtcd(members: number): Promise<EtcdCluster> {
  const dir = mkdtempSync(join(tmpdir(), 'quorate-etcd-'))
  const ports = await freePorts(members * 2)
  const client = (i: number) => `http://127.0.0.1:${ports[i * 2]}`
  const peer = (i: number) => `http://127.0.0.1:${ports[i * 2 + 1]}`
  const cluster = Array.from({ length: members }, (_, i) => `m${i}=${peer(i)}`).join(',')
  const processes: (ChildProcess | undefined)[] = []
  const start = (i: number) => {
    const flags = [
      ...[`--name=m${i}`, `--data-dir=${join(dir, `m${i}`)}`, `--initial-cluster=${cluster}`, '--log-level=error'],
      ...[`--listen-client-urls=${client(i)}`, `--advertise-client-urls=${client(i)}`],
      ...[`--listen-peer-urls=${peer(i)}`, `--initial-advertise-peer-urls=${peer(i)}`],
      ...['--heartbeat-interval=50', '--election-timeout=500'],
    ]
    processes[i] = spawn('etcd', flags, { stdio: 'ignore' })
  }
  const ended = (child: ChildProcess) =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve()
      else child.once('exit', () => resolve())
    })
  for (let i = 0; i < members; i++) start(i)
  return {
    endpoints: Array.from({ length: members }, (_, i) => client(i)),
    start,
    async signal(member, signal) {
      const child = processes[member] as ChildProcess
      child.kill(signal)
      if (signal === 'SIGKILL') await ended(child)
    },
    async end() {
      for (const child of processes) child?.kill('SIGKILL')
      await Promise.all(processes.flatMap((child) => (child ? [ended(child)] : [])))
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
