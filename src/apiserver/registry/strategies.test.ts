import { describe, expect, it } from 'vitest'
import type { JsonValue, UnknownObject } from '../../api/object.js'
import { kindCodec } from '../../api/scheme.js'
import { StatusError } from '../../api/status.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { strategies } from './strategies.js'
import type { Strategy, StrategyContext } from './strategy.js'

const context: StrategyContext = {
  clock: new VirtualClock(),
  random: seededRandom(1),
  user: { name: 'alice', uid: 'u', groups: ['dev'] },
  dryRun: false,
  subresource: '',
}

function strategyOf(key: string): Strategy {
  const strategy = strategies.get(key)
  if (!strategy) throw new Error(`no strategy ${key}`)
  return strategy
}
const object = (of: object) => structuredClone(of) as UnknownObject

function created(key: string, of: object): UnknownObject {
  const made = object(of)
  strategyOf(key).prepareForCreate?.(made, context)
  return made
}

function updated(key: string, of: object, old: object): UnknownObject {
  const made = object(of)
  strategyOf(key).prepareForUpdate?.(made, old as UnknownObject, context)
  return made
}

describe('pods', () => {
  const pod = (spec: object = {}, more: object = {}) => ({
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
    ...more,
  })
  const withResources = (...of: object[]) =>
    pod({ containers: of.map((resources, index) => ({ name: `c${index}`, image: 'i', resources })) })

  it('begin pending, with the class that their resources make', () => {
    const classOf = (of: object) => (created('/pods', of)['status'] as { qosClass: string }).qosClass
    expect(created('/pods', pod({}, { status: { phase: 'Running', podIP: '1.2.3.4' } }))['status']).toEqual({
      phase: 'Pending',
      qosClass: 'BestEffort',
    })
    expect(classOf(withResources({ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } }))).toBe('Guaranteed')
    expect(classOf(withResources({ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } }, {}))).toBe('Burstable')
    expect(classOf(withResources({ requests: { cpu: '10m' } }))).toBe('Burstable')
    expect(classOf(withResources({ requests: { cpu: '0' } }))).toBe('BestEffort')
  })

  it('say that they are gated, until they are not', () => {
    const gated = created('/pods', pod({ schedulingGates: [{ name: 'g' }] }))
    expect(gated['status']).toMatchObject({ conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] })
    expect(updated('/pods', pod(), gated)['status']).toMatchObject({ conditions: [] })
  })

  it('take the values of matchLabelKeys into their selectors', () => {
    const constraint = {
      maxSkew: 1,
      topologyKey: 'zone',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: {},
      matchLabelKeys: ['rev', 'none'],
    }
    const made = created('/pods', { ...pod({ topologySpreadConstraints: [constraint] }), metadata: { labels: { rev: 'r1' } } })
    expect(made['spec']).toMatchObject({
      topologySpreadConstraints: [{ labelSelector: { matchExpressions: [{ key: 'rev', operator: 'In', values: ['r1'] }] } }],
    })
  })

  it('are given time to end only when a kubelet runs them', () => {
    const grace = (of: object, asked?: number) => strategyOf('/pods').gracePeriod?.(of as UnknownObject, asked)
    const bound = pod({ nodeName: 'n', terminationGracePeriodSeconds: 5 })
    expect([grace(pod()), grace(bound), grace(bound, 12), grace(bound, 0), grace(bound, -1)]).toEqual([0, 5, 12, 0, 1])
    expect(grace({ ...bound, status: { phase: 'Succeeded' } })).toBe(0)
  })

  it('are bound once, when nothing holds them', () => {
    const bind = (of: object, body: object = {}) => {
      const made = object(of)
      strategyOf('/pods').actions?.['binding']?.(made, object({ metadata: { name: 'p' }, target: { name: 'n' }, ...body }), context)
      return made
    }
    const bound = bind(pod())
    expect(bound).toMatchObject({ spec: { nodeName: 'n' }, status: { conditions: [{ type: 'PodScheduled', status: 'True' }] } })
    const code = (run: () => unknown) => {
      try {
        run()
      } catch (error) {
        return error instanceof StatusError ? error.code : error
      }
      return 201
    }
    expect(code(() => bind(bound))).toBe(409)
    expect(code(() => bind(pod({ schedulingGates: [{ name: 'g' }] })))).toBe(409)
    expect(code(() => bind({ ...pod(), metadata: { name: 'p', deletionTimestamp: 'now' } }))).toBe(409)
    expect(code(() => bind(pod(), { metadata: { name: 'other' } }))).toBe(400)
    expect(code(() => bind(pod(), { target: {} }))).toBe(422)
    const generation = strategyOf('/pods').generation
    expect(typeof generation === 'function' && generation(bound, object(pod()))).toBe(false)
  })

  it('change resources alone through /resize', () => {
    const rule = strategyOf('/pods').subresources?.['resize']
    const of = (cpu: string, image = 'i') =>
      pod({ containers: [{ name: 'c', image, resources: { requests: { cpu, memory: '1Gi' }, limits: { cpu, memory: '1Gi' } } }] })
    const old = { ...of('1'), status: { qosClass: 'Guaranteed' } }
    const resized = object(of('2', 'other'))
    rule?.prepareForUpdate(resized, object(old), context)
    expect(resized['spec']).toEqual(of('2').spec)
  })
})

