import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { ConfigMap } from '../api/types/core-v1.js'
import { kubeProxyManifests } from './manifests.js'

interface Recorded {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly annotations?: object }
  readonly data?: Record<string, string>
}

const file = join(process.env['QUORATE_REFERENCE'] ?? '', 'facts/kubeadm/objects.json')
const options = { image: 'registry.k8s.io/kube-proxy:v1.36.0', server: 'https://api.example.internal:6443', clusterCidr: '10.244.0.0/16' }

describe("kube-proxy's objects", () => {
  it.skipIf(!existsSync(file))("are kubeadm's field for field (skipped without $QUORATE_REFERENCE)", () => {
    const recorded = JSON.parse(readFileSync(file, 'utf8')) as Recorded[]
    for (const made of kubeProxyManifests(options)) {
      const real = recorded.find(({ kind, metadata }) => kind === made.kind && metadata.name === made.metadata.name)
      // The record has no rules, subjects and states of rollout.
      const { rules: _rules, subjects: _subjects, status: _status, ...bare } = { ...real } as Record<string, unknown>
      expect(made).toMatchObject(bare)
    }
  })

  it('take fields of the configuration from whoever makes them', () => {
    const map = kubeProxyManifests({ ...options, config: { metricsBindAddress: '0.0.0.0:10249' } }).find(
      ({ kind }) => kind === 'ConfigMap',
    ) as ConfigMap
    expect(parse(map.data?.['config.conf'] ?? '')).toMatchObject({ metricsBindAddress: '0.0.0.0:10249', clusterCIDR: '10.244.0.0/16' })
  })
})
