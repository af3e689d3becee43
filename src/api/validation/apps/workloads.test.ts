import { describe, expect, it } from 'vitest'
import { judge } from '../testdata/judge.js'

const labels = { app: 'a' }
const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } }
const workload = (spec: object = {}) => ({ metadata: { name: 'w' }, spec: { selector: { matchLabels: labels }, template, ...spec } })

describe('workloads', () => {
  it('select their own template, whose pods are kept alive', () => {
    const onceTemplate = { ...template, spec: { ...template.spec, restartPolicy: 'Never' } }
    for (const key of ['apps/deployments', 'apps/replicasets', 'apps/statefulsets', 'apps/daemonsets']) {
      expect(judge(key, workload())).toEqual([])
      expect(judge(key, workload({ selector: { matchLabels: { app: 'b' } } }))).toEqual(['Invalid spec.template.metadata.labels'])
      expect(judge(key, workload({ template: onceTemplate }))).toEqual(['NotSupported spec.template.spec.restartPolicy'])
    }
    expect(judge('apps/deployments', workload({ selector: undefined }))).toEqual([
      'Required spec.selector',
      'Invalid spec.template.metadata.labels',
    ])
    expect(judge('apps/deployments', workload({ selector: {} }))).toEqual(['Invalid spec.selector'])
  })

  it("mount the claims of a StatefulSet's templates as volumes", () => {
    const mounting = (name: string) => [{ name: 'c', image: 'i', volumeMounts: [{ name, mountPath: '/d' }] }]
    const volumeClaimTemplates = [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }]
    const set = (name: string) => workload({ volumeClaimTemplates, template: { ...template, spec: { containers: mounting(name) } } })
    expect(judge('apps/statefulsets', set('data'))).toEqual([])
    expect(judge('apps/statefulsets', set('other'))).toEqual(['NotFound spec.template.spec.containers[0].volumeMounts[0].name'])
  })

  it('roll out as they can', () => {
    const rolling = (rollingUpdate: object) => workload({ strategy: { type: 'RollingUpdate', rollingUpdate } })
    expect(judge('apps/deployments', rolling({ maxSurge: 0, maxUnavailable: 0 }))).toEqual([
      'Invalid spec.strategy.rollingUpdate.maxUnavailable',
    ])
    expect(judge('apps/deployments', rolling({ maxSurge: '1', maxUnavailable: '120%' }))).toEqual([
      'Invalid spec.strategy.rollingUpdate.maxSurge',
      'Invalid spec.strategy.rollingUpdate.maxUnavailable',
    ])
    expect(judge('apps/deployments', workload({ progressDeadlineSeconds: 5, minReadySeconds: 5 }))).toEqual([
      'Invalid spec.progressDeadlineSeconds',
    ])
    const daemons = (rollingUpdate: object) => workload({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } })
    expect(judge('apps/daemonsets', daemons({ maxSurge: 1, maxUnavailable: 1 }))).toEqual([
      'Invalid spec.updateStrategy.rollingUpdate.maxSurge',
    ])
    expect(judge('apps/daemonsets', daemons({ maxSurge: 0, maxUnavailable: 0 }))).toEqual([
      'Required spec.updateStrategy.rollingUpdate.maxUnavailable',
    ])
  })

  it('keep their selector; a StatefulSet keeps nearly everything', () => {
    const other = { selector: { matchLabels: labels, matchExpressions: [{ key: 'app', operator: 'Exists' }] } }
    expect(judge('apps/deployments', workload(other), workload())).toEqual(['Invalid spec.selector'])
    expect(judge('apps/statefulsets', workload({ serviceName: 's' }), workload())).toEqual(['Forbidden spec'])
    expect(judge('apps/statefulsets', workload({ replicas: 3, minReadySeconds: 1 }), workload())).toEqual([])
  })
})

describe('Jobs', () => {
  const once = { metadata: { labels }, spec: { ...template.spec, restartPolicy: 'Never' } }
  const job = (spec: object = {}, more: object = {}) => ({
    metadata: { name: 'j', uid: 'u' },
    spec: { manualSelector: true, selector: { matchLabels: labels }, template: once, ...spec },
    ...more,
  })

  it('count what they have of each index (KEP-2214)', () => {
    expect(judge('batch/jobs', job({ completionMode: 'Indexed' }))).toEqual([])
    expect(judge('batch/jobs', job({ completionMode: 'Indexed', parallelism: 2 }))).toEqual(['Required spec.completions'])
    const policy = (succeededIndexes: string) =>
      job({ completionMode: 'Indexed', completions: 5, successPolicy: { rules: [{ succeededIndexes }] } })
    expect(judge('batch/jobs', policy('0,2-4'))).toEqual([])
    for (const text of ['5', '2-1', '1,1', 'a', '2,1'])
      expect(judge('batch/jobs', policy(text))).toEqual(['Invalid spec.successPolicy.rules[0].succeededIndexes'])
  })

  it('are moved while they are suspended, and their controller says so (KEP-2926)', () => {
    const moved = { ...once, spec: { ...once.spec, nodeSelector: { zone: 'a' } } }
    const suspended = { status: { conditions: [{ type: 'Suspended', status: 'True' }] } }
    expect(judge('batch/jobs', job({ suspend: true, template: moved }), job({ suspend: true }))).toEqual(['Invalid spec.template'])
    expect(judge('batch/jobs', job({ suspend: true, template: moved }), job({ suspend: true }, suspended))).toEqual([])
  })

  it('end once and in one way', () => {
    const ended = (...types: string[]) =>
      job({}, { status: { startTime: '2024-05-01T10:00:00Z', conditions: types.map((type) => ({ type, status: 'True' })) } })
    expect(judge('batch/jobs', ended('Complete', 'SuccessCriteriaMet'), job(), 'status')).toEqual(['Required status.completionTime'])
    expect(judge('batch/jobs', ended('Failed'), job(), 'status')).toEqual(['Invalid status.conditions'])
    expect(judge('batch/jobs', ended(), ended('Failed', 'FailureTarget'), 'status')).toEqual([
      'Invalid status.conditions',
      'Invalid status.conditions',
    ])
  })
})