describe('services', () => {
  const service = (spec: object) => ({ metadata: { name: 's' }, spec })
  it('keep what a PUT leaves out and was allocated', () => {
    const old = service({
      type: 'NodePort',
      clusterIP: '10.0.0.1',
      clusterIPs: ['10.0.0.1'],
      ports: [{ port: 80, protocol: 'TCP', nodePort: 30001 }],
    })
    const now = updated('/services', service({ type: 'NodePort', ports: [{ port: 80, protocol: 'TCP' }, { port: 81 }] }), old)
    expect(now['spec']).toEqual({
      type: 'NodePort',
      clusterIP: '10.0.0.1',
      clusterIPs: ['10.0.0.1'],
      ports: [{ port: 80, protocol: 'TCP', nodePort: 30001 }, { port: 81 }],
    })
  })

  it('drop what only the old type had', () => {
    const spec = {
      clusterIP: '10.0.0.1',
      clusterIPs: ['10.0.0.1'],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
      externalTrafficPolicy: 'Local',
      allocateLoadBalancerNodePorts: true,
      loadBalancerClass: 'x/y',
      healthCheckNodePort: 30002,
      ports: [{ port: 80, nodePort: 30001 }],
    }
    const old = { ...service({ ...spec, type: 'LoadBalancer' }), status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } } }
    expect(updated('/services', service({ ...spec, type: 'ClusterIP' }), old)).toEqual({
      metadata: { name: 's' },
      spec: {
        type: 'ClusterIP',
        clusterIP: '10.0.0.1',
        clusterIPs: ['10.0.0.1'],
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        internalTrafficPolicy: 'Cluster',
        ports: [{ port: 80 }],
      },
      status: { loadBalancer: {} },
    })
    expect(updated('/services', service({ ...spec, type: 'ExternalName', externalName: 'e' }), old)['spec']).toEqual({
      type: 'ExternalName',
      externalName: 'e',
      ports: [{ port: 80 }],
    })
  })
})

