/** Helm, compiled here from its released module, installs, upgrades, rolls back and removes a chart. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestCluster, upCluster } from '../cluster.js'
import { isOnPath, must } from '../programs.js'

const module = fileURLToPath(new URL('helm', import.meta.url))
/** Compiling Helm on a cold cache takes minutes on two cores. */
const timeoutMs = 10 * 60_000

const chart: Readonly<Record<string, string>> = {
  'Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'values.yaml': 'replicas: 2\n',
  'templates/web.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "example.com/web:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: "{{ .Release.Name }}"}
spec: {selector: {app: web}, ports: [{port: 80}]}
`,
  'templates/hook.yaml': `apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ .Release.Name }}-hook"
  annotations: {helm.sh/hook: "post-install", helm.sh/hook-delete-policy: hook-succeeded}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: main, image: "example.com/hook:1"}]}
`,
}

describe.skipIf(!isOnPath('go'))('Helm (skipped where go is not on the PATH to compile it)', () => {
  let cluster: TestCluster
  const dir = mkdtempSync(join(tmpdir(), 'quorate-helm-'))
  const program = join(dir, 'helm')
  beforeAll(async () => {
    for (const [file, text] of Object.entries(chart)) {
      mkdirSync(join(dir, 'web', file, '..'), { recursive: true })
      writeFileSync(join(dir, 'web', file), text)
    }
    await must('go', ['build', '-o', program, 'helm.sh/helm/v3/cmd/helm'], { cwd: module, timeoutMs })
    cluster = await upCluster('helm')
  }, timeoutMs)
  afterAll(async () => {
    await cluster?.remove()
    rmSync(dir, { recursive: true, force: true })
  })

  it('installs with a hook, upgrades, rolls back and uninstalls', async () => {
    const helm = (...args: string[]) => must(program, args, { env: { KUBECONFIG: cluster.kubeconfig, HOME: dir }, timeoutMs: 120_000 })
    const chartDir = join(dir, 'web')
    await helm('install', 'mine', chartDir, '--wait', '--timeout=60s')
    await helm('upgrade', 'mine', chartDir, '--set=replicas=3', '--wait', '--timeout=60s')
    expect(await cluster.kubectl('get', 'deployment', 'mine', '-o', 'jsonpath={.status.readyReplicas}')).toBe('3')
    await helm('rollback', 'mine', '1', '--wait', '--timeout=60s')
    expect(await cluster.kubectl('get', 'deployment', 'mine', '-o', 'jsonpath={.spec.replicas}')).toBe('2')
    expect(JSON.parse(await helm('history', 'mine', '-o', 'json'))).toHaveLength(3)
    await helm('uninstall', 'mine', '--wait', '--timeout=60s')
    expect(await cluster.kubectl('get', 'deployments,services', '-o', 'name')).toBe('service/kubernetes\n')
  }, 240_000)
})
