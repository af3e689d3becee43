import { describe, expect, it } from 'vitest'
import type { ClusterState } from './cluster-state.js'
import { plannedControlPlane } from './create.js'
import { parseTarget } from './targets.js'

const state: ClusterState = {
  version: 1,
  name: 'dev',
  createdAt: '2026-11-25T00:00:00Z',
  store: 'embedded',
  apiPort: 20_000,
  portBlock: 20_000,
  controlPlanes: [0, 1, 2].map((index) => plannedControlPlane(20_000, index)),
  workers: [{ name: 'worker-1', address: '172.18.0.32' }],
  etcdMembers: [],
  fleetPort: 20_001,
  mergedInto: [],
}

describe('the target of a command', () => {
  it('is a node, a component of a node, or a process of the cluster', () => {
    expect(parseTarget(state, 'cp-2')).toEqual({ kind: 'machine', name: 'cp-2' })
    expect(parseTarget(state, 'kubelet/cp-2')).toEqual({ kind: 'machine', name: 'cp-2' })
    expect(parseTarget(state, 'worker-1')).toEqual({ kind: 'worker', name: 'worker-1' })
    expect(parseTarget(state, 'store')).toEqual({ kind: 'process', name: 'store' })
    expect(parseTarget(state, 'kube-scheduler/cp-3')).toEqual({ kind: 'component', component: 'kube-scheduler', node: 'cp-3' })
  })

  it('with a member of etcd on each control plane can be that member', () => {
    expect(parseTarget({ ...state, store: 'stacked' }, 'etcd/cp-1')).toMatchObject({ kind: 'component', component: 'etcd' })
    expect(() => parseTarget({ ...state, store: 'stacked' }, 'store')).toThrow(/has no "store"/)
  })

  it('that there is not is refused with the names there are', () => {
    for (const text of ['cp-9', 'etcd/cp-1', 'kube-scheduler/worker-1', 'kube-proxy/cp-1', 'a/b/c', '']) {
      expect(() => parseTarget(state, text), text).toThrow(/the cluster dev has no/)
      try {
        parseTarget(state, text)
      } catch (error) {
        expect((error as { remedy: string }).remedy).toContain('cp-1, cp-2, cp-3, worker-1')
      }
    }
  })
})
