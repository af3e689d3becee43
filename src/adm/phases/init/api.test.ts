import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { ConfigMap, Node, Secret } from '../../../api/types/core-v1.js'
import type { Role } from '../../../api/types/rbac-v1.js'
import { resources } from '../../../client/resources.js'
import { testApiServer, type TestApiServer } from '../../../client/testdata/api-server.js'
import { VirtualClock } from '../../../base/virtual-clock.js'
import type { KubeletService } from '../../service/kubelet-service.js'
import { loadInit } from '../../config/load.js'
import { nodeFiles } from '../../machine/node-files.js'
import { tokenOf } from '../../objects/bootstrap-token.js'
import { writeShared } from '../../objects/kubeadm-certs.js'
import { runPhases } from '../phase.js'
import { certsPhase } from './certs.js'
import { bootstrapTokenPhase, markControlPlanePhase } from './cluster.js'
import type { InitContext } from './context.js'
import { uploadCertsPhase, uploadConfigPhase } from './upload.js'

const nowMs = Date.UTC(2026, 0, 1)
const text = `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
encryptionAlgorithm: ECDSA-P256
controlPlaneEndpoint: api.example:6443
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: [{ token: abcdef.0123456789abcdef, ttl: 1h0m0s }]
`
const roots: string[] = []
let api: TestApiServer
beforeEach(async () => {
  api = await testApiServer()
  for (const name of ['kube-system', 'kube-public'])
    await api.client
      .resource(resources.namespaces)
      .create({ metadata: { name } })
      .catch(() => undefined)
})
afterEach(async () => {
  await api.stop()
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

async function context(): Promise<InitContext> {
  const root = mkdtempSync(join(tmpdir(), 'quorate-adm-'))
  roots.push(root)
  const { init, cluster } = loadInit({ text, name: 'config.yaml' }, { hostname: 'cp-1', address: '192.168.50.11' })
  const made: InitContext = {
    ...{ init, cluster, files: nodeFiles(root), nowMs, uploadCerts: true, say: () => undefined },
    ...{ clock: new VirtualClock(), hostname: 'cp-1', service: {} as KubeletService, ignoredErrors: [] },
    etcdVersion: () => ({ text: '3.6.8', major: 3, minor: 6, patch: 8 }),
    client: async () => api.client,
  }
  await runPhases([certsPhase], made)
  return made
}

const get = <T extends { metadata: object }>(of: (typeof resources)[keyof typeof resources], namespace: string, name: string) =>
  api.client.resource<T & Secret>(of).get(namespace, name) as Promise<unknown> as Promise<T>

describe('phases of init that speak with the API', () => {
  it('publish the configuration for those who join, and for nobody else', async () => {
    const made = await context()
    await runPhases([uploadConfigPhase], made)
    // Run again, they bring what is there to what it should be.
    await runPhases([uploadConfigPhase], made)
    const { data } = await get<ConfigMap>(resources.configMaps, 'kube-system', 'kubeadm-config')
    expect(parse(data?.ClusterConfiguration ?? '')).toMatchObject({
      kind: 'ClusterConfiguration',
      controlPlaneEndpoint: 'api.example:6443',
    })
    const kubelet = await get<ConfigMap>(resources.configMaps, 'kube-system', 'kubelet-config')
    expect(parse(kubelet.data?.kubelet ?? '')).toMatchObject({ clusterDNS: ['10.96.0.10'], staticPodPath: '/etc/kubernetes/manifests' })
    const { rules } = await get<Role>(resources.roles, 'kube-system', 'kubeadm:nodes-kubeadm-config')
    expect(rules).toEqual([{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['kubeadm-config'], verbs: ['get'] }])
  })

  it('seal the shared certificates: only the key that was printed opens them, on another machine', async () => {
    const made = await context()
    await runPhases([uploadCertsPhase], made)
    const { data = {}, metadata } = await get<Secret>(resources.secrets, 'kube-system', 'kubeadm-certs')
    expect(metadata.ownerReferences).toMatchObject([{ kind: 'Secret', name: expect.stringMatching(/^bootstrap-token-/) }])
    const other = mkdtempSync(join(tmpdir(), 'quorate-adm-'))
    roots.push(other)
    const files = nodeFiles(other)
    expect(() => writeShared(data, { cluster: made.cluster, files, keyHex: '0'.repeat(64) })).toThrow(/cannot be decrypted/)
    expect(files.list('/etc/kubernetes/pki')).toEqual([])
    writeShared(data, { cluster: made.cluster, files, keyHex: made.certificateKey ?? '' })
    for (const file of ['ca.crt', 'ca.key', 'sa.pub', 'etcd/ca.key', 'front-proxy-ca.key'])
      expect(files.read(`/etc/kubernetes/pki/${file}`), file).toBe(made.files.read(`/etc/kubernetes/pki/${file}`))
  })

  it('make the token, and cluster-info that anybody may read', async () => {
    const made = await context()
    await runPhases([bootstrapTokenPhase], made)
    const secret = await get<Secret>(resources.secrets, 'kube-system', 'bootstrap-token-abcdef')
    expect(tokenOf(secret)).toEqual({
      ...{ token: 'abcdef.0123456789abcdef', expires: '2026-01-01T01:00:00Z', usages: ['authentication', 'signing'] },
      ...{ groups: ['system:bootstrappers:kubeadm:default-node-token'], description: '' },
    })
    expect(made.joinToken).toBe('abcdef.0123456789abcdef')
    const { data } = await get<ConfigMap>(resources.configMaps, 'kube-public', 'cluster-info')
    expect(parse(data?.kubeconfig ?? '')).toMatchObject({ clusters: [{ cluster: { server: 'https://api.example:6443' } }] })
  })

  it('mark the control plane and leave other taints', async () => {
    const made = await context()
    const other = { key: 'example.com/own', effect: 'NoExecute' as const }
    await api.client.resource<Node>(resources.nodes).create({ metadata: { name: 'cp-1' }, spec: { taints: [other] } } as Node)
    await runPhases([markControlPlanePhase], made)
    await runPhases([markControlPlanePhase], made)
    const { metadata, spec } = await get<Node>(resources.nodes, '', 'cp-1')
    expect(metadata.labels).toMatchObject({ 'node-role.kubernetes.io/control-plane': '' })
    const taints = (spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`)
    expect(taints).toEqual(expect.arrayContaining(['example.com/own:NoExecute', 'node-role.kubernetes.io/control-plane:NoSchedule']))
    expect(new Set(taints).size).toBe(taints.length)
  })
})
