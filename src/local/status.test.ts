import { describe, expect, it } from 'vitest'
import { leadersOf, survival } from './status.js'

const member = (name: string, healthy: boolean) => ({ name, endpoint: `https://${name}:2379`, healthy, leader: false })
const etcd = (...healthy: boolean[]) => ({
  kind: 'stacked' as const,
  members: healthy.map((each, at) => member(`cp-${at + 1}`, each)),
  quorum: Math.floor(healthy.length / 2) + 1,
})
const embedded = (healthy: boolean) => ({ kind: 'embedded' as const, members: [member('store', healthy)], quorum: 1 })

describe('how many more losses a cluster survives', () => {
  it('is the margin over the quorum of etcd, when API servers are enough', () => {
    expect(survival(etcd(true, true, true), 3).losses).toBe(1)
    expect(survival(etcd(true, true, false), 2)).toMatchObject({
      losses: 0,
      because: expect.stringContaining('2 of 3 etcd members healthy'),
    })
    expect(survival(etcd(true, true, true, true, true), 5).losses).toBe(2)
    expect(survival(etcd(true, true, true, true, true), 2).losses).toBe(1)
  })

  it('is none once the quorum or every API server is gone, and says which', () => {
    expect(survival(etcd(true, false, false), 3)).toMatchObject({ losses: 0, because: expect.stringContaining('nothing can be written') })
    expect(survival(etcd(true, true, true), 0)).toMatchObject({ losses: 0, because: 'no API server is ready' })
    expect(survival(embedded(false), 3)).toMatchObject({ losses: 0, because: 'the store does not run' })
  })

  it('with the embedded store counts API servers, and says that the store is one process', () => {
    expect(survival(embedded(true), 3)).toMatchObject({ losses: 2, because: expect.stringContaining('the embedded store is one process') })
  })
})

describe('who leads', () => {
  const lease = (name: string, holderIdentity: string) => ({ metadata: { name }, spec: { holderIdentity } })

  it('is the node that the holder of the lease is named after', () => {
    expect(
      leadersOf([lease('kube-scheduler', 'cp-2_5b6e'), lease('kube-controller-manager', 'cp-1_77aa'), lease('apiserver-x', 'apiserver-x')]),
    ).toEqual({ 'kube-scheduler': 'cp-2', 'kube-controller-manager': 'cp-1' })
  })

  it('is nobody when the lease was released', () => {
    expect(leadersOf([lease('kube-scheduler', '')])).toEqual({})
  })
})
