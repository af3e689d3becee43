import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../../api/object.js'
import type { OwnerReference } from '../../api/types/meta-v1.js'
import { Graph } from './graph.js'
import type { Identity } from './node.js'

const maps = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true, verbs: [] }
const roles = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  resource: 'clusterroles',
  kind: 'ClusterRole',
  namespaced: false,
  verbs: [],
}

const owner = (uid: string, more: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name: uid,
  uid,
  ...more,
})
const object = (uid: string, owners: OwnerReference[] = [], more: Partial<KubeObject['metadata']> = {}): KubeObject => ({
  metadata: { name: uid, namespace: 'ns', uid, ownerReferences: owners, ...more },
})
const identity = (uid: string, namespace = 'ns', more: Partial<Identity> = {}): Identity => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', name: uid, uid, namespace },
  ...more,
})

function graphWithLog() {
  const log: string[] = []
  const graph = new Graph({
    attemptToDelete: (node) => log.push(`delete ${node.identity.uid}${node.isObserved ? '' : '?'}`),
    attemptToOrphan: (node) => log.push(`orphan ${node.identity.uid}`),
    invalidNamespace: (node, { uid }) => log.push(`invalid ${node.identity.uid} of ${uid}`),
  })
  return { graph, taken: () => log.splice(0) }
}

describe('the graph of owners', () => {
  it('has an owner that was not seen verified, and forgets it with its last dependent', () => {
    const { graph, taken } = graphWithLog()
    graph.observe(maps, object('b', [owner('a')]))
    expect(taken()).toEqual(['delete a?'])
    graph.remove('b')
    expect(graph.size).toBe(0)
  })

  it('wakes the dependents of what is gone, and remembers that it is', () => {
    const { graph, taken } = graphWithLog()
    graph.observe(maps, object('a'))
    graph.observe(maps, object('b', [owner('a')]))
    expect(taken()).toEqual([])
    graph.remove('a')
    expect(taken()).toEqual(['delete b'])
    expect(graph.absentOwners.has(identity('a'))).toBe(true)
  })

  it('does nothing about changes that leave owners alone', () => {
    const { graph, taken } = graphWithLog()
    graph.observe(maps, object('a'))
    graph.observe(maps, object('b', [owner('a')]))
    graph.observe(maps, object('b', [owner('a')], { labels: { x: 'y' } }), object('b', [owner('a')]))
    expect(taken()).toEqual([])
  })

  it('starts a deletion in the foreground with the dependents, and looks again whenever one has gone or blocks no more', () => {
    const { graph, taken } = graphWithLog()
    const going = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['foregroundDeletion'] }
    graph.observe(maps, object('a'))
    graph.observe(maps, object('b', [owner('a', { blockOwnerDeletion: true })]))
    graph.observe(maps, object('c', [owner('a', { blockOwnerDeletion: true })]))
    graph.observe(maps, object('a', [], going), object('a'))
    expect(taken()).toEqual(['delete b', 'delete c', 'delete a'])
    expect([...(graph.get('a')?.blockingDependents() ?? [])].map((node) => node.identity.uid)).toEqual(['b', 'c'])
    graph.remove('b')
    expect(taken()).toEqual(['delete a'])
    graph.observe(maps, object('c', [owner('a')]), object('c', [owner('a', { blockOwnerDeletion: true })]))
    expect(taken()).toEqual(['delete a'])
    expect([...(graph.get('a')?.blockingDependents() ?? [])]).toEqual([])
  })

  it('frees the dependents of what is deleted with the orphan finalizer', () => {
    const { graph, taken } = graphWithLog()
    graph.observe(maps, object('a', [], { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['orphan'] }))
    expect(taken()).toEqual(['orphan a'])
  })

  it('refuses an owner in another namespace, whichever of the two is seen first', () => {
    const first = graphWithLog()
    first.graph.observe(maps, object('a', [], { namespace: 'other' }))
    first.graph.observe(maps, object('b', [owner('a')]))
    expect(first.taken()).toEqual(['invalid b of a', 'delete b'])
    const second = graphWithLog()
    second.graph.observe(maps, object('b', [owner('a')]))
    second.taken()
    second.graph.observe(maps, object('a', [], { namespace: 'other' }))
    expect(second.taken()).toEqual(['invalid b of a', 'delete b'])
  })

  it('takes a cluster-scoped owner from every namespace', () => {
    const { graph, taken } = graphWithLog()
    graph.observe(roles, object('r', [], { namespace: undefined }))
    graph.observe(maps, object('b', [owner('r', { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' })]))
    expect(taken()).toEqual([])
  })

  it('tries each place where dependents say an unseen owner is before it is given up', () => {
    const { graph, taken } = graphWithLog()
    graph.observe(maps, object('b', [owner('a', { name: 'one' })]))
    graph.observe(maps, object('c', [owner('a', { name: 'two' })]))
    taken()
    graph.absent(identity('a', 'ns', { name: 'one' }))
    expect(taken()).toEqual(['delete b', 'delete a?'])
    expect(graph.get('a')?.identity.name).toBe('two')
  })

  it('does not lose a seen object to a reference that places it wrongly', () => {
    const { graph, taken } = graphWithLog()
    graph.observe(maps, object('a'))
    graph.observe(maps, object('b', [owner('a', { name: 'wrong' })]))
    taken()
    graph.absent(identity('a', 'ns', { name: 'wrong' }))
    expect(taken()).toEqual(['delete b'])
    expect(graph.get('a')?.isObserved).toBe(true)
  })
})
