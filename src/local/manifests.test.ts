import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { plannedControlPlane } from './create.js'
import { controlPlaneManifests } from './manifests.js'

interface Manifest {
  metadata: { name: string; labels: Record<string, string>; annotations?: Record<string, string> }
  spec: {
    containers: { command: string[]; image: string; ports: { containerPort: number }[]; [field: string]: unknown }[]
    volumes: { name: string }[]
    [field: string]: unknown
  }
}

const controlPlane = plannedControlPlane(20_000, 1)
const texts = controlPlaneManifests({ controlPlane, etcdServers: ['https://127.0.0.1:2379'] })
const manifests = new Map(Object.entries(texts).map(([file, text]) => [file, parse(text) as Manifest]))
const commandOf = (file: string) => manifests.get(file)?.spec.containers[0]?.command ?? []

describe('the manifests of a control plane', () => {
  it('are the static pods of kubeadm with native images', () => {
    expect([...manifests.keys()]).toEqual(['kube-apiserver.yaml', 'kube-controller-manager.yaml', 'kube-scheduler.yaml'])
    for (const [file, { metadata, spec }] of manifests) {
      const name = file.replace('.yaml', '')
      expect(metadata).toMatchObject({ name, namespace: 'kube-system', labels: { component: name, tier: 'control-plane' } })
      expect(spec).toMatchObject({ hostNetwork: true, priorityClassName: 'system-node-critical', priority: 2_000_001_000 })
      expect(spec.containers[0]?.image).toBe(`quorate/${name}:v1.36.0`)
    }
  })

  it('have the ports of their node, so that several nodes share one address', () => {
    const { ports } = controlPlane
    expect(commandOf('kube-apiserver.yaml')).toContain(`--secure-port=${ports.apiServer}`)
    expect(commandOf('kube-controller-manager.yaml')).toContain(`--secure-port=${ports.controllerManager}`)
    expect(commandOf('kube-scheduler.yaml')).toContain(`--secure-port=${ports.scheduler}`)
    expect(manifests.get('kube-scheduler.yaml')?.spec.containers[0]?.ports[0]?.containerPort).toBe(ports.scheduler)
  })

  it('reach the embedded store without certificates', () => {
    const embedded = controlPlaneManifests({ controlPlane, etcdServers: ['unix:///run/quorate/store.sock'] })
    expect(embedded['kube-apiserver.yaml']).toContain('--etcd-servers=unix:///run/quorate/store.sock')
    expect(embedded['kube-apiserver.yaml']).not.toContain('--etcd-cafile')
  })

  it('are plain YAML without aliases, for people to edit', () => {
    for (const text of Object.values(texts)) expect(text).not.toMatch(/[&*]a\d/)
  })
})

const reference = process.env.QUORATE_REFERENCE
const files = join(reference ?? '', 'facts/kubeadm/files.json')
describe.skipIf(!reference || !existsSync(files))('beside those that kubeadm writes (needs $QUORATE_REFERENCE)', () => {
  it('every flag is one of kubeadm’s, and none of them is left out but by name', () => {
    const theirs = JSON.parse(readFileSync(files, 'utf8')) as Record<string, Manifest>
    const flagsOf = (command: readonly string[]) => command.slice(1).map((flag) => flag.split('=')[0])
    const added = {
      'kube-apiserver': ['--bind-address'],
      'kube-controller-manager': ['--secure-port'],
      'kube-scheduler': ['--secure-port'],
    }
    for (const [name, extra] of Object.entries(added)) {
      const reference = theirs[`/etc/kubernetes/manifests/${name}.yaml`]
      const command = reference?.spec.containers[0]?.command ?? []
      expect(flagsOf(commandOf(`${name}.yaml`)).toSorted(), name).toEqual([...flagsOf(command), ...extra].toSorted())
      const own = manifests.get(`${name}.yaml`)?.spec.containers[0]
      for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
        const { httpGet: _, ...periods } = (own?.[probe] ?? {}) as { httpGet?: unknown }
        const { httpGet: __, ...expected } = (reference?.spec.containers[0]?.[probe] ?? {}) as { httpGet?: unknown }
        expect(periods, `${name} ${probe}`).toEqual(expected)
      }
    }
  })
})
