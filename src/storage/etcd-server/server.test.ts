import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { realClock } from '../../base/real-clock.js'
import { silentLogger } from '../../base/logger.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { Channel } from '../etcd/channel.js'
import { openEtcdStore } from '../etcd/etcd.js'
import * as rpc from '../etcd/rpc.js'
import { openMemoryStore } from '../memory/memory.js'
import { storeContract } from '../store.contract.js'
import { serveEtcd } from './server.js'

async function open(options: { quotaBytes?: number } = {}) {
  const clock = new VirtualClock()
  const engine = openMemoryStore({ clock })
  const server = await serveEtcd({ engine, clock, address: { host: '127.0.0.1', port: 0 }, name: 'one', ...options })
  const url = `http://127.0.0.1:${server.port}`
  const store = openEtcdStore({ endpoints: [url], clock: realClock(), logger: silentLogger })
  const channel = new Channel({ url, clock: realClock() })
  const end = async () => {
    await store.close()
    channel.close()
    await server.close()
    await engine.close()
  }
  return { store, engine, clock, channel, elapse: (ms: number) => clock.advance(ms), end }
}

storeContract('etcd driver on the etcd server', open)

const b = (text: string) => Buffer.from(text)

async function withChannel(work: (channel: Channel) => Promise<void>, options?: { quotaBytes?: number }): Promise<void> {
  const { channel, end } = await open(options)
  try {
    await work(channel)
  } finally {
    await end()
  }
}
const put = async (channel: Channel, key: string, value: string) =>
  rpc.putResponse.decode(await channel.unary(rpc.methods.put, rpc.putRequest.encode({ key: b(key), value: b(value) }), 5_000))
const range = async (channel: Channel, request: Parameters<typeof rpc.rangeRequest.encode>[0]) =>
  rpc.rangeResponse.decode(await channel.unary(rpc.methods.range, rpc.rangeRequest.encode(request), 5_000))
const txn = async (channel: Channel, request: Parameters<typeof rpc.txnRequest.encode>[0]) =>
  rpc.txnResponse.decode(await channel.unary(rpc.methods.txn, rpc.txnRequest.encode(request), 5_000))
const keys = (response: { kvs: rpc.KeyValue[] }) => response.kvs.map(({ key }) => key.toString())