describe('namespaces', () => {
  const key = '/namespaces'
  it('are labelled with their name and held by their own finalizer', () => {
    const made = created(key, { metadata: { name: 'n', labels: { 'kubernetes.io/metadata.name': 'lie' } } })
    expect(made).toEqual({
      metadata: { name: 'n', labels: { 'kubernetes.io/metadata.name': 'n' } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    })
    expect(strategyOf(key).holdsDeletion?.(made)).toBe(true)
    const changed = updated(key, { metadata: { name: 'n' }, spec: { finalizers: [] }, status: { phase: 'Terminating' } }, made)
    expect(changed).toEqual(made)
    strategyOf(key).prepareForDeletion?.(changed, context)
    expect(changed['status']).toEqual({ phase: 'Terminating' })
    const finalized = object({ metadata: { name: 'x' }, spec: { finalizers: [] } })
    strategyOf(key).subresources?.['finalize']?.prepareForUpdate(finalized, changed, context)
    expect(finalized).toEqual({ ...changed, spec: { finalizers: [] } })
    expect(strategyOf(key).holdsDeletion?.(finalized)).toBe(false)
  })
})

describe('other kinds', () => {
  it('secrets take stringData over data, __proto__ like any key', () => {
    const codec = kindCodec({ group: '', version: 'v1', kind: 'Secret' })
    const sent = '{"metadata":{},"data":{"pw":"b2xk"},"stringData":{"pw":"hünter","__proto__":"x"}}'
    const made = codec?.decode(JSON.parse(sent) as JsonValue) as UnknownObject
    codec?.applyDefaults(made)
    expect(made['stringData']).toBeUndefined()
    expect(Object.entries(made['data'] as object)).toEqual([
      ['pw', Buffer.from('hünter').toString('base64')],
      ['__proto__', 'eA=='],
    ])
  })

  it('jobs select their own pods unless told otherwise', () => {
    const job = { metadata: { name: 'j', uid: 'u1' }, spec: { template: { metadata: { labels: { app: 'x' } }, spec: {} } } }
    const made = created('batch/jobs', job)
    const labels = {
      app: 'x',
      'batch.kubernetes.io/controller-uid': 'u1',
      'batch.kubernetes.io/job-name': 'j',
      'controller-uid': 'u1',
      'job-name': 'j',
    }
    expect(made).toMatchObject({
      spec: { selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } }, template: { metadata: { labels } } },
    })
    const manual = { ...job, spec: { ...job.spec, manualSelector: true, selector: { matchLabels: { app: 'x' } } } }
    expect(created('batch/jobs', manual)['spec']).toEqual(manual.spec)
  })

  it('certificate requests say who asks, and keep decision and certificate apart', () => {
    const key = 'certificates.k8s.io/certificatesigningrequests'
    const made = created(key, {
      metadata: {},
      spec: { request: 'r', signerName: 's/n', username: 'root', extra: { a: ['b'] } },
      status: { certificate: 'c' },
    })
    expect(made).toMatchObject({ spec: { username: 'alice', uid: 'u', groups: ['dev'] }, status: {} })
    expect(made['spec']).not.toHaveProperty('extra')
    const approved = object({ ...made, spec: {}, status: { certificate: 'mine', conditions: [{ type: 'Approved', status: 'True' }] } })
    strategyOf(key).subresources?.['approval']?.prepareForUpdate(approved, made, context)
    const condition = {
      type: 'Approved',
      status: 'True',
      lastUpdateTime: '2026-01-01T00:00:00Z',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    }
    expect(approved).toMatchObject({ spec: made['spec'], status: { conditions: [condition] } })
    expect(approved['status']).not.toHaveProperty('certificate')
    const signed = object({ ...approved, status: { certificate: 'c', conditions: [{ type: 'Denied', status: 'True' }] } })
    strategyOf(key).prepareForStatusUpdate?.(signed, approved, context)
    expect(signed['status']).toEqual({ certificate: 'c', conditions: [condition] })
  })

  it('daemon sets count their templates', () => {
    const set = (image: string) => ({ metadata: { name: 'd' }, spec: { template: { spec: { image } } } })
    const made = created('apps/daemonsets', set('a'))
    expect(made.metadata.annotations).toEqual({ 'deprecated.daemonset.template.generation': '1' })
    expect(updated('apps/daemonsets', set('a'), made).metadata.annotations).toEqual(made.metadata.annotations)
    expect(updated('apps/daemonsets', set('b'), made).metadata.annotations).toEqual({ 'deprecated.daemonset.template.generation': '2' })
  })

  it('volumes remember when their phase changed', () => {
    const old = { metadata: {}, status: { phase: 'Pending', lastPhaseTransitionTime: '2020-01-01T00:00:00Z' } }
    const now = object({ metadata: {}, status: { ...old.status, phase: 'Bound' } })
    strategyOf('/persistentvolumes').prepareForStatusUpdate?.(now, old as UnknownObject, context)
    expect(now['status']).toEqual({ phase: 'Bound', lastPhaseTransitionTime: '2026-01-01T00:00:00Z' })
  })
})
