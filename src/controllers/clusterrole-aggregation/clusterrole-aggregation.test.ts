import { afterEach, describe, expect, it } from 'vitest'
import type { ClusterRole } from '../../api/types/rbac-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { aggregatedRules, clusterRoleAggregationController } from './clusterrole-aggregation.js'

const rule = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] })
const role = (name: string, labels: Record<string, string>, ...of: string[]): ClusterRole => ({
  metadata: { name, labels },
  rules: of.map(rule),
})
const aggregate = (name: string, ...selectors: Record<string, string>[]): ClusterRole => ({
  metadata: { name, labels: { part: 'yes' } },
  aggregationRule: { clusterRoleSelectors: selectors.map((matchLabels) => ({ matchLabels })) },
  rules: [],
})

describe('aggregated rules', () => {
  it('are those of matching roles by name, selector after selector, each rule once, never its own', () => {
    const all = aggregate('all', { part: 'yes' }, { extra: 'yes' })
    const roles = [
      all,
      role('b', { part: 'yes' }, 'pods', 'nodes'),
      role('a', { part: 'yes' }, 'secrets', 'pods'),
      role('c', { extra: 'yes' }, 'jobs'),
    ]
    expect(aggregatedRules(all, [...roles, role('d', {}, 'leases')]).map(({ resources: names }) => names?.[0])).toEqual([
      'secrets',
      'pods',
      'nodes',
      'jobs',
    ])
  })

  it('of no match are none', () => {
    expect(aggregatedRules(aggregate('all', { part: 'no' }), [role('a', { part: 'yes' }, 'pods')])).toEqual([])
  })
})

describe('clusterrole-aggregation-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  it('follows roles as they come and go, and writes nothing when nothing changes', async () => {
    running = await runTestControllers({ controllers: [clusterRoleAggregationController()], clock: new VirtualClock() })
    const { client, settled, get } = running
    const roles = client.resource<ClusterRole>(resources.clusterRoles)
    const fresh = () => get<ClusterRole>(resources.clusterRoles, '', 'test-all')
    await roles.create(role('test-b', { test: 'yes' }, 'pods'))
    await roles.create(aggregate('test-all', { test: 'yes' }))
    await settled()
    expect((await fresh()).rules).toEqual([rule('pods')])
    await roles.create(role('test-a', { test: 'yes' }, 'nodes'))
    await settled()
    const before = await fresh()
    expect(before.rules).toEqual([rule('nodes'), rule('pods')])
    await roles.create(role('test-c', {}, 'jobs'))
    await settled()
    expect((await fresh()).metadata.resourceVersion).toBe(before.metadata.resourceVersion)
    await roles.delete('', 'test-b')
    await settled()
    expect((await fresh()).rules).toEqual([rule('nodes')])
  })
})
