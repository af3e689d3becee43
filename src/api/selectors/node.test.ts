import { describe, expect, it } from 'vitest'
import type { Node, PodSpec } from '../types/core-v1.js'
import { requiredNodeMatcher, tolerates, untoleratedTaint } from './node.js'

const node = (name: string, labels: Record<string, string> = {}): Node => ({ metadata: { name, labels } })
const fits = (spec: Partial<PodSpec>, ...nodes: Node[]) =>
  nodes.filter(requiredNodeMatcher({ containers: [], ...spec })).map((each) => each.metadata.name)
const required = (...nodeSelectorTerms: object[]): Partial<PodSpec> => ({
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
})
const nodes = [node('a', { zone: 'x', size: '3' }), node('b', { zone: 'y' })]

describe('required nodes', () => {
  it('are all without a selector', () => {
    expect(fits({}, ...nodes)).toEqual(['a', 'b'])
  })
  it('match the node selector and one of the terms', () => {
    expect(fits({ nodeSelector: { zone: 'x' } }, ...nodes)).toEqual(['a'])
    expect(fits(required({ matchExpressions: [{ key: 'zone', operator: 'In', values: ['x', 'y'] }] }), ...nodes)).toEqual(['a', 'b'])
    expect(
      fits(
        { nodeSelector: { zone: 'y' }, ...required({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] }) },
        ...nodes,
      ),
    ).toEqual([])
    expect(
      fits(
        required(
          { matchExpressions: [{ key: 'size', operator: 'Gt', values: ['2'] }] },
          { matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: ['a'] }] },
        ),
        ...nodes,
      ),
    ).toEqual(['a', 'b'])
  })
  it('are none for empty terms', () => {
    expect(fits(required(), ...nodes)).toEqual([])
    expect(fits(required({}), ...nodes)).toEqual([])
  })
})

describe('tolerations', () => {
  const taint = { key: 'k', value: 'v', effect: 'NoSchedule' } as const
  it('match by key, operator and effect', () => {
    expect(tolerates({ key: 'k', value: 'v' }, taint)).toBe(true)
    expect(tolerates({ key: 'k' }, taint)).toBe(false)
    expect(tolerates({ key: 'k', operator: 'Exists' }, taint)).toBe(true)
    expect(tolerates({ operator: 'Exists' }, taint)).toBe(true)
    expect(tolerates({ operator: 'Exists', effect: 'NoExecute' }, taint)).toBe(false)
  })
  it('are asked for the effects that matter', () => {
    expect(untoleratedTaint([taint], [], ['NoExecute'])).toBeUndefined()
    expect(untoleratedTaint([taint], undefined, ['NoExecute', 'NoSchedule'])).toBe(taint)
    expect(untoleratedTaint([taint], [{ operator: 'Exists' }], ['NoSchedule'])).toBeUndefined()
  })
})