describe('etcd API: KV', () => {
  it('orders, bounds and counts as etcd does', () =>
    withChannel(async (channel) => {
      await put(channel, 'k/b', '1')
      await put(channel, 'k/a', '3')
      const { header } = await put(channel, 'k/c', '2')
      const all = { key: b('k/'), rangeEnd: b('k0') }
      expect(keys(await range(channel, all))).toEqual(['k/a', 'k/b', 'k/c'])
      const byValue = { ...all, sortTarget: rpc.sortTarget.value, sortOrder: rpc.sortOrder.descend, limit: 2 }
      const sorted = await range(channel, byValue)
      expect([keys(sorted), sorted.more, sorted.count]).toEqual([['k/a', 'k/c'], true, 3])
      expect(keys(await range(channel, { ...all, minModRevision: header?.revision }))).toEqual(['k/c'])
      expect(await range(channel, { ...all, countOnly: true })).toMatchObject({ kvs: [], count: 3 })
      expect((await range(channel, { ...all, keysOnly: true })).kvs.every(({ value }) => value.length === 0)).toBe(true)
      expect(keys(await range(channel, { key: Buffer.from([0]), rangeEnd: Buffer.from([0]) }))).toHaveLength(3)
    }))

  it('keeps keys that are no text', () =>
    withChannel(async (channel) => {
      const key = Buffer.from([0xff, 0x00, 0xc3])
      await channel.unary(rpc.methods.put, rpc.putRequest.encode({ key, value: b('x') }), 5_000)
      expect((await range(channel, { key })).kvs[0]?.key).toEqual(key)
    }))

  it('does a transaction at one revision, reads its own writes, and nests', () =>
    withChannel(async (channel) => {
      await put(channel, 'a', '1')
      const inner = rpc.txnRequest.encode({
        compare: [{ target: rpc.compareTarget.value, key: b('a'), value: b('1') }],
        success: [{ put: { key: b('inner'), value: b('yes') } }],
      })
      const answer = await txn(channel, {
        compare: [{ target: rpc.compareTarget.version, result: rpc.compareResult.greater, key: b('a'), version: 0 }],
        success: [
          { put: { key: b('a'), value: b('2'), prevKv: true } },
          { txn: inner },
          { range: { key: b('a') } },
          { deleteRange: { key: b('gone') } },
        ],
      })
      expect(answer.succeeded).toBe(true)
      expect(answer.responses[0]?.put?.prevKv?.value.toString()).toBe('1')
      expect(answer.responses[2]?.range?.kvs[0]?.value.toString()).toBe('2')
      expect(answer.responses[3]?.deleteRange?.deleted).toBe(0)
      const found = await range(channel, { key: b('a'), rangeEnd: b('z') })
      expect(found.kvs.map(({ modRevision }) => modRevision)).toEqual([answer.header?.revision, answer.header?.revision])
    }))

  it('refuses with the codes and texts of etcd', () =>
    withChannel(async (channel) => {
      const twice = [{ put: { key: b('a'), value: b('1') } }, { put: { key: b('a'), value: b('2') } }]
      await expect(txn(channel, { success: twice })).rejects.toMatchObject({
        code: 3,
        message: 'etcdserver: duplicate key given in txn request',
      })
      await expect(txn(channel, { success: [{ put: { key: b('a'), lease: '77' } }] })).rejects.toMatchObject({
        code: 5,
        message: 'etcdserver: requested lease not found',
      })
      await expect(range(channel, { key: b('') })).rejects.toMatchObject({ code: 3, message: 'etcdserver: key is not provided' })
      await expect(range(channel, { key: b('a'), revision: 99 })).rejects.toMatchObject({
        code: 11,
        message: 'etcdserver: mvcc: required revision is a future revision',
      })
      await expect(channel.unary('/etcdserverpb.Auth/UserList', new Uint8Array(0), 5_000)).rejects.toMatchObject({
        code: 9,
        message: 'etcdserver: authentication is not enabled',
      })
      await expect(channel.unary('/etcdserverpb.KV/Nothing', new Uint8Array(0), 5_000)).rejects.toMatchObject({ code: 12 })
      await expect(channel.unary(rpc.methods.put, Buffer.from('not protobuf'), 5_000)).rejects.toMatchObject({ name: 'RpcError' })
      const large = rpc.putRequest.encode({ key: b('a'), value: Buffer.alloc(1_600_000) })
      await expect(channel.unary(rpc.methods.put, large, 5_000)).rejects.toMatchObject({ message: 'etcdserver: request is too large' })
    }))

  it('refuses writes beyond the quota, and says so as an alarm', () =>
    withChannel(
      async (channel) => {
        await put(channel, 'a', 'x'.repeat(2_000))
        await expect(put(channel, 'b', 'x')).rejects.toMatchObject({ code: 8, message: 'etcdserver: mvcc: database space exceeded' })
        const alarms = rpc.alarmResponse.decode(await channel.unary(rpc.methods.alarm, rpc.alarmRequest.encode({}), 5_000))
        expect(alarms.alarms).toMatchObject([{ alarm: 1 }])
      },
      { quotaBytes: 1_000 },
    ))
})

describe('etcd API: Watch', () => {
  it('gives previous values, filters, and answers progress after all that came before', () =>
    withChannel(async (channel) => {
      const responses: ReturnType<typeof rpc.watchResponse.decode>[] = []
      let wake: () => void = () => undefined
      const stream = await channel.stream(
        rpc.methods.watch,
        {},
        {
          message(bytes) {
            responses.push(rpc.watchResponse.decode(bytes))
            wake()
          },
          end() {},
        },
      )
      const until = async (done: () => boolean) => {
        while (!done()) await new Promise<void>((resolve) => (wake = resolve))
      }
      const create = { key: b('w/'), rangeEnd: b('w0'), prevKv: true, filters: [rpc.watchFilter.noDelete] }
      stream.send(rpc.watchRequest.encode({ create }))
      await until(() => responses.length === 1)
      expect(responses[0]).toMatchObject({ created: true, watchId: 0 })
      await put(channel, 'w/a', '1')
      await put(channel, 'w/a', '2')
      const deleted = await channel.unary(rpc.methods.deleteRange, rpc.deleteRangeRequest.encode({ key: b('w/a') }), 5_000)
      stream.send(rpc.watchRequest.encode({ progress: {} }))
      await until(() => responses.at(-1)?.watchId === -1)
      expect(responses.at(-1)?.header?.revision).toBe(rpc.deleteRangeResponse.decode(deleted).header?.revision)
      const events = responses.flatMap((each) => each.events)
      expect(events.map(({ kv, prevKv }) => [kv?.value.toString(), prevKv?.value.toString()])).toEqual([
        ['1', undefined],
        ['2', '1'],
      ])
      stream.send(rpc.watchRequest.encode({ cancel: { watchId: 0 } }))
      await until(() => responses.at(-1)?.canceled === true)
      stream.close()
    }))
})

