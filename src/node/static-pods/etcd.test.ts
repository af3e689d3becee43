import { describe, expect, it } from 'vitest'
import { etcdPod, etcdVersionOf } from './etcd.js'
import { manifestText } from './static-pod.js'

describe('the static pod of an etcd member', () => {
  const options = {
    ...{ name: 'cp-1', clientUrl: 'https://10.0.0.1:2379', peerUrl: 'https://10.0.0.1:2380', metricsPort: 2381 },
    initialCluster: [
      { name: 'cp-1', peerUrl: 'https://10.0.0.1:2380' },
      { name: 'cp-2', peerUrl: 'https://10.0.0.2:2380' },
    ],
    ...{ pki: '/etc/kubernetes/pki/etcd', dataDir: '/var/lib/etcd' },
  }
  const of = (minor: number, patch: number) =>
    manifestText(etcdPod({ ...options, version: { text: `3.${minor}.${patch}`, major: 3, minor, patch } }))

  it('has TLS between members and towards clients, and every member of the cluster', () => {
    const text = of(6, 8)
    for (const flag of [
      'client-cert-auth=true',
      'peer-client-cert-auth=true',
      'peer-trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt',
      'initial-cluster=cp-1=https://10.0.0.1:2380,cp-2=https://10.0.0.2:2380',
      'feature-gates=InitialCorruptCheck=true',
    ])
      expect(text).toContain(`--${flag}`)
    expect(text).toContain('image: quorate/etcd-host:3.6.8')
  })

  it('knows the flags and the health endpoints of older versions', () => {
    expect(of(4, 23)).toContain('--experimental-initial-corrupt-check=true')
    expect(of(4, 23)).not.toContain('--feature-gates')
    expect(of(4, 23)).toContain('path: /health')
    expect(of(5, 21)).toContain('path: /readyz')
  })

  it('is of a version from 3.4 on', () => {
    expect(etcdVersionOf('etcd Version: 3.5.16\nGit SHA: f20bbad\n', 'etcd', '')).toMatchObject({ major: 3, minor: 5, patch: 16 })
    expect(() => etcdVersionOf('etcd Version: 3.3.25\n', 'etcd', 'Take a newer one.')).toThrow(/version 3\.3\.25, and 3\.4 or later/)
  })
})
