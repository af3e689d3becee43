import { describe, expect, it } from 'vitest'
import type { Pod, ResourceQuota } from '../../api/types/core-v1.js'
import { countedBy, resourcesOf } from './counted.js'
import { quotaStatus } from './status.js'

const quota = (hard: Record<string, string>, more: Partial<ResourceQuota> = {}): ResourceQuota => ({
  metadata: { name: 'q' },
  spec: { hard },
  ...more,
})
const pod = (cpu: string, phase: 'Running' | 'Succeeded' = 'Running', more: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name: 'p' },
  spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }], ...more },
  status: { phase },
})
const pods = (...objects: Pod[]) => [{ group: '', resource: 'pods', objects }]

describe('what a quota counts', () => {
  it.each([
    ['pods', 'pods', ''],
    ['count/pods', 'pods', ''],
    ['count/deployments.apps', 'deployments', 'apps'],
    ['count/things.example.com', 'things', 'example.com'],
    ['requests.cpu', 'pods', ''],
    ['memory', 'pods', ''],
    ['limits.ephemeral-storage', 'pods', ''],
    ['requests.nvidia.com/gpu', 'pods', ''],
    ['hugepages-2Mi', 'pods', ''],
    ['services.loadbalancers', 'services', ''],
    ['requests.storage', 'persistentvolumeclaims', ''],
    ['gold.storageclass.storage.k8s.io/persistentvolumeclaims', 'persistentvolumeclaims', ''],
  ])('%s: %s of "%s"', (name, resource, group) => {
    expect(countedBy(name)).toEqual({ group, resource })
  })

  it('knows nothing of other names, and asks for each resource once', () => {
    for (const name of ['limits.nvidia.com/gpu', 'nonsense', 'services.others', 'x.storageclass.storage.k8s.io/more'])
      expect(countedBy(name)).toBeUndefined()
    expect(resourcesOf(['pods', 'requests.cpu', 'secrets', 'nonsense'])).toHaveLength(2)
  })
})

describe("a quota's status", () => {
  it('has a figure for each limit, nothing used included', () => {
    expect(quotaStatus(quota({ pods: '4', 'requests.cpu': '2' }), pods(), 0)).toEqual({
      hard: { pods: '4', 'requests.cpu': '2' },
      used: { pods: '0', 'requests.cpu': '0' },
    })
  })

  it('adds up what runs; what has ended counts as an object alone', () => {
    const status = quotaStatus(
      quota({ pods: '4', 'count/pods': '9', 'requests.cpu': '2' }),
      pods(pod('250m'), pod('250m'), pod('1', 'Succeeded')),
      0,
    )
    expect(status?.used).toEqual({ pods: '2', 'count/pods': '3', 'requests.cpu': '500m' })
  })

  it('is about the pods of its scopes', () => {
    const scoped = quota({ pods: '4' }, { spec: { hard: { pods: '4' }, scopes: ['Terminating'] } })
    expect(quotaStatus(scoped, pods(pod('1'), pod('1', 'Running', { activeDeadlineSeconds: 5 })), 0)?.used).toEqual({ pods: '1' })
  })

  it('says nothing of what nothing served uses, and drops what is no longer limited', () => {
    const old = { hard: { pods: '4', secrets: '1' }, used: { pods: '0', secrets: '1' } }
    expect(quotaStatus(quota({ pods: '4', 'count/things.example.com': '1' }, { status: old }), pods(), 0)).toEqual({
      hard: { pods: '4', 'count/things.example.com': '1' },
      used: { pods: '0' },
    })
  })

  it('is left alone when it is right, however it is written', () => {
    const status = { hard: { 'requests.cpu': '1000m' }, used: { 'requests.cpu': '0.5' } }
    expect(quotaStatus(quota({ 'requests.cpu': '1' }, { status }), pods(pod('500m')), 0)).toBeUndefined()
  })
})
