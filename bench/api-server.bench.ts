/**
 * One API server with its store in a process of its own, on a disk, and callers on the same machine: creates, reads, lists, watches.
 * Pods are some 5 KB as stored. The figures in brackets are kube-apiserver v1.36 with etcd 3.6 under the same work.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSigningKey } from '../src/pki/certificates.js'
import { Caller } from './http2-caller.js'
import { clock, end, figure, freePort, median, rssMiB, start, until } from './processes.js'

const pods = 5_000
const callers = 64
const namespace = '/api/v1/namespaces/bench'

function pod(i: number): string {
  const env = Array.from({ length: 12 }, (_, k) => ({ name: `SETTING_${k}`, value: `value-of-setting-${k}-for-pod-${i}` }))
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      name: `pod-${i}`,
      labels: { app: 'bench', shard: `s${i % 20}` },
      annotations: { 'example.com/note': 'n'.repeat(300) },
    },
    spec: {
      nodeName: `node-${i % 100}`,
      containers: [
        {
          ...{ name: 'main', image: 'registry.example.com/team/app:v1.2.3', env },
          ports: [{ containerPort: 8080, name: 'http' }],
          resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
          readinessProbe: { httpGet: { path: '/readyz', port: 'http' } },
        },
      ],
    },
  })
}

async function perSecond(count: number, width: number, work: (i: number) => Promise<{ status: number }>): Promise<number> {
  let next = 0
  const startedAtMs = clock.monotonic()
  const caller = async () => {
    while (next < count) {
      const i = next++
      const { status } = await work(i)
      if (status >= 300) throw new Error(`call ${i} was answered ${status}`)
    }
  }
  await Promise.all(Array.from({ length: width }, caller))
  return count / ((clock.monotonic() - startedAtMs) / 1000)
}

async function measure(caller: Caller, url: string, pid: number): Promise<void> {
  const create = (i: number) => caller.request('POST', `${namespace}/pods`, pod(i))
  const get = (query: string) => () => caller.request('GET', `${namespace}/pods${query}`)
  figure('creates by 1 caller', await perSecond(300, 1, (i) => create(900_000 + i)), '/s', 357)
  figure(`creates by ${callers} callers`, await perSecond(pods, callers, create), '/s', 1_022)
  figure(`reads by ${callers} callers`, await perSecond(pods * 3, callers, (i) => get(`/pod-${i % pods}`)()), '/s', 3_341)
  const rounds = async (query: string) => {
    const rates: number[] = []
    for (let round = 0; round < 10; round++) rates.push(await perSecond(1, 1, get(query)))
    return median(rates)
  }
  figure('lists of all pods from the cache', await rounds('?resourceVersion=0'), '/s', 3)
  figure('lists of a label (250 pods)', await rounds('?labelSelector=shard%3Ds3'), '/s', 42)
  await fanOut(caller, url)
  figure('memory of the API server', rssMiB(pid), 'MiB', 790)
}

async function fanOut(caller: Caller, url: string): Promise<void> {
  const watchers = 50
  const changes = 1_000
  const { body } = await caller.request('GET', `${namespace}/pods?limit=1`)
  const { resourceVersion } = (JSON.parse(body.toString()) as { metadata: { resourceVersion: string } }).metadata
  const watching = new Caller(url, 'admintoken', watchers)
  let events = 0
  const path = `${namespace}/pods?watch=1&resourceVersion=${resourceVersion}`
  await Promise.all(
    Array.from({ length: watchers }, () =>
      watching.watch(path, (count) => {
        events += count
      }),
    ),
  )
  const startedAtMs = clock.monotonic()
  await perSecond(changes, callers, (i) => {
    const patch = JSON.stringify({ metadata: { annotations: { 'example.com/tick': String(i) } } })
    return caller.request('PATCH', `${namespace}/pods/pod-${i}`, patch, 'application/merge-patch+json')
  })
  await until('every watcher has every event', 30_000, async () => events >= watchers * changes)
  figure(`watch fan-out to ${watchers} watchers`, events / ((clock.monotonic() - startedAtMs) / 1000), 'events/s', 21_840)
  watching.close()
}

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'quorate-bench-api-'))
  const { key, publicKey } = await createSigningKey()
  writeFileSync(join(dir, 'sa.key'), key, { mode: 0o600 })
  writeFileSync(join(dir, 'sa.pub'), publicKey)
  writeFileSync(join(dir, 'tokens.csv'), 'admintoken,admin,admin-uid,"system:masters"\n', { mode: 0o600 })
  const port = await freePort()
  const socket = join(dir, 'store.sock')
  const store = start(['etcd', `--data-dir=${join(dir, 'store')}`, `--listen-client-urls=unix://${socket}`])
  const server = start([
    ...['kube-apiserver', `--etcd-servers=unix://${socket}`, `--secure-port=${port}`, '--bind-address=127.0.0.1', `--cert-dir=${dir}`],
    ...[`--token-auth-file=${join(dir, 'tokens.csv')}`, '--authorization-mode=Node,RBAC', '--service-cluster-ip-range=10.96.0.0/12'],
    ...['--service-account-issuer=https://kubernetes.default.svc.cluster.local', `--service-account-key-file=${join(dir, 'sa.pub')}`],
    ...[`--service-account-signing-key-file=${join(dir, 'sa.key')}`],
  ])
  const url = `https://127.0.0.1:${port}`
  try {
    const readyMs = await until('the API server is ready', 20_000, async () => {
      const probe = new Caller(url, 'admintoken', 1)
      try {
        return (await probe.request('GET', '/readyz')).status === 200
      } finally {
        probe.close()
      }
    })
    figure('API server ready after', readyMs, 'ms')
    const caller = new Caller(url, 'admintoken')
    const json = (kind: string, name: string) => JSON.stringify({ apiVersion: 'v1', kind, metadata: { name } })
    await caller.request('POST', '/api/v1/namespaces', json('Namespace', 'bench'))
    await caller.request('POST', `${namespace}/serviceaccounts`, json('ServiceAccount', 'default'))
    await measure(caller, url, server.pid as number)
    caller.close()
  } finally {
    await end(server)
    await end(store)
    rmSync(dir, { recursive: true, force: true })
  }
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
