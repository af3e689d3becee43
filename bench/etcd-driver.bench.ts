/**
 * The etcd driver in the API server's pattern: creates and updates of 5 KB objects by 64 callers with a watch open, reads of one
 * object, pages of a list. Against real etcd (one member, when it is installed) and against `quorate etcd`'s own server.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '../src/base/logger.js'
import { realClock } from '../src/base/real-clock.js'
import { openEtcdStore } from '../src/storage/etcd/etcd.js'
import type { Store } from '../src/storage/store.js'

const clock = realClock()
const callers = 64
const value = new Uint8Array(5_000).fill(120)

async function perSecond(count: number, work: (i: number) => Promise<unknown>): Promise<number> {
  let next = 0
  const startedAtMs = clock.monotonic()
  const caller = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return Math.round(count / ((clock.monotonic() - startedAtMs) / 1000))
}

async function measure(name: string, store: Store): Promise<void> {
  await store.ping()
  const ending = new AbortController()
  let seen = 0
  const from = (await store.revision()) + 1
  const watching = (async () => {
    for await (const { events } of store.watch('/registry/pods/', { from, signal: ending.signal })) seen += events.length
  })()
  const revisions: number[] = []
  const creates = await perSecond(6_000, async (i) => {
    const result = await store.commit({ key: `/registry/pods/default/pod-${i}`, expect: 'absent', value })
    revisions[i] = result.revision
  })
  const updates = await perSecond(6_000, (i) =>
    store.commit({ key: `/registry/pods/default/pod-${i}`, expect: revisions[i] as number, value }),
  )
  const reads = await perSecond(10_000, (i) => store.get(`/registry/pods/default/pod-${i % 6_000}`))
  const startedAtMs = clock.monotonic()
  const { entries } = await store.range('/registry/pods/')
  const listMs = Math.round(clock.monotonic() - startedAtMs)
  const deadline = clock.monotonic() + 5_000
  while (seen < 12_000 && clock.monotonic() < deadline) await clock.sleep(5)
  ending.abort()
  await watching
  console.log(`${name}: creates by ${callers} callers ${creates} /s`)
  console.log(`${name}: updates by ${callers} callers ${updates} /s`)
  console.log(`${name}: linearizable reads by ${callers} callers ${reads} /s`)
  console.log(`${name}: list of ${entries.length} objects ${listMs} ms, watched events ${seen}`)
}

async function realEtcd(): Promise<void> {
  if (spawnSync('etcd', ['--version']).status !== 0) return console.log('real etcd: not measured, etcd is not installed')
  const dir = mkdtempSync(join(tmpdir(), 'quorate-bench-etcd-'))
  const client = 'http://127.0.0.1:32379'
  const peer = 'http://127.0.0.1:32380'
  const etcd = spawn(
    'etcd',
    [
      ...[`--data-dir=${dir}`, `--listen-client-urls=${client}`, `--advertise-client-urls=${client}`, `--listen-peer-urls=${peer}`],
      ...[`--initial-advertise-peer-urls=${peer}`, `--initial-cluster=default=${peer}`, '--log-level=error'],
    ],
    { stdio: 'ignore' },
  )
  const store = openEtcdStore({ endpoints: [client], clock, logger: silentLogger })
  try {
    await measure('real etcd', store)
  } finally {
    await store.close()
    etcd.kill('SIGKILL')
    await new Promise((resolve) => etcd.once('exit', resolve))
    rmSync(dir, { recursive: true, force: true })
  }
}

/** `quorate etcd`, from the built package, as a process of its own. */
async function ownEtcd(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'quorate-bench-etcd-'))
  const url = 'http://127.0.0.1:32381'
  const own = spawn(process.execPath, ['bin/quorate.js', 'etcd', `--data-dir=${dir}`, `--listen-client-urls=${url}`], { stdio: 'ignore' })
  const store = openEtcdStore({ endpoints: [url], clock, logger: silentLogger })
  try {
    await measure('quorate etcd', store)
  } finally {
    await store.close()
    own.kill('SIGTERM')
    if (own.exitCode === null) await new Promise((resolve) => own.once('exit', resolve))
    rmSync(dir, { recursive: true, force: true })
  }
}

async function main(): Promise<void> {
  await realEtcd()
  await ownEtcd()
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
