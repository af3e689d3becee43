/** ValidatingAdmissionPolicy and MutatingAdmissionPolicy against a whole API server (KEP-3488, KEP-3962). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KubeObject } from '../../../api/object.js'
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../../../api/types/admissionregistration-v1.js'
import type { ConfigMap } from '../../../api/types/core-v1.js'
import { type TestApiServer, testApiServer } from '../../../client/testdata/api-server.js'

const group = { group: 'admissionregistration.k8s.io', version: 'v1' }
const resourceRules = [
  { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE' as const, 'UPDATE' as const], resources: ['configmaps'] },
]

describe('admission policies', () => {
  let api: TestApiServer
  beforeEach(async () => {
    api = await testApiServer()
  })
  afterEach(() => api.stop())

  const of = <T extends KubeObject>(resource: string) => api.client.resource<T>({ ...group, resource })
  const configMaps = () => api.client.resource<ConfigMap>({ group: '', version: 'v1', resource: 'configmaps' })
  const make = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}) =>
    configMaps().create({ metadata: { name, namespace: 'default', labels }, data })
  /** What is written is seen by the server's own watch, which is a moment behind. */
  const settled = async (resource: string) => {
    const cacher = api.server.resources.get(group.group, group.version, resource)?.stored.cacher
    await cacher?.fresh()
  }

  async function validate(
    spec: NonNullable<ValidatingAdmissionPolicy['spec']>,
    binding: Partial<ValidatingAdmissionPolicyBinding['spec']> = {},
  ): Promise<void> {
    await of<ValidatingAdmissionPolicy>('validatingadmissionpolicies').create({
      metadata: { name: 'p' },
      spec: { matchConstraints: { resourceRules }, ...spec },
    })
    await of<ValidatingAdmissionPolicyBinding>('validatingadmissionpolicybindings').create({
      metadata: { name: 'b' },
      spec: { policyName: 'p', validationActions: ['Deny'], ...binding },
    })
    await settled('validatingadmissionpolicies')
    await settled('validatingadmissionpolicybindings')
  }

  async function mutate(name: string, spec: NonNullable<MutatingAdmissionPolicy['spec']>): Promise<void> {
    await of<MutatingAdmissionPolicy>('mutatingadmissionpolicies').create({
      metadata: { name },
      spec: { matchConstraints: { resourceRules }, reinvocationPolicy: 'Never', ...spec },
    })
    await of<MutatingAdmissionPolicyBinding>('mutatingadmissionpolicybindings').create({ metadata: { name }, spec: { policyName: name } })
    await settled('mutatingadmissionpolicies')
    await settled('mutatingadmissionpolicybindings')
  }

  it('refuse with the reason and the message of the first validation that fails', async () => {
    await validate({
      variables: [{ name: 'size', expression: 'has(object.data) ? object.data.size() : 0' }],
      validations: [
        { expression: 'variables.size < 2', messageExpression: "'%d is too many'.format([variables.size])", reason: 'Forbidden' },
      ],
    })
    await make('a', { x: '1' })
    await expect(make('b', { x: '1', y: '2' })).rejects.toMatchObject({
      code: 403,
      status: {
        reason: 'Forbidden',
        details: { name: 'b', kind: 'configmaps', causes: [{ message: expect.stringContaining('2 is too many') as string }] },
      },
    })
  })

  it('judge only what their conditions and selectors choose, and let pass when a policy that fails is to be ignored', async () => {
    await validate({
      failurePolicy: 'Ignore',
      matchConstraints: { resourceRules, objectSelector: { matchLabels: { guarded: 'yes' } } },
      matchConditions: [{ name: 'not-x', expression: "object.metadata.name != 'x'" }],
      validations: [{ expression: "object.data.mode == 'on'" }],
    })
    await make('free', { mode: 'off' })
    await make('x', { mode: 'off' }, { guarded: 'yes' })
    await configMaps().create({ metadata: { name: 'broken', namespace: 'default', labels: { guarded: 'yes' } } })
    await expect(make('held', { mode: 'off' }, { guarded: 'yes' })).rejects.toMatchObject({ code: 422 })
  })

  it('may ask what the one who asks may do', async () => {
    await validate({
      validations: [{ expression: "authorizer.group('').resource('secrets').namespace('default').check('get').allowed()" }],
    })
    await make('a')
  })

  it('warn instead of refusing when the binding says so', async () => {
    await validate({ validations: [{ expression: 'false', message: 'never' }] }, { validationActions: ['Warn'] })
    const answer = await api.client.raw({
      method: 'POST',
      path: '/api/v1/namespaces/default/configmaps',
      headers: { 'content-type': 'application/json' },
      body: new TextEncoder().encode(JSON.stringify({ metadata: { name: 'a' } })),
    })
    expect(answer.status).toBe(201)
    expect(JSON.stringify([...Object.entries(answer.headers)])).toContain('never')
  })

  it('take parameters by name and refuse when they are wanted and missing', async () => {
    const params = { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } }
    await make('limits', { max: 'b' })
    await validate(
      { ...params, validations: [{ expression: "object.metadata.name == 'limits' || object.metadata.name < params.data.max" }] },
      { paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' } },
    )
    await make('a')
    await expect(make('c')).rejects.toMatchObject({ code: 422 })
    await configMaps().delete('default', 'limits')
    await api.server.resources.get('', 'v1', 'configmaps')?.stored.cacher.fresh()
    await expect(make('aa')).rejects.toMatchObject({ code: 422 })
  })

  it('change objects by configurations and patches, and are asked again when they want to see what came after', async () => {
    await mutate('a', {
      reinvocationPolicy: 'IfNeeded',
      mutations: [
        {
          patchType: 'JSONPatch',
          jsonPatch: { expression: "'late' in object.data ? [JSONPatch{op: 'add', path: '/data/seen', value: 'yes'}] : []" },
        },
      ],
    })
    await mutate('b', {
      mutations: [
        {
          patchType: 'ApplyConfiguration',
          applyConfiguration: { expression: "Object{data: {'late': '1'}, metadata: Object.metadata{labels: {'l': object.metadata.name}}}" },
        },
      ],
    })
    const made = await make('x', { k: 'v' })
    expect(made.data).toEqual({ k: 'v', late: '1', seen: 'yes' })
    expect(made.metadata.labels).toEqual({ l: 'x' })
  })

  it('whose mutation cannot be done fail the request', async () => {
    await mutate('a', {
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: "Object{spec: Object.spec{x: 'y'}}" } }],
    })
    await expect(make('x')).rejects.toMatchObject({ code: 403, status: { reason: 'Invalid' } })
  })

  it('are refused when their expressions are wrong, at the expression', async () => {
    await expect(
      validate({
        validations: [{ expression: 'params.x' }, { expression: 'object.' }],
        variables: [{ name: 'a', expression: 'variables.b' }],
      }),
    ).rejects.toMatchObject({
      status: {
        details: {
          causes: [
            { field: 'spec.variables[0].expression' },
            { field: 'spec.validations[0].expression' },
            { field: 'spec.validations[1].expression' },
          ],
        },
      },
    })
  })
})
