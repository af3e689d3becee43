/**
 * A control plane of real components in this process (store, API server, controller manager with the accounts of its controllers,
 * scheduler, simulated nodes), each with upstream's flags, on loopback ports. For tests that talk to it as any client would.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunningComponent } from '../../src/base/component.js'
import type { Logger } from '../../src/base/logger.js'
import { realRandom } from '../../src/base/random.js'
import { realClock } from '../../src/base/real-clock.js'
import type { HostedDeps } from '../../src/node/components/component.js'
import { componentMain } from '../../src/node/components/mains.js'
import { byAddress } from '../../src/node/machine/by-address.js'
import { createLeaf } from '../../src/pki/certificates.js'
import { apiServerFiles, createClusterPki, sharedFiles } from '../../src/pki/cluster-pki.js'
import { createKubeconfig, kubeconfigText } from '../../src/pki/kubeconfig.js'

export interface ConvergeCluster {
  readonly url: string
  readonly token: string
  stop(): Promise<void>
}

const token = 'admintoken'

export async function startConvergeCluster(logger: Logger): Promise<ConvergeCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-converge-'))
  const clock = realClock()
  const nowMs = clock.now()
  const deps: HostedDeps = { clock, random: realRandom(), logger, resolvePath: (path) => path, hostedApiServers: byAddress() }
  const [apiPort, managerPort, schedulerPort] = await freePorts(3)
  const pki = await createClusterPki(nowMs)
  const names = { nodeName: 'test', ipAddresses: ['127.0.0.1'], serviceIp: '10.96.0.1' }
  const serving = await createLeaf(pki.ca, { commonName: 'kube-apiserver', usages: ['server'], ipAddresses: ['127.0.0.1'], nowMs })
  const write = (name: string, text: string) => {
    const file = join(folder, name)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, text)
    return file
  }
  for (const [name, pem] of Object.entries({ ...sharedFiles(pki), ...(await apiServerFiles(pki, names, nowMs)) })) write(`pki/${name}`, pem)
  write('pki/serving.crt', serving.cert)
  write('pki/serving.key', serving.key)
  write('tokens.csv', `${token},admin,admin-uid,"system:masters"\n`)
  const kubeconfig = async (user: string, groups: readonly string[] = []) => {
    const config = await createKubeconfig({ ca: pki.ca, server: `https://127.0.0.1:${apiPort}`, user, groups, nowMs })
    return write(`${user.replaceAll(':', '-')}.conf`, kubeconfigText(config))
  }

  const components: RunningComponent[] = []
  const start = async (name: string, ...flags: string[]) => {
    const main = await componentMain(name)
    if (!main) throw new Error(`no component ${name}`)
    const component = main.start(flags, { ...deps, logger: logger.child({ component: name }) })
    components.unshift(component)
    await component.ready
  }
  const pem = (name: string) => join(folder, 'pki', name)
  const store = `unix://${join(folder, 'store.sock')}`
  await start('etcd', `--data-dir=${join(folder, 'store')}`, `--listen-client-urls=${store}`)
  await start(
    'kube-apiserver',
    ...[`--etcd-servers=${store}`, `--secure-port=${apiPort}`, '--bind-address=127.0.0.1', `--client-ca-file=${pem('ca.crt')}`],
    ...[
      `--tls-cert-file=${pem('serving.crt')}`,
      `--tls-private-key-file=${pem('serving.key')}`,
      `--token-auth-file=${join(folder, 'tokens.csv')}`,
    ],
    ...['--authorization-mode=Node,RBAC', '--service-cluster-ip-range=10.96.0.0/12', '--allow-privileged=true'],
    ...['--enable-admission-plugins=NodeRestriction', '--enable-bootstrap-token-auth=true'],
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    ...[`--service-account-key-file=${pem('sa.pub')}`, `--service-account-signing-key-file=${pem('sa.key')}`],
  )
  const manager = await kubeconfig('system:kube-controller-manager')
  await start(
    'kube-controller-manager',
    ...[`--kubeconfig=${manager}`, `--secure-port=${managerPort}`, '--bind-address=127.0.0.1', '--use-service-account-credentials=true'],
    ...['--controllers=*,bootstrapsigner,tokencleaner', '--allocate-node-cidrs=true', '--cluster-cidr=10.244.0.0/16'],
    ...[`--cluster-signing-cert-file=${pem('ca.crt')}`, `--cluster-signing-key-file=${pem('ca.key')}`, `--root-ca-file=${pem('ca.crt')}`],
    ...[`--service-account-private-key-file=${pem('sa.key')}`, '--service-cluster-ip-range=10.96.0.0/12', '--leader-elect=false'],
  )
  const scheduler = await kubeconfig('system:kube-scheduler')
  await start(
    'kube-scheduler',
    `--kubeconfig=${scheduler}`,
    `--secure-port=${schedulerPort}`,
    '--bind-address=127.0.0.1',
    '--leader-elect=false',
  )
  await start('fleet', `--kubeconfig=${await kubeconfig('quorate:fleet', ['system:masters'])}`, '--port=0')
  return {
    url: `https://127.0.0.1:${apiPort}`,
    token,
    async stop() {
      for (const component of components) await component.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Held until all are known, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
