/**
 * One control plane on a namespace host, and nodes that join it, with as little around them as works: callers are known by tokens, kubelets
 * answer everybody. For tests of nodes; how a real cluster is put together is the deployment tool's.
 *
 *     const cluster = await startControlPlane(host)
 *     await startKubelet(cluster, other, ['--cluster-dns=10.96.0.10'])   // also on the control plane's own host
 *     await cluster.kubectl(['get', 'nodes'])                // runs on the control plane's host; tryKubectl has the exit code
 */
import { join } from 'node:path'
import { vi } from 'vitest'
import { command } from '../cluster.js'
import type { Host } from './host.js'
import type { Service } from './service.js'
import type { RunOptions, RunResult } from './shell.js'

export interface ControlPlane {
  readonly host: Host
  kubectl(args: readonly string[], stdin?: string): Promise<string>
  tryKubectl(args: readonly string[], options?: RunOptions): Promise<RunResult>
}

/** What a fabric has to bind so that its hosts can run this package. */
export const packageDir = join(command, '../..')

export function quorate(...args: string[]): string[] {
  return [process.execPath, command, ...args]
}

export function kubeconfig(server: string, token: string): string {
  return `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'https://${server}:6443', insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: '${token}'}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`
}

const adminConfig = '/etc/kubernetes/admin.conf'

export async function startControlPlane(host: Host, { nodes }: { readonly nodes: readonly string[] }): Promise<ControlPlane> {
  const users = nodes.map((name) => `node-${name},system:node:${name},${name},"system:nodes"`)
  host.write('/etc/kubernetes/tokens.csv', `${['admin,admin,1,"system:masters"', ...users].join('\n')}\n`)
  host.write(adminConfig, kubeconfig(host.ip, 'admin'))
  const etcd = quorate('etcd', '--data-dir=/var/lib/etcd', '--listen-client-urls=unix:///run/etcd.sock')
  await host.service({ name: 'etcd', argv: etcd }).start()
  const flags = ['--etcd-servers=unix:///run/etcd.sock', '--token-auth-file=/etc/kubernetes/tokens.csv', '--authorization-mode=Node,RBAC']
  const network = ['--service-cluster-ip-range=10.96.0.0/12', `--advertise-address=${host.ip}`]
  const ready = async () => (await host.exec(['kubectl', `--kubeconfig=${adminConfig}`, 'get', '--raw', '/readyz'])).code === 0
  await host.service({ name: 'kube-apiserver', argv: quorate('kube-apiserver', ...flags, ...network), ready }).start()
  for (const name of ['kube-controller-manager', 'kube-scheduler'])
    await host.service({ name, argv: quorate(name, `--kubeconfig=${adminConfig}`, '--leader-elect=false') }).start()
  const tryKubectl = (args: readonly string[], options: RunOptions = {}) =>
    host.exec(['kubectl', `--kubeconfig=${adminConfig}`, ...args], options)
  return {
    ...{ host, tryKubectl },
    async kubectl(args, stdin) {
      const { code, stdout, stderr } = await tryKubectl(args, stdin === undefined ? {} : { stdin })
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
      return stdout
    },
  }
}

/** Starts the kubelet of a host and waits until it has registered. */
export async function startKubelet(cluster: ControlPlane, host: Host, more: readonly string[] = []): Promise<Service> {
  host.write('/etc/kubernetes/kubelet.conf', kubeconfig(cluster.host.ip, `node-${host.name}`))
  const flags = [
    ...['--kubeconfig=/etc/kubernetes/kubelet.conf', '--container-runtime-endpoint=unix:///run/containerd/containerd.sock'],
    ...['--anonymous-auth=true', '--authorization-mode=AlwaysAllow', '--pod-manifest-path=/etc/kubernetes/manifests', ...more],
  ]
  const kubelet = host.service({ name: 'kubelet', argv: quorate('kubelet', ...flags) })
  await kubelet.start()
  await vi.waitFor(() => cluster.kubectl(['get', 'node', host.name]), { timeout: 20_000, interval: 200 })
  return kubelet
}
