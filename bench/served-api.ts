/** One API server with its store in a process of its own, on a disk; and the pods that benchmarks give it: some 5 KB as stored. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSigningKey } from '../src/pki/certificates.js'
import { Caller } from './http2-caller.js'
import { end, freePort, start, until } from './processes.js'

export const namespace = '/api/v1/namespaces/bench'
export const adminToken = 'admintoken'

export interface ServedApi {
  readonly url: string
  readonly pid: number
  /** As an administrator. */
  readonly caller: Caller
  readonly readyMs: number
}

/** The namespace `bench` and its service account are there. `nodeFlags` are the API server's. */
export async function withServedApi(work: (api: ServedApi) => Promise<void>, nodeFlags: readonly string[] = []): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'quorate-bench-api-'))
  const { key, publicKey } = await createSigningKey()
  writeFileSync(join(dir, 'sa.key'), key, { mode: 0o600 })
  writeFileSync(join(dir, 'sa.pub'), publicKey)
  writeFileSync(join(dir, 'tokens.csv'), `${adminToken},admin,admin-uid,"system:masters"\n`, { mode: 0o600 })
  const port = await freePort()
  const socket = join(dir, 'store.sock')
  const store = start(['etcd', `--data-dir=${join(dir, 'store')}`, `--listen-client-urls=unix://${socket}`])
  const server = start(
    [
      ...['kube-apiserver', `--etcd-servers=unix://${socket}`, `--secure-port=${port}`, '--bind-address=127.0.0.1', `--cert-dir=${dir}`],
      ...[`--token-auth-file=${join(dir, 'tokens.csv')}`, '--authorization-mode=Node,RBAC', '--service-cluster-ip-range=10.96.0.0/12'],
      ...['--service-account-issuer=https://kubernetes.default.svc.cluster.local', `--service-account-key-file=${join(dir, 'sa.pub')}`],
      ...[`--service-account-signing-key-file=${join(dir, 'sa.key')}`],
    ],
    nodeFlags,
  )
  const url = `https://127.0.0.1:${port}`
  try {
    const readyMs = await until('the API server is ready', 20_000, async () => {
      const probe = new Caller(url, adminToken, 1)
      try {
        return (await probe.request('GET', '/readyz')).status === 200
      } finally {
        probe.close()
      }
    })
    const caller = new Caller(url, adminToken)
    const json = (kind: string, name: string) => JSON.stringify({ apiVersion: 'v1', kind, metadata: { name } })
    await caller.request('POST', '/api/v1/namespaces', json('Namespace', 'bench'))
    await caller.request('POST', `${namespace}/serviceaccounts`, json('ServiceAccount', 'default'))
    await work({ url, pid: server.pid as number, caller, readyMs })
    caller.close()
  } finally {
    await end(server)
    await end(store)
    rmSync(dir, { recursive: true, force: true })
  }
}

/** `tick`: an annotation that a write may change. */
export function pod(i: number, tick?: string): string {
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
