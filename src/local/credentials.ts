/** Writes a cluster's certificates and kubeconfigs: the authorities once, and for every node what kubeadm would put there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLeaf } from '../pki/certificates.js'
import {
  apiServerFiles,
  type ClusterPki,
  createClusterPki,
  etcdClientFiles,
  etcdMemberFiles,
  type PkiFiles,
  sharedFiles,
} from '../pki/cluster-pki.js'
import { createKubeconfig, type Kubeconfig, kubeconfigText } from '../pki/kubeconfig.js'
import type { ClusterState, ControlPlane, EtcdMember } from './cluster-state.js'
import { makeDirectory, writeFileWhole } from '../base/node/files.js'
import { fleetFiles } from './fleet-nodes.js'
import { serviceIp } from './manifests.js'
import type { ClusterPaths } from './paths.js'

export interface Credentials {
  readonly state: ClusterState
  readonly paths: ClusterPaths
  readonly pki: ClusterPki
  readonly nowMs: number
}

/** The authorities of a new cluster, on disk. */
export async function createAuthorities(paths: ClusterPaths, nowMs: number): Promise<ClusterPki> {
  const pki = await createClusterPki(nowMs)
  writeFiles(paths.pki, sharedFiles(pki))
  return pki
}

/** The authorities of a cluster that exists. */
export function readAuthorities({ pki: dir }: ClusterPaths): ClusterPki {
  const read = (file: string) => readFileSync(join(dir, file), 'utf8')
  const pair = (name: string) => ({ cert: read(`${name}.crt`), key: read(`${name}.key`) })
  return {
    ca: pair('ca'),
    frontProxyCa: pair('front-proxy-ca'),
    etcdCa: pair('etcd/ca'),
    serviceAccount: { key: read('sa.key'), publicKey: read('sa.pub') },
  }
}

/** Where people and the fleet reach the API: the load balancer. */
export function apiUrl({ apiPort }: ClusterState): string {
  return `https://127.0.0.1:${apiPort}`
}

export interface AdminConfigs {
  /** As merged into the kubeconfig of the user: named after the cluster. */
  readonly user: Kubeconfig
  readonly admin: Kubeconfig
  readonly superAdmin: Kubeconfig
}

export async function createAdminConfigs({ state, pki, nowMs }: Credentials): Promise<AdminConfigs> {
  const common = { ca: pki.ca, server: apiUrl(state), nowMs }
  const [admin, superAdmin] = await Promise.all([
    createKubeconfig({ ...common, user: 'kubernetes-admin', groups: ['kubeadm:cluster-admins'] }),
    createKubeconfig({ ...common, user: 'kubernetes-super-admin', groups: ['system:masters'] }),
  ])
  return { admin, superAdmin, user: renamed(admin, contextName(state.name)) }
}

export function contextName(cluster: string): string {
  return `quorate-${cluster}`
}

/** The same credentials with cluster, user and context of one name, so that kubeconfigs of many clusters can be one file. */
function renamed(config: Kubeconfig, name: string): Kubeconfig {
  return {
    ...config,
    clusters: config.clusters.map((entry) => ({ ...entry, name })),
    users: config.users.map((entry) => ({ ...entry, name })),
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  }
}

/** Certificates and kubeconfigs of one control plane, below its etc/kubernetes. */
export async function writeControlPlaneCredentials(
  credentials: Credentials,
  controlPlane: ControlPlane,
  { admin, superAdmin }: AdminConfigs,
): Promise<void> {
  const { state, paths, pki, nowMs } = credentials
  const { name, address, ports } = controlPlane
  const dir = join(paths.node(name), 'etc/kubernetes')
  const names = { nodeName: name, ipAddresses: [address, '127.0.0.1'], serviceIp }
  const common = { ca: pki.ca, server: `https://${address}:${ports.apiServer}`, nowMs }
  const [apiServer, etcdClient, etcdMember, controllerManager, scheduler, kubelet] = await Promise.all([
    apiServerFiles(pki, names, nowMs),
    state.store === 'embedded' ? {} : etcdClientFiles(pki, nowMs),
    state.store === 'stacked' ? etcdMemberFiles(pki, { nodeName: name, ipAddresses: [address] }, nowMs) : {},
    createKubeconfig({ ...common, user: 'system:kube-controller-manager' }),
    createKubeconfig({ ...common, user: 'system:kube-scheduler' }),
    createKubeconfig({ ...common, user: `system:node:${name}`, groups: ['system:nodes'] }),
  ])
  writeFiles(join(dir, 'pki'), { ...sharedFiles(pki), ...apiServer, ...etcdClient, ...etcdMember })
  const kubeconfigs = {
    'admin.conf': admin,
    'super-admin.conf': superAdmin,
    'controller-manager.conf': controllerManager,
    'scheduler.conf': scheduler,
    'kubelet.conf': kubelet,
  }
  for (const [file, config] of Object.entries(kubeconfigs)) writeFileWhole(join(dir, file), kubeconfigText(config))
}

/**
 * What the fleet needs: a kubeconfig by which it acts for every simulated node, and the certificate of its kubelet server. The file is
 * its owner's alone, like the super-admin's beside it.
 */
export async function writeFleetCredentials({ state, paths, pki, nowMs }: Credentials): Promise<void> {
  const files = fleetFiles(paths)
  const [config, serving] = await Promise.all([
    createKubeconfig({ ca: pki.ca, server: apiUrl(state), user: 'quorate:fleet', groups: ['system:masters'], nowMs }),
    createLeaf(pki.ca, { commonName: 'quorate:fleet', usages: ['server'], dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'], nowMs }),
  ])
  writeFileWhole(files.kubeconfig, kubeconfigText(config))
  writeFileWhole(files.cert, serving.cert)
  writeFileWhole(files.key, serving.key)
}

/** Certificates of a member of an external etcd. */
export async function writeEtcdMemberCredentials({ paths, pki, nowMs }: Credentials, { name }: EtcdMember): Promise<void> {
  const dir = join(paths.node(name), 'etc/kubernetes/pki')
  const files = await etcdMemberFiles(pki, { nodeName: name, ipAddresses: [] }, nowMs)
  writeFiles(dir, { 'etcd/ca.crt': pki.etcdCa.cert, ...files })
}

function writeFiles(dir: string, files: PkiFiles): void {
  makeDirectory(dir)
  for (const [file, text] of Object.entries(files)) writeFileWhole(join(dir, file), text)
}
