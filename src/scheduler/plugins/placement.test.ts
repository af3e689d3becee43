import { describe, expect, it } from 'vitest'
import type { PodAffinityTerm, Toleration, TopologySpreadConstraint } from '../../api/types/core-v1.js'
import { isTolerated } from '../../api/selectors/node.js'
import { TestCluster } from '../testdata/cluster.js'
import { node, pod } from '../testdata/scheduler.js'

const zoneKey = 'topology.kubernetes.io/zone'
const hostKey = 'kubernetes.io/hostname'
const zoned = (name: string, zone: string) => node(name, { labels: { [zoneKey]: zone } })
const web = { labels: { app: 'web' } }
const term = (topologyKey: string, more: Partial<PodAffinityTerm> = {}): PodAffinityTerm => ({
  topologyKey,
  labelSelector: { matchLabels: web.labels },
  ...more,
})
const near = (of: PodAffinityTerm) => ({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [of] } } })
const far = (of: PodAffinityTerm) => ({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [of] } } })

describe('tolerations', () => {
  const taint = { key: 'k', value: '5', effect: 'NoSchedule' as const }
  it.each<[Toleration, boolean]>([
    [{ operator: 'Exists' }, true],
    [{ key: 'k', operator: 'Exists', effect: 'NoExecute' }, false],
    [{ key: 'k', value: '5' }, true],
    [{ key: 'k', operator: 'Equal', value: '' }, false],
    [{ key: 'other', operator: 'Exists' }, false],
    [{ key: 'k', operator: 'Gt', value: '4' }, true],
    [{ key: 'k', operator: 'Lt', value: '4' }, false],
  ])('%j against k=5:NoSchedule: %s', (toleration, expected) => expect(isTolerated([toleration], taint)).toBe(expected))

  it('missing for soft taints cost score only, and taints that are gone cost nothing', () => {
    const soft = node('a', { spec: { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] } })
    const cluster = new TestCluster([soft, node('b')])
    expect(cluster.choices(pod('p'))).toEqual(['b'])
    cluster.cache.setNode(node('a'))
    expect(cluster.cache.nodes.softTainted).toBe(0)
    expect(cluster.choices(pod('p'))).toEqual(['a', 'b'])
  })
})

describe('node affinity', () => {
  const required = (matchExpressions: { key: string; operator: string; values?: string[] }[]) => ({
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } } },
  })
  it('follows a node whose labels change', () => {
    const cluster = new TestCluster([zoned('a', 'x'), zoned('b', 'y')])
    const wants = pod('p', required([{ key: zoneKey, operator: 'In', values: ['x'] }]) as never)
    expect(cluster.choose(wants)).toBe('a')
    cluster.cache.setNode(zoned('a', 'y'))
    expect(cluster.choose(wants)).toBe("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.")
    cluster.cache.setNode(zoned('b', 'x'))
    expect(cluster.choose(wants)).toBe('b')
  })

  it('selects nothing by an empty term', () => {
    const cluster = new TestCluster([node('a')])
    expect(cluster.choose(pod('p', required([]) as never))).toContain("didn't match Pod's node affinity")
  })

  it('that the profile adds holds for every pod', () => {
    const terms = [{ matchExpressions: [{ key: zoneKey, operator: 'In', values: ['x'] }] }]
    const addedAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } }
    const cluster = new TestCluster([zoned('a', 'y')], { profile: { pluginConfig: [{ name: 'NodeAffinity', args: { addedAffinity } }] } })
    expect(cluster.choose(pod('p'))).toContain("1 node(s) didn't match scheduler-enforced node affinity")
  })
})

describe('host ports', () => {
  const port = (hostPort: number, hostIP?: string, protocol?: 'UDP') =>
    pod(`p${hostPort}${hostIP}${protocol}`, {
      containers: [
        { name: 'c', ports: [{ containerPort: 1, hostPort, ...(hostIP ? { hostIP } : {}), ...(protocol ? { protocol } : {}) }] },
      ],
    })
  it('clash on one protocol when the addresses overlap', () => {
    const cluster = new TestCluster([node('a')])
    cluster.runs('a', port(80, '10.0.0.1'))
    expect(cluster.choose(port(80, '10.0.0.2'))).toBe('a')
    expect(cluster.choose(port(80, undefined, 'UDP'))).toBe('a')
    expect(cluster.choose(port(80))).toContain("1 node(s) didn't have free ports for the requested pod ports")
  })
})

