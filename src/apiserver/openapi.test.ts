import { gunzipSync, gzipSync } from 'node:zlib'
import protobuf from 'protobufjs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { documentThree, documentTwo } from '../api/openapi/documents.js'
import { encodeOpenApiTwo } from '../api/openapi/protobuf-two.js'
import { builtinResources } from '../api/registry.js'
import { type TestApiServer, testApiServer } from '../client/testdata/api-server.js'
import type { Headers } from './handler.js'
import { OpenApi } from './openapi.js'

type Document = {
  paths: Record<string, Record<string, Record<string, unknown>>>
  components: { schemas: Record<string, Record<string, unknown>> }
}
const all = builtinResources().map((info) => ({ info }))
const ofGroup = (group: string, version: string) => all.filter(({ info }) => info.group === group && info.version === version)

describe('OpenAPI documents', () => {
  it('tell kubectl where fieldValidation and strategic merge are served', () => {
    const { paths } = documentThree(ofGroup('apps', 'v1'), 'v1') as unknown as Document
    const patch = paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']?.patch as unknown as {
      parameters: { name: string }[]
      requestBody: { content: object }
    }
    expect(patch.parameters.map(({ name }) => name)).toContain('fieldValidation')
    expect(Object.keys(patch.requestBody.content)).toContain('application/strategic-merge-patch+json')
    expect(patch).toMatchObject({
      operationId: 'patchAppsV1NamespacedDeployment',
      'x-kubernetes-group-version-kind': { group: 'apps', version: 'v1', kind: 'Deployment' },
    })
  })

  it('have merge keys and list types where patches need them, and every schema that is referred to', () => {
    const document = documentThree(ofGroup('', 'v1'), 'v1') as unknown as Document
    const { schemas } = document.components
    expect(schemas['io.k8s.api.core.v1.PodSpec']?.properties).toMatchObject({
      containers: {
        'x-kubernetes-patch-merge-key': 'name',
        'x-kubernetes-patch-strategy': 'merge',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      },
    })
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, id]) => id as string)
    expect(references.filter((id) => !(id in schemas))).toEqual([])
  })

  it('go over protobuf as gnostic reads them', () => {
    const bytes = encodeOpenApiTwo(documentTwo(ofGroup('apps', 'v1'), 'v1'))
    const { root } = protobuf.parse(`syntax = "proto3";
      message Document { string swagger = 1; Paths paths = 8; Definitions definitions = 9; }
      message Paths { repeated NamedPath path = 2; } message NamedPath { string name = 1; PathItem value = 2; }
      message PathItem { Operation patch = 8; } message Operation { string operation_id = 5; repeated ParametersItem parameters = 8; }
      message ParametersItem { Parameter parameter = 1; } message Parameter { NonBody non_body_parameter = 2; }
      message NonBody { Query query = 3; } message Query { string name = 4; string type = 6; }
      message Definitions { repeated NamedSchema additional_properties = 1; } message NamedSchema { string name = 1; Schema value = 2; }
      message Schema { TypeItem type = 22; Properties properties = 25; repeated NamedAny vendor_extension = 31; }
      message TypeItem { repeated string value = 1; } message Properties { repeated NamedSchema additional_properties = 1; }
      message NamedAny { string name = 1; Any value = 2; } message Any { string yaml = 2; }`)
    const type = root.lookupType('Document')
    const document = type.toObject(type.decode(bytes)) as {
      paths: { path: { name: string; value: { patch?: { operationId: string; parameters: unknown[] } } }[] }
      definitions: { additionalProperties: { name: string; value: { vendorExtension?: { name: string; value: { yaml: string } }[] } }[] }
    }
    const item = document.paths.path.find(({ name }) => name === '/apis/apps/v1/namespaces/{namespace}/deployments/{name}')
    expect(item?.value.patch?.operationId).toBe('patchAppsV1NamespacedDeployment')
    expect(JSON.stringify(item?.value.patch?.parameters)).toContain('fieldValidation')
    const deployment = document.definitions.additionalProperties.find(({ name }) => name === 'io.k8s.api.apps.v1.Deployment')
    expect(deployment?.value.vendorExtension?.[0]).toMatchObject({
      name: 'x-kubernetes-group-version-kind',
      value: { yaml: '[{"group":"apps","kind":"Deployment","version":"v1"}]\n' },
    })
  })
})

describe('/openapi', () => {
  let api: TestApiServer
  let openApi: OpenApi
  beforeEach(async () => {
    api = await testApiServer()
    openApi = new OpenApi({ resources: api.server.resources, gitVersion: 'v1', compression: { gzip: gzipSync, gunzip: gunzipSync } })
  })
  afterEach(() => api.stop())

  const get = (target: string, headers: Record<string, string> = {}) => {
    const [path = '', query = ''] = target.split('?')
    let answer: { status: number; headers: Headers; text: string } | undefined
    const request = {
      ...{ method: 'GET', path, query: new URLSearchParams(query), credentials: { header: (name: string) => headers[name] } },
      ...{ headerValues: () => [], body: () => Promise.resolve(new Uint8Array(0)), signal: new AbortController().signal },
    }
    const respond = (status: number, sent: Headers, chunks: readonly Uint8Array[]) => {
      const bytes = Buffer.concat(chunks)
      answer = { status, headers: sent, text: (sent['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString() }
    }
    const served = openApi.serve(request, { respond, stream: () => expect.fail('a stream') })
    return served ? answer : undefined
  }

  it('version 3: an index of hashes; a document under its hash may be kept for ever, under another it is elsewhere', () => {
    const { paths } = JSON.parse(get('/openapi/v3')?.text ?? '') as { paths: Record<string, { serverRelativeURL: string }> }
    const url = paths['apis/apps/v1']?.serverRelativeURL ?? ''
    expect(url).toMatch(/^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{32}$/)
    const document = get(url, { 'accept-encoding': 'gzip' })
    expect(document).toMatchObject({ status: 200, headers: { 'cache-control': 'public, immutable', 'content-encoding': 'gzip' } })
    expect(get(url)?.text).toBe(document?.text)
    expect(get(url, { 'if-none-match': String(document?.headers.etag) })?.status).toBe(304)
    expect(get('/openapi/v3/apis/apps/v1?hash=0')).toMatchObject({ status: 301, headers: { location: url } })
    expect(get('/openapi/v3/apis/nothing/v1')).toBeUndefined()
  })

  it('has custom resources as long as they are defined', async () => {
    const definitions = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' }
    const properties = { spec: { type: 'object', description: 'What is wanted.', properties: { size: { type: 'integer' } } } }
    await api.client.resource(definitions).create({
      metadata: { name: 'widgets.example.com' },
      spec: {
        ...{ group: 'example.com', scope: 'Cluster', names: { plural: 'widgets', kind: 'Widget' } },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties } } }],
      },
    } as never)
    await expect.poll(() => get('/openapi/v3')?.text).toContain('apis/example.com/v1')
    const document = JSON.parse(get('/openapi/v3/apis/example.com/v1')?.text ?? '') as Document
    expect(document.components.schemas['com.example.v1.Widget']).toMatchObject({
      properties: { spec: properties.spec },
      'x-kubernetes-group-version-kind': [{ group: 'example.com', kind: 'Widget', version: 'v1' }],
    })
    expect(Object.keys(document.paths)).toEqual(['/apis/example.com/v1/widgets', '/apis/example.com/v1/widgets/{name}'])
    expect(get('/openapi/v2')?.text).toContain('com.example.v1.Widget')
  })
})
