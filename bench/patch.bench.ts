/**
 * Writes that change an object: merge patches, server-side applies. One API server with its store in a process of its own; pods are
 * some 3 KB. Beside each rate stands what a request costs the server's processor: that is the figure to compare on a busy machine.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSigningKey } from '../src/pki/certificates.js'
import { Caller } from './http2-caller.js'
import { clock, cpuSeconds, end, figure, freePort, start, until } from './processes.js'

const callers = 64
const objects = 500
const calls = 3_000
const namespace = '/api/v1/namespaces/bench'

function pod(i: number, tick?: string): string {
  const env = Array.from({ length: 12 }, (_, k) => ({ name: `SETTING_${k}`, value: `value-of-setting-${k}-for-pod-${i}` }))
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      name: `pod-${i}`,
      labels: { app: 'bench', shard: `s${i % 20}` },
      annotations: { 'example.com/note': 'n'.repeat(300), ...(tick === undefined ? {} : { 'example.com/tick': tick }) },
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

type Work = (i: number) => Promise<{ status: number }>

async function measure(name: string, count: number, pid: number, work: Work): Promise<void> {
  let next = 0
  const [startedAtMs, cpu] = [clock.monotonic(), cpuSeconds(pid)]
  const caller = async () => {
    while (next < count) {
      const i = next++
      const { status } = await work(i)
      if (status >= 300) throw new Error(`${name}: call ${i} was answered ${status}`)
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  figure(name, count / ((clock.monotonic() - startedAtMs) / 1000), '/s')
  figure(`${name}: processor time`, ((cpuSeconds(pid) - cpu) * 1000) / count, 'ms')
}

async function measureAll(caller: Caller, pid: number): Promise<void> {
  const at = (i: number) => `${namespace}/pods/pod-${i}`
  const patch = (i: number, round: number) => {
    const body = JSON.stringify({ metadata: { annotations: { 'example.com/tick': `${round}-${i}` } } })
    return caller.request('PATCH', at(i % objects), body, 'application/merge-patch+json')
  }
  const apply = (i: number, body: string) =>
    caller.request('PATCH', `${at(i)}?fieldManager=bench&force=true`, body, 'application/apply-patch+yaml')
  await measure('creates', objects, pid, (i) => caller.request('POST', `${namespace}/pods`, pod(i)))
  await measure('creates, warm', calls, pid, (i) => caller.request('POST', `${namespace}/pods`, pod(10_000 + i)))
  await measure('merge patches', calls, pid, (i) => patch(i, 1))
  await measure('merge patches, warm', calls, pid, (i) => patch(i, 2))
  if (process.env.BENCH_WITHOUT_APPLY) return
  await measure('creates by apply', calls, pid, (i) => apply(20_000 + i, pod(20_000 + i, 'a')))
  await measure('applies of a change', calls, pid, (i) => apply(20_000 + i, pod(20_000 + i, 'b')))
  await measure('applies of nothing new', calls, pid, (i) => apply(20_000 + i, pod(20_000 + i, 'b')))
}

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'quorate-bench-patch-'))
  const { key, publicKey } = await createSigningKey()
  writeFileSync(join(dir, 'sa.key'), key, { mode: 0o600 })
  writeFileSync(join(dir, 'sa.pub'), publicKey)
  writeFileSync(join(dir, 'tokens.csv'), 'admintoken,admin,admin-uid,"system:masters"\n', { mode: 0o600 })
  const port = await freePort()
  const socket = join(dir, 'store.sock')
  const store = start(['etcd', `--data-dir=${join(dir, 'store')}`, `--listen-client-urls=unix://${socket}`])
  const flags = process.env.BENCH_NODE_FLAGS?.split(' ') ?? []
  const server = start(
    [
      ...['kube-apiserver', `--etcd-servers=unix://${socket}`, `--secure-port=${port}`, '--bind-address=127.0.0.1', `--cert-dir=${dir}`],
      ...[`--token-auth-file=${join(dir, 'tokens.csv')}`, '--authorization-mode=Node,RBAC', '--service-cluster-ip-range=10.96.0.0/12'],
      ...['--service-account-issuer=https://kubernetes.default.svc.cluster.local', `--service-account-key-file=${join(dir, 'sa.pub')}`],
      ...[`--service-account-signing-key-file=${join(dir, 'sa.key')}`],
    ],
    flags,
  )
  const url = `https://127.0.0.1:${port}`
  try {
    await until('the API server is ready', 20_000, async () => {
      const probe = new Caller(url, 'admintoken', 1)
      try {
        return (await probe.request('GET', '/readyz')).status === 200
      } finally {
        probe.close()
      }
    })
    const caller = new Caller(url, 'admintoken')
    const json = (kind: string, name: string) => JSON.stringify({ apiVersion: 'v1', kind, metadata: { name } })
    await caller.request('POST', '/api/v1/namespaces', json('Namespace', 'bench'))
    await caller.request('POST', `${namespace}/serviceaccounts`, json('ServiceAccount', 'default'))
    await measureAll(caller, server.pid as number)
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
