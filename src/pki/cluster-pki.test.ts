import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { apiServerFiles, createClusterPki, etcdClientFiles, etcdMemberFiles, sharedFiles } from './cluster-pki.js'
import { createKubeconfig } from './kubeconfig.js'

const nowMs = Date.UTC(2026, 0, 1)
const names = { nodeName: 'cp-1', ipAddresses: ['192.168.50.11'], dnsNames: ['api.example.internal'], serviceIp: '10.96.0.1' }

describe('the PKI of a cluster', () => {
  it('has the files of kubeadm, each signed by the authority that kubeadm uses', async () => {
    const pki = await createClusterPki(nowMs)
    const files = {
      ...sharedFiles(pki),
      ...(await apiServerFiles(pki, names, nowMs)),
      ...(await etcdClientFiles(pki, nowMs)),
      ...(await etcdMemberFiles(pki, names, nowMs)),
    }
    const of = (name: string) => new X509Certificate(files[`${name}.crt`] as string)
    const issuers = Object.keys(files)
      .filter((file) => file.endsWith('.crt'))
      .map((file) => [file, of(file.slice(0, -4)).issuer])
    expect(Object.fromEntries(issuers)).toEqual({
      'ca.crt': 'CN=kubernetes',
      'front-proxy-ca.crt': 'CN=front-proxy-ca',
      'etcd/ca.crt': 'CN=etcd-ca',
      'apiserver.crt': 'CN=kubernetes',
      'apiserver-kubelet-client.crt': 'CN=kubernetes',
      'front-proxy-client.crt': 'CN=front-proxy-ca',
      'apiserver-etcd-client.crt': 'CN=etcd-ca',
      'etcd/healthcheck-client.crt': 'CN=etcd-ca',
      'etcd/server.crt': 'CN=etcd-ca',
      'etcd/peer.crt': 'CN=etcd-ca',
    })
    expect(of('apiserver').checkHost('api.example.internal')).toBe('api.example.internal')
    expect(of('apiserver').checkIP('10.96.0.1')).toBe('10.96.0.1')
    expect(of('apiserver-kubelet-client').subject).toBe('O=kubeadm:cluster-admins\nCN=kube-apiserver-kubelet-client')
    expect(of('etcd/peer').checkIP('::1')).toBe('::1')
    for (const file of Object.keys(files).filter((each) => each.endsWith('.crt')))
      expect(files[file.replace(/crt$/, 'key')], file).toContain('PRIVATE KEY')
  })

  it('makes kubeconfigs whose certificate is the user', async () => {
    const pki = await createClusterPki(nowMs)
    const config = await createKubeconfig({ ca: pki.ca, server: 'https://a:6443', user: 'system:node:n', groups: ['system:nodes'], nowMs })
    const data = config.users[0]?.user['client-certificate-data'] ?? ''
    expect(new X509Certificate(Buffer.from(data, 'base64')).subject).toBe('O=system:nodes\nCN=system:node:n')
    expect(config['current-context']).toBe('system:node:n@kubernetes')
  })
})