describe('pod affinity', () => {
  const nodes = [zoned('a', 'x'), zoned('b', 'x'), zoned('c', 'y'), node('d')]

  it('lets the first of a group go anywhere where the domain exists, and the next only to it', () => {
    const cluster = new TestCluster(nodes)
    const member = (name: string) => pod(name, near(term(zoneKey)), web)
    expect(cluster.choices(member('m'))).toEqual(['a', 'b', 'c'])
    cluster.runs('c', member('first'))
    expect(cluster.choices(member('m'))).toEqual(['c'])
    expect(cluster.choose(pod('stranger', near(term(zoneKey, { labelSelector: { matchLabels: { app: 'none' } } }))))).toBe(
      "0/4 nodes are available: 4 node(s) didn't match pod affinity rules.",
    )
  })

  it('wants one pod that all terms mean', () => {
    const cluster = new TestCluster(nodes)
    cluster.runs('a', pod('one', {}, { labels: { app: 'web' } }))
    cluster.runs('c', pod('both', {}, { labels: { app: 'web', tier: 'front' } }))
    const terms = [term(zoneKey), term(zoneKey, { labelSelector: { matchLabels: { tier: 'front' } } })]
    const wants = pod('p', { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } } })
    expect(cluster.choices(wants)).toEqual(['c'])
  })

  it('against pods holds for both sides, and follows pods that come and go', () => {
    const cluster = new TestCluster(nodes)
    cluster.runs('a', pod('shy', far(term(zoneKey)), { labels: { app: 'shy' } }))
    expect(cluster.choices(pod('w', {}, web))).toEqual(['c', 'd'])
    cluster.runs('c', pod('w', {}, web))
    expect(cluster.choices(pod('shy2', far(term(zoneKey))))).not.toContain('c')
    cluster.cache.removePod('default/shy')
    expect(cluster.choices(pod('w2', far(term(zoneKey)), web))).toContain('a')
  })

  it('looks into other namespaces by name or by their labels, else into its own', () => {
    const namespaces = [{ metadata: { name: 'other', labels: { team: 'a' } } }]
    const cluster = new TestCluster([zoned('a', 'x'), zoned('b', 'y')], { namespaces })
    cluster.runs('b', pod('w', {}, { ...web, namespace: 'other' }))
    expect(cluster.choose(pod('p', near(term(zoneKey))))).toContain("didn't match pod affinity rules")
    expect(cluster.choose(pod('p', near(term(zoneKey, { namespaces: ['other'] }))))).toBe('b')
    expect(cluster.choose(pod('p', near(term(zoneKey, { namespaceSelector: { matchLabels: { team: 'a' } } }))))).toBe('b')
    expect(cluster.choose(pod('p', near(term(zoneKey, { namespaceSelector: {} }))))).toBe('b')
  })

  it('that is only preferred weighs, in both directions', () => {
    const cluster = new TestCluster([zoned('a', 'x'), zoned('b', 'y')])
    cluster.runs('a', pod('w', {}, web))
    const wish = (kind: 'podAffinity' | 'podAntiAffinity') => ({
      affinity: { [kind]: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term(zoneKey) }] } },
    })
    expect(cluster.choices(pod('p', wish('podAffinity')))).toEqual(['a'])
    expect(cluster.choices(pod('p', wish('podAntiAffinity')))).toEqual(['b'])
  })
})

describe('topology spread', () => {
  const spread = (more: Partial<TopologySpreadConstraint> = {}) => ({
    topologySpreadConstraints: [
      {
        topologyKey: zoneKey,
        maxSkew: 1,
        whenUnsatisfiable: 'DoNotSchedule' as const,
        labelSelector: { matchLabels: web.labels },
        ...more,
      },
    ],
  })
  const nodes = [zoned('a', 'x'), zoned('b', 'y'), node('none')]

  it('keeps the domains within the skew; a node without the key belongs to none', () => {
    const cluster = new TestCluster(nodes)
    cluster.runs('a', pod('w1', {}, web))
    expect(cluster.choices(pod('p', spread(), web))).toEqual(['b'])
    expect(cluster.choose(pod('p', { ...spread({ maxSkew: 2 }), nodeSelector: { [hostKey]: 'a' } }, web))).toBe('a')
    expect(cluster.choose(pod('p', { ...spread(), nodeSelector: { [hostKey]: 'none' } }, web))).toContain('(missing required label)')
  })

  it('takes the least as 0 while there are fewer domains than minDomains', () => {
    const cluster = new TestCluster(nodes)
    cluster.runs('a', pod('w1', {}, web))
    cluster.runs('b', pod('w2', {}, web))
    expect(cluster.choices(pod('p', spread({ minDomains: 2 }), web))).toEqual(['a', 'b'])
    expect(cluster.choose(pod('p', spread({ minDomains: 3 }), web))).toContain("2 node(s) didn't match pod topology spread constraints")
  })

  it('does not count pods that are being deleted, of other namespaces, or on nodes that the pod cannot use', () => {
    const cluster = new TestCluster([zoned('a', 'x'), zoned('b', 'y'), node('c', { labels: { [zoneKey]: 'z', only: 'us' } })])
    cluster.runs('a', pod('going', {}, { ...web, deletionTimestamp: '2026-01-01T00:00:00Z' }))
    cluster.runs('b', pod('foreign', {}, { ...web, namespace: 'other' }))
    cluster.runs('a', pod('w', {}, web))
    cluster.runs('b', pod('w2', {}, web))
    const notC = {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'only', operator: 'DoesNotExist' as const }] }],
        },
      },
    }
    expect(cluster.choices(pod('p', { ...spread(), affinity: notC }, web))).toEqual(['a', 'b'])
    expect(cluster.choose(pod('p', { ...spread({ nodeAffinityPolicy: 'Ignore' }), affinity: notC }, web))).toContain(
      "didn't match pod topology spread constraints",
    )
  })

  it('that may be broken only prefers', () => {
    const cluster = new TestCluster(nodes.slice(0, 2))
    for (const name of ['w1', 'w2']) cluster.runs('a', pod(name, {}, web))
    expect(cluster.choices(pod('p', spread({ whenUnsatisfiable: 'ScheduleAnyway' }), web))).toEqual(['b'])
  })
})
