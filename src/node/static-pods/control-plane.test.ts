import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { controlPlaneComponents, type ControlPlaneOptions, controlPlanePod } from './control-plane.js'
import { etcdPod } from './etcd.js'
import type { StaticPod } from './static-pod.js'

const pki = '/etc/kubernetes/pki'
const options: ControlPlaneOptions = {
  ...{ advertiseAddress: '192.168.50.11', apiServerPort: 6443, certificatesDir: pki, clusterName: 'kubernetes' },
  etcd: {
    servers: ['https://127.0.0.1:2379'],
    tls: { caFile: `${pki}/etcd/ca.crt`, certFile: `${pki}/apiserver-etcd-client.crt`, keyFile: `${pki}/apiserver-etcd-client.key` },
  },
  ...{ serviceSubnet: '10.96.0.0/12', podSubnet: '10.244.0.0/16', dnsDomain: 'cluster.local' },
  image: (name) => `registry.k8s.io/${name}:v1.36.0`,
  hostAuthorities: [
    ['ca-certs', '/etc/ssl/certs', 'DirectoryOrCreate'],
    ['etc-ca-certificates', '/etc/ca-certificates', 'DirectoryOrCreate'],
    ['usr-local-share-ca-certificates', '/usr/local/share/ca-certificates', 'DirectoryOrCreate'],
    ['usr-share-ca-certificates', '/usr/share/ca-certificates', 'DirectoryOrCreate'],
  ],
}

interface Command {
  spec: { containers: [{ command: string[]; env?: unknown; volumeMounts: { name: string }[] }]; volumes: unknown[] }
}

const containerOf = (pod: StaticPod) => (pod as unknown as Command).spec.containers[0]

describe('what an administrator adds to a component', () => {
  const pod = controlPlanePod('kube-scheduler', {
    ...options,
    extras: {
      'kube-scheduler': {
        args: [
          { name: 'leader-elect', value: 'false' },
          { name: 'v', value: '4' },
        ],
        env: [{ name: 'TZ', value: 'UTC' }],
        volumes: [{ name: 'policy', hostPath: '/etc/policy', mountPath: '/policy', readOnly: true, pathType: 'Directory' }],
      },
    },
  })

  it('takes the place of its own flags, in the order of their names', () => {
    expect(containerOf(pod).command.slice(-3)).toEqual(['--kubeconfig=/etc/kubernetes/scheduler.conf', '--leader-elect=false', '--v=4'])
  })

  it('is mounted and set beside its own', () => {
    expect(containerOf(pod).env).toEqual([{ name: 'TZ', value: 'UTC' }])
    expect(containerOf(pod).volumeMounts.map(({ name }) => name)).toEqual(['kubeconfig', 'policy'])
    expect((pod as unknown as Command).spec.volumes.at(-1)).toEqual({
      hostPath: { path: '/etc/policy', type: 'Directory' },
      name: 'policy',
    })
  })
})

const reference = join(process.env.QUORATE_REFERENCE ?? '', 'facts/kubeadm/files.json')
describe.skipIf(!process.env.QUORATE_REFERENCE || !existsSync(reference))('beside those of kubeadm (needs $QUORATE_REFERENCE)', () => {
  const theirs = (name: string) =>
    (JSON.parse(readFileSync(reference, 'utf8')) as Record<string, unknown>)[`/etc/kubernetes/manifests/${name}.yaml`]

  it.each(controlPlaneComponents)('%s is the same pod, to the last field', (name) => {
    expect(controlPlanePod(name, options)).toEqual(theirs(name))
  })

  it('etcd is the same pod but for its image', () => {
    const pod = etcdPod({
      ...{ name: 'cp-1', clientUrl: 'https://192.168.50.11:2379', peerUrl: 'https://192.168.50.11:2380', metricsPort: 2381 },
      ...{ localClientUrls: ['https://127.0.0.1:2379'], initialCluster: [{ name: 'cp-1', peerUrl: 'https://192.168.50.11:2380' }] },
      ...{ pki: `${pki}/etcd`, dataDir: '/var/lib/etcd', version: { text: '3.6.8', major: 3, minor: 6, patch: 8 } },
    })
    const expected = theirs('etcd') as Command
    // What is mounted is, in whatever order.
    const comparable = ({ volumeMounts, ...rest }: Command['spec']['containers'][0]) => ({
      ...rest,
      image: '',
      volumeMounts: volumeMounts.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    })
    expect(comparable(containerOf(pod))).toEqual(comparable(expected.spec.containers[0]))
    expect((pod as unknown as Command).spec.volumes).toEqual(expected.spec.volumes)
  })
})
