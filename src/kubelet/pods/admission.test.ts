import { expect, test } from 'vitest'
import type { Node, Pod } from '../../api/types/core-v1.js'
import { refusalOf } from './admission.js'
import { NodeUsage, shareOf } from './node-usage.js'

const node: Node = {
  metadata: { name: 'n', labels: { zone: 'a', cores: '8' } },
  spec: { taints: [{ key: 'gone', effect: 'NoExecute' }] },
  status: { allocatable: { cpu: '1', memory: '1Gi', pods: '3' } },
}
const podOf = (spec: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name: 'p', uid: 'u' },
  spec: { containers: [{ name: 'a', image: 'a' }], tolerations: [{ operator: 'Exists' }], ...spec },
})
const refusal = (pod: Pod, usage = new NodeUsage(), isStatic = false) =>
  refusalOf({ pod, node, usage, share: shareOf(pod), isStatic })?.reason
const asking = (requests: Record<string, string>) => podOf({ containers: [{ name: 'a', image: 'a', resources: { requests } }] })

test("resources: what all pods ask for must fit; unknown ones are not the kubelet's to refuse", () => {
  const usage = new NodeUsage()
  usage.add('first', shareOf(asking({ cpu: '600m' })))
  expect(refusal(asking({ cpu: '400m' }), usage)).toBeUndefined()
  expect(refusal(asking({ cpu: '401m' }), usage)).toBe('OutOfcpu')
  expect(refusal(asking({ memory: '2Gi' }), usage)).toBe('OutOfmemory')
  expect(refusal(asking({ 'example.com/gpu': '1' }), usage)).toBeUndefined()
  usage.delete('first')
  expect(refusal(asking({ cpu: '1' }), usage)).toBeUndefined()
  for (const uid of ['1', '2', '3']) usage.add(uid, shareOf(podOf()))
  expect(refusal(podOf(), usage)).toBe('OutOfpods')
})

test('the node must still be the one that was asked for: NodeAffinity', () => {
  expect(refusal(podOf({ nodeSelector: { zone: 'b' } }))).toBe('NodeAffinity')
  const requires = (operator: 'Gt' | 'NotIn' | 'Exists', key: string, values: string[]) =>
    podOf({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }] },
        },
      },
    })
  expect(refusal(requires('Gt', 'cores', ['4']))).toBeUndefined()
  expect(refusal(requires('Gt', 'cores', ['8']))).toBe('NodeAffinity')
  expect(refusal(requires('NotIn', 'missing', ['x']))).toBeUndefined()
  expect(refusal(requires('Exists', 'missing', []))).toBe('NodeAffinity')
})

test("host ports are one pod's; 0.0.0.0 is every address", () => {
  const on = (hostPort: number, hostIP?: string) =>
    podOf({ containers: [{ name: 'a', image: 'a', ports: [{ containerPort: 80, hostPort, ...(hostIP ? { hostIP } : {}) }] }] })
  const usage = new NodeUsage()
  usage.add('first', shareOf(on(80, '127.0.0.1')))
  expect(refusal(on(80), usage)).toBe('NodePorts')
  expect(refusal(on(80, '127.0.0.2'), usage)).toBeUndefined()
  expect(refusal(on(81), usage)).toBeUndefined()
})

test('a NoExecute taint keeps pods out that do not tolerate it, but no static pods', () => {
  expect(refusal(podOf({ tolerations: [] }))).toBe('TaintToleration')
  expect(refusal(podOf({ tolerations: [] }), new NodeUsage(), true)).toBeUndefined()
})
