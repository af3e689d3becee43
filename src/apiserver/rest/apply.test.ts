import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KubeObject, UnknownObject } from '../../api/object.js'
import type { Client } from '../../client/client.js'
import { type TestApiServer, testApiServer } from '../../client/testdata/api-server.js'

const configMaps = { group: '', version: 'v1', resource: 'configmaps' }
const deployments = { group: 'apps', version: 'v1', resource: 'deployments' }
type ConfigMap = KubeObject & { data?: Record<string, string> }

/** PATCHes with server-side apply over the API of a server in this process. */
describe('server-side apply over the API', () => {
  let api: TestApiServer
  let client: Client
  beforeAll(async () => {
    api = await testApiServer()
    client = api.client
  })
  afterAll(() => api.stop())

  const raw = async (path: string, body: string, query = 'fieldManager=one', type = 'application/apply-patch+yaml') => {
    const bytes = new TextEncoder().encode(body)
    const response = await api.transport.request({
      method: 'PATCH',
      path: `${path}?${query}`,
      headers: { 'content-type': type },
      body: bytes,
    })
    return { code: response.status, body: JSON.parse(new TextDecoder().decode(response.body)) as UnknownObject & StatusBody }
  }
  interface StatusBody {
    readonly reason?: string
    readonly message?: string
    readonly details?: { readonly causes?: readonly { field: string; message: string }[] }
  }
  const path = (name: string) => `/api/v1/namespaces/default/configmaps/${name}`
  const configMap = (name: string, data?: Record<string, string>) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...(data ? { data } : {}) })
  const managers = ({ metadata }: KubeObject) => metadata.managedFields?.map(({ manager, operation }) => `${manager} ${operation}`)

  it('creates what is not there, and writes nothing when nothing changes', async () => {
    const created = await raw(path('menu'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: menu}\ndata: {soup: tomato}\n')
    expect([created.code, managers(created.body)]).toEqual([201, ['one Apply']])
    const again = await raw(path('menu'), configMap('menu', { soup: 'tomato' }))
    expect([again.code, again.body.metadata.resourceVersion]).toEqual([200, created.body.metadata.resourceVersion])
  })
  it('names the manager of each field that it would take', async () => {
    await raw(path('shared'), configMap('shared', { a: '1', b: '1' }))
    const { code, body } = await raw(path('shared'), configMap('shared', { a: '2', b: '2' }), 'fieldManager=two')
    expect([code, body.reason]).toEqual([409, 'Conflict'])
    expect(body.details?.causes).toEqual(
      ['.data.a', '.data.b'].map((field) => ({ reason: 'FieldManagerConflict', message: 'conflict with "one"', field })),
    )
    expect(body.message).toBe('Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b')
  })
  it('needs a field manager, the right kind and no managed fields of its own', async () => {
    expect((await raw(path('x'), configMap('x'), '')).code).toBe(422)
    expect((await raw(path('x'), configMap('x').replace('ConfigMap', 'Secret'))).code).toBe(400)
    const entries = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","managedFields":[]}}'
    expect((await raw(path('x'), entries)).body.message).toBe('metadata.managedFields must be nil')
    expect((await raw(path('x'), configMap('x'), 'fieldManager=one', 'application/apply-patch+cbor')).code).toBe(415)
  })
  it('members that are there twice are warned of, or refused', async () => {
    const twice = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}'
    expect((await raw(path('twice'), twice, 'fieldManager=one&fieldValidation=Strict')).code).toBe(400)
    expect(((await raw(path('twice'), twice)).body as ConfigMap).data).toEqual({ a: '2' })
  })
  it('what is nested without end is refused', async () => {
    const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`
    expect((await raw(path('deep'), configMap('deep').replace('"metadata"', `"data":${deep},"metadata"`))).code).toBe(400)
  })
  it('what kubectl set from its own side is no conflict for kubectl, and the annotation is kept up to date', async () => {
    const annotation = 'kubectl.kubernetes.io/last-applied-configuration'
    const annotations = { [annotation]: configMap('moved', { a: '1' }) }
    const resource = client.resource<ConfigMap>(configMaps)
    const object = { metadata: { name: 'moved', namespace: 'default', annotations }, data: { a: '1' } }
    await resource.create(object, { fieldManager: 'kubectl-client-side-apply' })
    expect((await raw(path('moved'), configMap('moved', { a: '2' }), 'fieldManager=other')).code).toBe(409)
    const { code, body } = await raw(path('moved'), configMap('moved', { a: '2' }), 'fieldManager=kubectl')
    expect([code, (body as ConfigMap).data]).toEqual([200, { a: '2' }])
    expect(body.metadata.annotations?.[annotation]).toContain('"a":"2"')
  })
  it('the status belongs to whoever applies the status, the replicas to who scales', async () => {
    const base = '/apis/apps/v1/namespaces/default/deployments/web'
    const labels = { app: 'web' }
    const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'x' }] } }
    const head = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } }
    await raw(
      base,
      JSON.stringify({ ...head, spec: { replicas: 1, selector: { matchLabels: labels }, template }, status: { replicas: 9 } }),
    )
    await raw(`${base}/status`, JSON.stringify({ ...head, status: { replicas: 1 } }), 'fieldManager=controller')
    const scale = (replicas: number) =>
      JSON.stringify({ apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'web' }, spec: { replicas } })
    expect((await raw(`${base}/scale`, scale(3), 'fieldManager=scaler')).code).toBe(409)
    expect((await raw(`${base}/scale`, scale(3), 'fieldManager=scaler&force=true')).code).toBe(200)
    // Written in one second: by name. What came by way of the scale has no time, and is first.
    const web = await client.resource<UnknownObject>(deployments).get('default', 'web')
    expect(web.metadata.managedFields?.map((entry) => [entry.manager, entry.subresource, entry.apiVersion])).toEqual([
      ['scaler', 'scale', 'apps/v1'],
      ['controller', 'status', 'apps/v1'],
      ['one', undefined, 'apps/v1'],
    ])
    expect((web.spec as { replicas: number }).replicas).toBe(3)
  })
  it('an empty list of managed fields drops them all', async () => {
    await raw(path('reset'), configMap('reset', { a: '1' }))
    const { body } = await raw(path('reset'), '{"metadata":{"managedFields":[]}}', 'fieldManager=two', 'application/merge-patch+json')
    expect(body.metadata.managedFields).toBeUndefined()
    const again = await raw(path('reset'), configMap('reset', { a: '2' }))
    expect(again.body.details?.causes?.[0]?.message).toBe('conflict with "before-first-apply" using v1')
    expect(again.code).toBe(409)
  })
})
