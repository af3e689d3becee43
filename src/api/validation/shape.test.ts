import { describe, expect, it } from 'vitest'
import { kindCodec } from '../scheme.js'

const faultsOf = (group: string, kind: string, object: object) =>
  (kindCodec({ group, version: 'v1', kind })?.validateShape?.({ metadata: {}, ...object } as never, undefined) ?? []).map(
    ({ reason, path }) => `${reason} ${path}`,
  )
const container = { name: 'main', image: 'x' }

describe('the shape of an object', () => {
  it('asks for what is required, every fault at once, through absent structs as through empty ones', () => {
    expect(faultsOf('apps', 'Deployment', {})).toEqual([
      'FieldValueRequired spec.selector',
      'FieldValueRequired spec.template.spec.containers',
    ])
    const pod = { spec: { containers: [{ image: 'x' }, { ...container, env: [{ value: 'v' }], volumeMounts: [{ name: 'a' }] }] } }
    expect(faultsOf('', 'Pod', pod)).toEqual([
      'FieldValueRequired spec.containers[0].name',
      'FieldValueRequired spec.containers[1].env[0].name',
      'FieldValueRequired spec.containers[1].volumeMounts[0].mountPath',
    ])
  })

  it('lets zero numbers, absent pointers and lists that may be empty be', () => {
    expect(faultsOf('', 'Pod', { spec: { containers: [container] } })).toEqual([])
    expect(faultsOf('', 'Pod', { spec: { containers: null } })).toEqual(['FieldValueRequired spec.containers'])
    expect(faultsOf('', 'LimitRange', { spec: {} })).toEqual([])
    expect(faultsOf('storage.k8s.io', 'CSINode', { spec: { drivers: [] } })).toEqual([])
    expect(faultsOf('policy', 'PodDisruptionBudget', {})).toEqual([])
  })

  it('takes one of the words that there are, in lists too', () => {
    expect(faultsOf('', 'Pod', { spec: { containers: [container], restartPolicy: 'Sometimes' } })).toEqual([
      'FieldValueNotSupported spec.restartPolicy',
    ])
    expect(faultsOf('networking.k8s.io', 'NetworkPolicy', { spec: { podSelector: {}, policyTypes: ['Ingress', 'Sideways'] } })).toEqual([
      'FieldValueNotSupported spec.policyTypes[1]',
    ])
  })

  it('does not judge status, nor members that an update has left as they were', () => {
    expect(faultsOf('', 'Pod', { spec: { containers: [container] }, status: { phase: 'Odd', conditions: [{}] } })).toEqual([])
    const spec = { containers: [] }
    const validate = kindCodec({ group: '', version: 'v1', kind: 'Pod' })?.validateShape
    expect(validate?.({ metadata: {}, spec } as never, { metadata: {}, spec } as never)).toEqual([])
  })
})
