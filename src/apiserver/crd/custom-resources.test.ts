import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KubeObject, UnknownObject } from '../../api/object.js'
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '../../api/types/apiextensions-v1.js'
import { type TestApiServer, testApiServer } from '../../client/testdata/api-server.js'
import type { Client } from '../../client/client.js'

const definitions = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' }
const widgets = { group: 'example.com', version: 'v1', resource: 'widgets' }

const version = (
  name: string,
  properties: object,
  more: Partial<CustomResourceDefinitionVersion> = {},
): CustomResourceDefinitionVersion => ({
  ...{ name, served: true, storage: name === 'v1' },
  schema: {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: { type: 'object', properties }, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
    },
  } as never,
  ...more,
})

const definition = (versions: CustomResourceDefinitionVersion[], names: object = {}): CustomResourceDefinition => ({
  metadata: { name: 'widgets.example.com' },
  spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget', ...names }, versions },
})

type Widget = KubeObject & { spec?: Record<string, unknown>; status?: unknown }
const widget = (name: string, spec: Record<string, unknown>): Widget => ({ metadata: { name, namespace: 'default' }, spec })

describe('custom resources', () => {
  let api: TestApiServer
  let client: Client
  beforeEach(async () => {
    api = await testApiServer()
    client = api.client
  })
  afterEach(() => api.stop())

  const crds = () => client.resource<CustomResourceDefinition>(definitions)
  /** Resolves when the definition is as wanted: seen in a watch, as any client would. */
  const until = async (name: string, wanted: (definition: CustomResourceDefinition | undefined) => boolean) => {
    const { items, resourceVersion } = await crds().list()
    if (wanted(items.find(({ metadata }) => metadata.name === name))) return
    for await (const { type, object } of crds().watch({ resourceVersion }))
      if (object.metadata.name === name && wanted(type === 'DELETED' ? undefined : object)) return
  }
  const condition = (found: CustomResourceDefinition | undefined, type: string) =>
    found?.status?.conditions?.find((each) => each.type === type)
  const define = async (wanted: CustomResourceDefinition) => {
    await crds().create(wanted)
    await until(wanted.metadata.name ?? '', (found) => condition(found, 'Established')?.status === 'True')
    // Served by the server's own watch, which is as far as this one.
    await expect.poll(() => api.server.resources.find(widgets) !== undefined).toBe(true)
  }
  const color = { type: 'string', enum: ['red', 'blue'], default: 'red' }

  it('are served once their definition is established: pruned, defaulted, validated, selected and shown', async () => {
    await define(
      definition([
        version(
          'v1',
          { color, size: { type: 'integer', maximum: 9 }, name: { type: 'string', pattern: '^(a+)+$' } },
          {
            selectableFields: [{ jsonPath: '.spec.color' }],
            additionalPrinterColumns: [{ name: 'Color', type: 'string', jsonPath: '.spec.color' }],
          },
        ),
      ]),
    )
    const made = await client.resource<Widget>(widgets).create(widget('a', { size: 3, unknown: true }))
    expect(made.spec).toEqual({ size: 3, color: 'red' })
    await client.resource<Widget>(widgets).create(widget('b', { color: 'blue' }))
    const blue = await client.resource<Widget>(widgets).list({ fieldSelector: 'spec.color=blue' })
    expect(blue.items.map(({ metadata }) => metadata.name)).toEqual(['b'])
    await expect(
      client.resource<Widget>(widgets).create(widget('c', { size: 10, color: 'green', name: `${'a'.repeat(40)}b` })),
    ).rejects.toMatchObject({
      status: {
        reason: 'Invalid',
        details: {
          causes: [
            { reason: 'FieldValueInvalid', field: 'spec.size' },
            { reason: 'FieldValueNotSupported', field: 'spec.color' },
            { reason: 'FieldValueInvalid', field: 'spec.name' },
          ],
        },
      },
    })
    const table = await client.raw({
      method: 'GET',
      path: '/apis/example.com/v1/namespaces/default/widgets',
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    })
    expect((JSON.parse(new TextDecoder().decode(table.body)) as { rows: { cells: unknown[] }[] }).rows.map(({ cells }) => cells)).toEqual([
      ['a', 'red'],
      ['b', 'blue'],
    ])
  })

  it('have a status and a scale of their own where the definition says so', async () => {
    const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' }
    await define(definition([version('v1', { replicas: { type: 'integer' } }, { subresources: { status: {}, scale } })]))
    const resource = client.resource<Widget>(widgets)
    const made = await resource.create({ ...widget('a', { replicas: 1 }), status: { replicas: 7 } })
    expect(made.status).toBeUndefined()
    const updated = await resource.updateStatus({ ...made, spec: { replicas: 5 }, status: { replicas: 1, selector: 'app=a' } })
    expect(updated).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 1 }, metadata: { generation: 1 } })
    const scaled = await resource.patch('default', 'a', { type: 'merge', body: { spec: { replicas: 3 } } }, { subresource: 'scale' })
    expect(scaled).toMatchObject({ kind: 'Scale', spec: { replicas: 3 }, status: { replicas: 1, selector: 'app=a' } })
    expect(await resource.get('default', 'a')).toMatchObject({ spec: { replicas: 3 }, metadata: { generation: 2 } })
  })

  it('are one object in every version that is served', async () => {
    const fields = { color, size: { type: 'integer' } }
    await define(definition([version('v1', fields), version('v2', { ...fields, extra: { type: 'string', default: 'x' } })]))
    const second = client.resource<Widget>({ ...widgets, version: 'v2' })
    await client.resource<Widget>(widgets).create(widget('a', { size: 1 }))
    expect(await second.get('default', 'a')).toMatchObject({ apiVersion: 'example.com/v2', spec: { size: 1, color: 'red' } })
    await second.create(widget('b', { size: 2, extra: 'y' }))
    expect((await client.resource<Widget>(widgets).get('default', 'b')).spec).toEqual({ size: 2, color: 'red' })
  })

  it('follow a definition that changes, and what was stored before has the new defaults', async () => {
    await define(definition([version('v1', { size: { type: 'integer' } })]))
    await client.resource<Widget>(widgets).create(widget('a', { size: 1 }))
    const before = api.server.resources.find(widgets)
    const found = await crds().get('', 'widgets.example.com')
    await crds().update({ ...found, spec: { ...found.spec, versions: [version('v1', { size: { type: 'integer' }, color })] } })
    await expect.poll(() => api.server.resources.find(widgets) !== before).toBe(true)
    expect((await client.resource<Widget>(widgets).get('default', 'a')).spec).toEqual({ size: 1, color: 'red' })
  })

  it('go with their definition, which waits for the finalizers among them', async () => {
    await define(definition([version('v1', {})]))
    const resource = client.resource<UnknownObject>(widgets)
    await resource.create({ ...widget('free', {}) } as UnknownObject)
    await resource.create({ metadata: { name: 'held', namespace: 'default', finalizers: ['example.com/hold'] } })
    await crds().delete('', 'widgets.example.com')
    await until('widgets.example.com', (found) => condition(found, 'Terminating')?.status === 'True')
    await expect.poll(async () => (await resource.list()).items.map(({ metadata }) => metadata.name)).toEqual(['held'])
    await expect(resource.create({ metadata: { name: 'late', namespace: 'default' } })).rejects.toMatchObject({ code: 405 })
    await resource.patch('default', 'held', { type: 'merge', body: { metadata: { finalizers: null } } })
    await until('widgets.example.com', (found) => found === undefined)
    await expect.poll(() => api.server.resources.find(widgets)).toBeUndefined()
    await expect(resource.list()).rejects.toMatchObject({ reason: 'NotFound' })
  })

  it('are not served under a name that another definition of the group has', async () => {
    await define(definition([version('v1', {})], { shortNames: ['w'] }))
    const other = definition([version('v1', {})], { plural: 'gadgets', kind: 'Gadget', shortNames: ['w'] })
    await crds().create({ ...other, metadata: { name: 'gadgets.example.com' } })
    await until('gadgets.example.com', (found) => condition(found, 'NamesAccepted')?.reason === 'ShortNamesConflict')
    await crds().delete('', 'widgets.example.com')
    await until('gadgets.example.com', (found) => condition(found, 'Established')?.status === 'True')
  })

  it('refuses a definition that is not structural, with every fault', async () => {
    const bad = definition([
      version('v1', {
        list: { type: 'array' },
        any: {},
        both: { type: 'object', properties: { a: color }, additionalProperties: { type: 'string' } },
      }),
    ])
    await expect(crds().create({ ...bad, spec: { ...bad.spec, scope: 'Galaxy' } })).rejects.toMatchObject({
      status: {
        details: {
          causes: [
            { reason: 'FieldValueNotSupported', field: 'spec.scope' },
            { reason: 'FieldValueRequired', field: 'spec.validation.openAPIV3Schema.properties[spec].properties[list].items' },
            { reason: 'FieldValueRequired', field: 'spec.validation.openAPIV3Schema.properties[spec].properties[any].type' },
            {
              reason: 'FieldValueForbidden',
              field: 'spec.validation.openAPIV3Schema.properties[spec].properties[both].additionalProperties',
            },
          ],
        },
      },
    })
  })
})
