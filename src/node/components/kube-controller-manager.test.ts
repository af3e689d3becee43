import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.js'
import type { Lease } from '../../api/types/coordination-v1.js'
import type { RunningComponent } from '../../base/component.js'
import { silentLogger } from '../../base/logger.js'
import { realRandom } from '../../base/random.js'
import { realClock } from '../../base/real-clock.js'
import { type ServedApi, serveTestApi } from '../../client/https/testdata/served.js'
import { httpsTransport, type TlsOptions } from '../../client/https/transport.js'
import { resources } from '../../client/resources.js'
import { createKubeconfig, kubeconfigText } from '../../pki/kubeconfig.js'
import { FlagError } from '../flags/flags.js'
import type { HostedDeps } from './component.js'
import { kubeControllerManager } from './kube-controller-manager.js'

const clock = realClock()
const deps: HostedDeps = { clock, random: realRandom(), logger: silentLogger, resolvePath: (path) => path }

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('kube-controller-manager', () => {
  let served: ServedApi
  let folder: string
  let kubeconfig: string
  const started: RunningComponent[] = []
  beforeAll(async () => {
    served = await serveTestApi()
    folder = mkdtempSync(join(tmpdir(), 'quorate-kcm-'))
    kubeconfig = join(folder, 'controller-manager.conf')
    const server = `https://127.0.0.1:${served.port}`
    const config = await createKubeconfig({ ca: served.ca, server, user: 'system:kube-controller-manager', nowMs: clock.now() })
    writeFileSync(kubeconfig, kubeconfigText(config))
    writeFileSync(join(folder, 'ca.crt'), served.ca.cert)
  })
  afterEach(async () => {
    for (const component of started.splice(0)) await component.stop({ crash: true })
  })
  afterAll(async () => {
    await served.stop()
    rmSync(folder, { recursive: true })
  })

  const start = async (...flags: string[]) => {
    const port = await freePort()
    const own = [`--kubeconfig=${kubeconfig}`, '--bind-address=127.0.0.1', `--secure-port=${port}`, `--client-ca-file=${folder}/ca.crt`]
    const component = kubeControllerManager.start([...own, ...flags], deps)
    started.push(component)
    await component.ready
    return { component, port }
  }
  const ask = async (port: number, path: string, tls: TlsOptions = {}) => {
    const transport = httpsTransport({ url: `https://127.0.0.1:${port}`, tls: { ...tls, insecureSkipVerify: true }, clock })
    const { status, body } = await transport.request({ method: 'GET', path })
    await transport.close()
    return { status, text: Buffer.from(body).toString() }
  }
  const until = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 15_000, interval: 20 })
  const lease = (name = 'kube-controller-manager') => served.api.client.resource<Lease>(resources.leases).get('kube-system', name)

  it("takes the flags of kubeadm's manifest", async () => {
    const manifest = readFileSync(new URL('./testdata/kubeadm-controller-manager-flags.txt', import.meta.url), 'utf8')
    const flags = manifest.trim().split('\n')
    expect(() => kubeControllerManager.start(flags, { ...deps, resolvePath: () => '/none' }).ready.catch(() => undefined)).not.toThrow()
  })

  it.each([
    [['--controllers=*,tpyo'], /tpyo not known/],
    [['--controllers=*,selinux-warning-controller'], /selinux-warning-controller known to .* not implemented/],
    [['--kube-api-qps=5'], /--kube-api-qps is known to kube-controller-manager but not implemented/],
    [['--kubeconfig='], /--kubeconfig must be specified/],
    [['--leader-elect-renew-deadline=20s'], /must be greater than --leader-elect-renew-deadline/],
  ])('refuses %s', (flags, message) => {
    const all = [`--kubeconfig=${kubeconfig}`, '--secure-port=0', ...flags]
    expect(() => kubeControllerManager.start(all, deps)).toThrow(FlagError)
    expect(() => kubeControllerManager.start(all, deps)).toThrow(message)
  })

  it('leads, acts with the accounts of its controllers, shows its metrics, and releases the lease at an orderly stop', async () => {
    const { component, port } = await start('--use-service-account-credentials=true', '--concurrent-deployment-syncs=7')
    await until(async () => expect((await lease()).spec?.holderIdentity).toMatch(/_/))
    const labels = { app: 'web' }
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } }
    const deployments = served.api.client.resource<Deployment>(resources.deployments)
    await deployments.create({
      metadata: { name: 'web', namespace: 'default' },
      spec: { replicas: 2, selector: { matchLabels: labels }, template },
    })
    const sets = served.api.client.resource<ReplicaSet>(resources.replicaSets)
    const set = await until(async () => {
      const [found] = (await sets.list({ namespace: 'default' })).items
      expect(found?.status?.replicas).toBe(2)
      return found
    })
    expect(set?.metadata.managedFields?.map(({ manager }) => manager) ?? ['kube-controller-manager']).toContain('kube-controller-manager')
    expect(await ask(port, '/healthz')).toEqual({ status: 200, text: 'ok' })
    expect((await ask(port, '/metrics')).status).toBe(403)
    const metrics = (await ask(port, '/metrics', served.admin)).text
    expect(metrics).toContain('leader_election_master_status{name="kube-controller-manager"} 1')
    expect(metrics).toMatch(/workqueue_adds_total\{name="deployment-controller"\} [1-9]/)
    expect(metrics).toMatch(/rest_client_requests_total\{code="200",host="127\.0\.0\.1:\d+",method="GET"\} [1-9]/)
    await component.stop()
    expect((await lease()).spec?.holderIdentity ?? '').toBe('')
  })

  it('ends when it cannot renew its lease', async () => {
    const { component, port } = await start(
      '--leader-elect-resource-name=short',
      '--leader-elect-lease-duration=2s',
      '--leader-elect-renew-deadline=1s',
      '--leader-elect-retry-period=300ms',
    )
    // Once it knows itself: the lease names it a moment before, and an answer that is cut would leave it a candidate.
    const leads = 'leader_election_master_status{name="short"} 1'
    await until(async () => expect((await ask(port, '/metrics', served.admin)).text).toContain(leads))
    served.accept(false)
    served.cut()
    await expect(component.done).rejects.toThrow('leader election lost')
    served.accept(true)
  })

  it('says that its port is taken', async () => {
    const { port } = await start()
    const second = kubeControllerManager.start([`--kubeconfig=${kubeconfig}`, '--bind-address=127.0.0.1', `--secure-port=${port}`], deps)
    await expect(second.ready).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`)
  })
})