const etcdctlMissing =
  spawnSync('etcdctl', ['version']).status === 0 ? '' : 'etcdctl is not installed (Debian: apt-get install etcd-client)'

describe.skipIf(etcdctlMissing)(`etcdctl ${etcdctlMissing}`, () => {
  it('works on it', async () => {
    const { openEmbeddedStore } = await import('../embedded/embedded.js')
    const { etcdctl: run } = await import('./testdata/etcdctl.js')
    const dir = mkdtempSync(join(tmpdir(), 'quorate-etcdctl-'))
    const clock = realClock()
    const engine = await openEmbeddedStore({ dir: join(dir, 'data'), clock })
    const server = await serveEtcd({
      engine,
      clock,
      address: { host: '127.0.0.1', port: 0 },
      name: 'one',
      advertiseUrls: ['http://here:2379'],
    })
    // Without a scheme: etcdctl 3.4 sends it as part of :authority to members it asks one by one, which node's HTTP/2 refuses.
    const etcdctl = (args: string[], input?: string) => run(`127.0.0.1:${server.port}`, args, input)
    try {
      expect(await etcdctl(['put', 'foo', 'bar'])).toBe('OK\n')
      expect(await etcdctl(['get', 'foo'])).toBe('foo\nbar\n')
      expect(await etcdctl(['put', 'foo', 'baz', '--prev-kv'])).toBe('OK\nfoo\nbar\n')
      expect(await etcdctl(['get', '', '--prefix', '--keys-only'])).toBe('foo\n\n')
      expect(await etcdctl(['txn'], 'value("foo") = "baz"\n\nput foo qux\nget foo\n\nget nothing\n\n')).toContain(
        'SUCCESS\n\nOK\n\nfoo\nqux\n',
      )
      const granted = await etcdctl(['lease', 'grant', '100'])
      const id = /lease ([0-9a-f]+) granted with TTL\(100s\)/.exec(granted)?.[1] ?? ''
      expect(await etcdctl(['put', 'leased', 'x', `--lease=${id}`])).toBe('OK\n')
      expect(await etcdctl(['lease', 'timetolive', id, '--keys'])).toContain('attached keys([leased])')
      expect(await etcdctl(['lease', 'keep-alive', id, '--once'])).toContain('keepalived with TTL(100)')
      expect(await etcdctl(['lease', 'list'])).toContain(id)
      await etcdctl(['lease', 'revoke', id])
      expect(await etcdctl(['get', 'leased'])).toBe('')
      expect(await etcdctl(['del', 'foo'])).toBe('1\n')
      expect(await etcdctl(['endpoint', 'status'])).toContain('3.5.21')
      expect(await etcdctl(['endpoint', 'health'])).not.toContain('unhealthy')
      expect(await etcdctl(['endpoint', 'hashkv'])).toMatch(/, \d+\n$/)
      expect(await etcdctl(['member', 'list'])).toContain('one, , http://here:2379')
      expect(await etcdctl(['alarm', 'list'])).toBe('')
      expect(await etcdctl(['defrag'])).toContain('Finished defragmenting')
      expect(await etcdctl(['watch', 'foo', '--rev=2', '--', 'sh', '-c', 'echo "$ETCD_WATCH_VALUE"; kill $PPID'])).toContain('bar')
      const file = join(dir, 'saved.db')
      expect(await etcdctl(['snapshot', 'save', file])).toContain('Snapshot saved')
      expect(statSync(file).size % 512).toBe(32)
      expect(await etcdctl(['compaction', '4'])).toContain('compacted revision 4')
      expect(await etcdctl(['get', 'foo', '--rev=2'])).toContain('etcdserver: mvcc: required revision has been compacted')
    } finally {
      await server.close()
      await engine.close()
      rmSync(dir, { recursive: true, force: true })
    }
  })
})
