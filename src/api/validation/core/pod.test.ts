import { describe, expect, it } from 'vitest'
import { judge } from '../testdata/judge.js'

const pod = (spec: object = {}, more: object = {}) => ({
  metadata: { name: 'p' },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  ...more,
})

describe('pods', () => {
  it('are complete and say everything that is wrong at once', () => {
    expect(judge('/pods', pod())).toEqual([])
    const wrong = pod({
      restartPolicy: 'Sometimes',
      containers: [
        { name: 'C', image: '', ports: [{ containerPort: 70000 }], volumeMounts: [{ name: 'v', mountPath: '' }] },
        { name: 'C', image: 'i', resources: { requests: { cpu: '2', disk: '1' }, limits: { cpu: '1' } } },
      ],
      tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }],
    })
    expect(judge('/pods', wrong).sort()).toEqual([
      'Duplicate spec.containers[1].name',
      'Invalid spec.containers[0].name',
      'Invalid spec.containers[0].ports[0].containerPort',
      'Invalid spec.containers[1].name',
      'Invalid spec.containers[1].resources.requests',
      'Invalid spec.containers[1].resources.requests[disk]',
      'Invalid spec.containers[1].resources.requests[disk]',
      'Invalid spec.tolerations[0].operator',
      'NotFound spec.containers[0].volumeMounts[0].name',
      'NotSupported spec.restartPolicy',
      'Required spec.containers[0].image',
      'Required spec.containers[0].volumeMounts[0].mountPath',
    ])
  })

  it('have one source a volume and mount what has no fault', () => {
    const volumes = [
      { name: 'a', emptyDir: {}, hostPath: { path: '/x' } },
      { name: 'b', secret: { secretName: 's', items: [{ key: 'k', path: '../x' }] } },
      { name: 'd', image: { reference: 'r' } },
    ]
    const containers = [{ name: 'c', image: 'i', volumeMounts: ['a', 'b', 'd'].map((name) => ({ name, mountPath: `/${name}` })) }]
    expect(judge('/pods', pod({ volumes, containers }))).toEqual([
      'Forbidden spec.volumes[0].hostPath',
      'Invalid spec.volumes[1].secret.items[0].path',
      'NotFound spec.containers[0].volumeMounts[0].name',
      'NotFound spec.containers[0].volumeMounts[1].name',
    ])
  })

  it('may change image, deadline and tolerations, little else', () => {
    const old = pod({ tolerations: [{ key: 'a', operator: 'Exists' }], activeDeadlineSeconds: 100 })
    const change = (spec: object) => judge('/pods', pod({ ...old.spec, ...spec }), old)
    expect(change({ containers: [{ name: 'c', image: 'other', imagePullPolicy: 'Always' }] })).toEqual([])
    expect(change({ activeDeadlineSeconds: 50 })).toEqual([])
    expect(change({ tolerations: [{ key: 'a', operator: 'Exists', tolerationSeconds: 3, effect: '' }, { key: 'b' }] })).toEqual([
      'Invalid spec.tolerations[0].effect',
      'Invalid spec.tolerations[0].effect',
    ])
    expect(change({ activeDeadlineSeconds: 200 })).toEqual(['Invalid spec.activeDeadlineSeconds'])
    expect(change({ tolerations: [] })).toEqual(['Forbidden spec.tolerations'])
    expect(
      change({
        containers: [
          { name: 'c', image: 'i' },
          { name: 'd', image: 'i' },
        ],
      }),
    ).toEqual(['Forbidden spec.containers'])
    expect(change({ containers: [{ name: 'c', image: 'i', command: ['x'] }] })).toEqual(['Forbidden spec'])
    expect(change({ nodeName: 'n' })).toEqual(['Forbidden spec'])
    expect(change({ nodeSelector: { a: 'b' } })).toEqual(['Forbidden spec'])
  })

  it('may be narrowed while they are gated (KEP-3838)', () => {
    const old = pod({ schedulingGates: [{ name: 'g' }], nodeSelector: { a: 'b' } })
    const change = (spec: object) => judge('/pods', pod({ ...old.spec, ...spec }), old)
    const affinity = {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'k', operator: 'Exists' }] }] },
      },
    }
    expect(change({ nodeSelector: { a: 'b', c: 'd' } })).toEqual([])
    expect(change({ affinity })).toEqual([])
    expect(change({ nodeSelector: { c: 'd' } })).toEqual(['Invalid spec.nodeSelector'])
    expect(change({ schedulingGates: [{ name: 'h' }] })).toEqual(['Forbidden spec.schedulingGates[0].name'])
  })

  it('keep their class of service when they are resized (KEP-1287)', () => {
    const of = (cpu: string, more: object = {}) =>
      pod({ containers: [{ name: 'c', image: 'i', resources: { requests: { cpu, ...more }, limits: { cpu, ...more } } }] })
    const old = { ...of('1', { memory: '1Gi' }), status: { qosClass: 'Guaranteed' } }
    expect(judge('/pods', { ...of('2', { memory: '1Gi' }), status: old.status }, old, 'resize')).toEqual([])
    expect(judge('/pods', { ...of('2'), status: old.status }, old, 'resize')).toEqual([
      'Invalid spec',
      'Forbidden spec.containers[0].resources.requests',
      'Forbidden spec.containers[0].resources.limits',
    ])
  })
})
