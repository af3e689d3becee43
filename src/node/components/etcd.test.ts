import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RunningComponent } from '../../base/component.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { realClock } from '../../base/real-clock.js'
import { createAuthority, createLeaf } from '../../pki/certificates.js'
import { etcd } from './etcd.js'
import { openStore, type StoreAddress } from './store-address.js'

const clock = realClock()
const logger = silentLogger
const resolvePath = (path: string) => path

describe('quorate etcd and --etcd-servers', () => {
  let dir: string
  let component: RunningComponent | undefined
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'quorate-etcd-main-'))
  })
  afterEach(async () => {
    await component?.stop()
    component = undefined
    rmSync(dir, { recursive: true, force: true })
  })
  const start = async (...argv: string[]) => {
    component = etcd.start([`--data-dir=${dir}/data`, ...argv], { clock, random: seededRandom(1), logger, resolvePath })
    await component.ready
  }
  const open = (address: Partial<StoreAddress>) =>
    openStore({ servers: [], tls: {}, prefix: '/registry', compactionIntervalMs: 0, clock, logger, resolvePath, ...address })
  const roundTrip = async (address: Partial<StoreAddress>, key = '/registry/a') => {
    const store = open(address)
    try {
      await store.commit({ key, expect: 'any', value: new TextEncoder().encode('x') })
      return (await store.range('/registry/')).entries.map((entry) => entry.key)
    } finally {
      await store.close()
    }
  }

  it('serves the same store on a socket of this user alone, as etcd over TLS, and as framed over TLS', async () => {
    const nowMs = clock.now()
    const authority = await createAuthority('etcd-ca', { nowMs })
    const server = await createLeaf(authority, { commonName: 'etcd', usages: ['server'], ipAddresses: ['127.0.0.1'], nowMs })
    const client = await createLeaf(authority, { commonName: 'apiserver', usages: ['client'], nowMs })
    writeFileSync(join(dir, 'ca.crt'), authority.cert)
    writeFileSync(join(dir, 'server.crt'), server.cert)
    writeFileSync(join(dir, 'server.key'), server.key)
    const [grpc, framed, metrics] = await freePorts(3)
    const socket = join(dir, 'run', 'store.sock')
    await start(
      `--listen-client-urls=unix://${socket},https://127.0.0.1:${grpc},quorate+https://127.0.0.1:${framed}`,
      `--listen-metrics-urls=http://127.0.0.1:${metrics}`,
      ...[`--cert-file=${dir}/server.crt`, `--key-file=${dir}/server.key`, `--trusted-ca-file=${dir}/ca.crt`, '--client-cert-auth'],
    )
    const tls = { ca: authority.cert, cert: client.cert, key: client.key }
    expect(statSync(socket).mode & 0o777).toBe(0o600)
    await roundTrip({ servers: [`unix://${socket}`] }, '/registry/1')
    await roundTrip({ servers: [`https://127.0.0.1:${grpc}`], tls }, '/registry/2')
    expect(await roundTrip({ servers: [`quorate+https://127.0.0.1:${framed}`], tls }, '/registry/3')).toEqual(
      [1, 2, 3].map((i) => `/registry/${i}`),
    )
    const anonymous = open({ servers: [`https://127.0.0.1:${grpc}`], tls: { ca: authority.cert } })
    await expect(anonymous.ping(AbortSignal.timeout(500))).rejects.toThrow()
    await anonymous.close()
    expect(await (await fetch(`http://127.0.0.1:${metrics}/health`)).json()).toEqual({ health: 'true' })
    expect(await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text()).toContain('etcd_debugging_mvcc_current_revision 4')
  })

  it('keeps clusters apart by --etcd-prefix', async () => {
    const [port] = await freePorts(1)
    await start(`--listen-client-urls=http://127.0.0.1:${port}`)
    const servers = [`http://127.0.0.1:${port}`]
    expect(await roundTrip({ servers, prefix: '/other' }, '/registry/theirs')).toEqual(['/registry/theirs'])
    expect(await roundTrip({ servers }, '/registry/ours')).toEqual(['/registry/ours'])
  })

  it('refuses addresses that cannot be meant', () => {
    const refused: [Partial<StoreAddress>, RegExp][] = [
      [{ servers: ['127.0.0.1:2379'] }, /give http\(s\):\/\/ URLs/],
      [{ servers: ['http://127.0.0.1:2379', 'unix:///a'] }, /give http\(s\):\/\/ URLs/],
      [{ servers: ['http://127.0.0.1:2379'], tls: { ca: 'x' } }, /not https/],
      [{ servers: ['https://127.0.0.1:2379'], tls: { cert: 'x' } }, /belong together/],
      [{ servers: ['quorate+https://127.0.0.1:2379'] }, /are needed/],
    ]
    for (const [address, why] of refused) expect(() => open(address)).toThrow(why)
    const run = (...argv: string[]) => etcd.start(argv, { clock, random: seededRandom(1), logger, resolvePath })
    expect(() => run('--listen-client-urls=ftp://a:1')).toThrow(/not an address/)
    expect(() => run('--listen-client-urls=https://127.0.0.1:1')).toThrow(/needs --cert-file/)
    expect(() => run('--listen-peer-urls=http://127.0.0.1:2380')).toThrow('unknown flag: --listen-peer-urls')
  })
})

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = servers.map(
    (server) => new Promise<number>((done) => server.listen(0, '127.0.0.1', () => done((server.address() as { port: number }).port))),
  )
  const found = await Promise.all(ports)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return found
}
