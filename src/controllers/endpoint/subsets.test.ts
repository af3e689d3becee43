import { describe, expect, it } from 'vitest'
import type { Endpoints, Pod, Service } from '../../api/types/core-v1.js'
import { desired } from './endpoint.js'
import { countAddresses, subsetsOf, truncate } from './subsets.js'

const service = (spec: Service['spec'], labels?: Record<string, string>): Service => ({
  metadata: { name: 's', namespace: 'ns', ...(labels ? { labels } : {}) },
  spec: { clusterIP: '10.0.0.1', ipFamilies: ['IPv4'], selector: { app: 'a' }, ...spec },
})
const pod = (
  name: string,
  ip: string,
  more: { ready?: boolean; ports?: [string, number][]; going?: boolean; phase?: 'Failed' } = {},
): Pod => ({
  metadata: {
    name,
    namespace: 'ns',
    uid: name,
    labels: { app: 'a' },
    ...(more.going ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
  },
  spec: {
    nodeName: 'n',
    containers: [{ name: 'c', ports: (more.ports ?? []).map(([port, containerPort]) => ({ name: port, containerPort, protocol: 'TCP' })) }],
  },
  status: {
    phase: more.phase ?? 'Running',
    podIP: ip,
    podIPs: [{ ip }],
    conditions: [{ type: 'Ready', status: more.ready === false ? 'False' : 'True' }],
  },
})
const ips = (list: readonly { ip: string }[] | undefined) => (list ?? []).map(({ ip }) => ip)

describe('subsets of Endpoints', () => {
  it('share what serves the same ports, and split where a named port differs', () => {
    const subsets = subsetsOf(
      service({
        ports: [
          { name: 'a', port: 80, targetPort: 'web' },
          { name: 'b', port: 81, targetPort: 9 },
        ],
      }),
      [pod('p', '10.1.0.1', { ports: [['web', 1001]] }), pod('q', '10.1.0.2', { ports: [['web', 1002]] })],
    )
    expect(subsets.map(({ ports, addresses }) => [ports, ips(addresses)])).toEqual([
      [[{ name: 'a', port: 1001, protocol: 'TCP' }], ['10.1.0.1']],
      [[{ name: 'a', port: 1002, protocol: 'TCP' }], ['10.1.0.2']],
      [[{ name: 'b', port: 9, protocol: 'TCP' }], ['10.1.0.1', '10.1.0.2']],
    ])
  })
  it('keep unready pods apart, or not where the Service publishes them', () => {
    const pods = [pod('p', '10.1.0.1'), pod('q', '10.1.0.2', { ready: false })]
    const [apart] = subsetsOf(service({ ports: [{ port: 80 }] }), pods)
    expect([ips(apart?.addresses), ips(apart?.notReadyAddresses)]).toEqual([['10.1.0.1'], ['10.1.0.2']])
    const [all] = subsetsOf(service({ ports: [{ port: 80 }], publishNotReadyAddresses: true }), pods)
    expect([ips(all?.addresses), all?.notReadyAddresses]).toEqual([['10.1.0.1', '10.1.0.2'], undefined])
  })
  it('leave out pods that have ended or are ending', () => {
    const pods = [pod('p', '10.1.0.1', { going: true }), pod('q', '10.1.0.2', { phase: 'Failed' })]
    expect(subsetsOf(service({ ports: [{ port: 80 }] }), pods)).toEqual([])
    const published = subsetsOf(service({ ports: [{ port: 80 }], publishNotReadyAddresses: true }), pods)
    expect(published.flatMap(({ addresses }) => ips(addresses))).toEqual(['10.1.0.1'])
  })
  it('take the address of the first family', () => {
    const dual: Pod = { ...pod('p', '10.1.0.1'), status: { podIP: '10.1.0.1', podIPs: [{ ip: '10.1.0.1' }, { ip: 'fd00::1' }] } }
    const [subset] = subsetsOf(service({ ports: [{ port: 80 }], ipFamilies: ['IPv6', 'IPv4'] }), [dual])
    expect(ips(subset?.notReadyAddresses)).toEqual(['fd00::1'])
  })
  it('have no ports for a headless Service without ports', () => {
    expect(subsetsOf(service({ clusterIP: 'None' }), [pod('p', '10.1.0.1')]).map(({ ports }) => ports)).toEqual([undefined])
  })
})

describe('Endpoints over capacity (KEP-1904)', () => {
  const many = Array.from({ length: 1005 }, (_, i) => pod(`p${i}`, `10.${i >> 8}.${i & 255}.1`, { ready: i >= 10 }))
  it('keep ready addresses first', () => {
    const cut = truncate(subsetsOf(service({ ports: [{ port: 80 }] }), many))
    expect(cut.map(({ addresses, notReadyAddresses }) => [addresses?.length, notReadyAddresses?.length])).toEqual([[995, 5]])
  })
  it('say so in an annotation, and write nothing when the present object is so', () => {
    const first = desired(service({ ports: [{ port: 80 }] }), many, undefined, '2026-01-01T00:00:00Z') as Endpoints
    expect(first.metadata.annotations).toEqual({
      'endpoints.kubernetes.io/over-capacity': 'truncated',
      'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z',
    })
    expect(countAddresses(first.subsets ?? [])).toBe(1000)
    expect(desired(service({ ports: [{ port: 80 }] }), many, first, undefined)).toBeUndefined()
  })
  it('lose the annotation again', () => {
    const first = desired(service({ ports: [{ port: 80 }] }), many, undefined, undefined)
    expect(desired(service({ ports: [{ port: 80 }] }), many.slice(0, 3), first, undefined)?.metadata.annotations).toEqual({})
  })
})

describe('labels of Endpoints', () => {
  it('are the labels of the Service, who manages them, and whether it is headless', () => {
    const labels = (spec: Service['spec']) => desired(service(spec, { team: 'x' }), [], undefined, undefined)?.metadata.labels
    expect(labels({})).toEqual({ team: 'x', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' })
    expect(labels({ clusterIP: 'None' })).toHaveProperty(['service.kubernetes.io/headless'], '')
  })
})
