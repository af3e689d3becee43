import { describe, expect, it } from 'vitest'
import type { Pod } from '../../api/types/core-v1.js'
import { policyPodOf, slimPod } from './pod.js'

function podOf(
  spec: Partial<NonNullable<Pod['spec']>> = {},
  status: Pod['status'] = { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }, { ip: 'FD00::0001' }] },
): Pod {
  return {
    metadata: { name: 'web', namespace: 'a', uid: 'u', resourceVersion: '1', labels: { app: 'web' }, annotations: { big: 'x' } },
    spec: {
      nodeName: 'here',
      containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: 80 }, { containerPort: 81 }] }],
      ...spec,
    },
    status,
  }
}

describe('a pod for policies', () => {
  it('has its addresses in the kernel’s words, and its named ports', () => {
    expect(policyPodOf(podOf(), 'here')).toEqual({
      ...{ key: 'a/web', namespace: 'a', labels: { app: 'web' }, local: true },
      addresses: [
        { family: 'IPv4', text: '10.0.0.1' },
        { family: 'IPv6', text: 'fd00::1' },
      ],
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
    })
  })

  it('is none in its host’s network, when it has ended, or without an address on another node', () => {
    expect(policyPodOf(podOf({ hostNetwork: true }), 'here')).toBeUndefined()
    for (const phase of ['Succeeded', 'Failed'] as const)
      expect(policyPodOf(podOf({}, { phase, podIP: '10.0.0.1' }), 'here')).toBeUndefined()
    expect(policyPodOf(podOf({}, { phase: 'Pending' }), 'elsewhere')).toBeUndefined()
    expect(policyPodOf(podOf({}, { phase: 'Pending' }), 'here')).toMatchObject({ addresses: [], local: true })
  })

  it('has the ports of sidecars, not those of init containers that end', () => {
    const init = (name: string, restartPolicy?: 'Always') => ({
      name,
      image: 'i',
      ports: [{ name, containerPort: 1 }],
      ...(restartPolicy ? { restartPolicy } : {}),
    })
    expect(
      policyPodOf(podOf({ initContainers: [init('once'), init('sidecar', 'Always')] }), 'here')?.ports.map(({ name }) => name),
    ).toEqual(['http', 'sidecar'])
  })

  it('is the same when only what policies need is kept', () => {
    for (const pod of [
      podOf(),
      podOf({ hostNetwork: true }),
      podOf({}, { phase: 'Pending' }),
      podOf({ initContainers: [{ name: 's', restartPolicy: 'Always', ports: [{ name: 'p', containerPort: 9, protocol: 'UDP' }] }] }),
    ]) {
      const before = policyPodOf(pod, 'here')
      slimPod(pod)
      expect(policyPodOf(pod, 'here')).toEqual(before)
      expect(pod.metadata.annotations).toBeUndefined()
    }
  })
})
