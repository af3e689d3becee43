import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodeProtobuf, encodeProtobuf, protobufType } from '../../api/codec/protobuf.js'
import type { JsonObject } from '../../api/object.js'
import { kindSchema, type StructSchema } from '../../api/schema/schema.js'
import { ProtoReader } from '../../base/protowire.js'
import { type TestApiServer, testApiServer } from '../../client/testdata/api-server.js'

const configMap = kindSchema({ group: '', version: 'v1', kind: 'ConfigMap' }) as StructSchema
const path = '/api/v1/namespaces/default/configmaps'

describe('protobuf on the wire', () => {
  let api: TestApiServer
  beforeEach(async () => {
    api = await testApiServer()
  })
  afterEach(() => api.stop())

  const ask = (method: 'GET' | 'POST', target: string, accept: string, body?: Uint8Array) =>
    api.transport.request({ method, path: target, headers: { accept, 'content-type': protobufType }, ...(body ? { body } : {}) })
  const made = () => encodeProtobuf(configMap, { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' }, data: { x: '1' } })

  it('objects, lists and errors go both ways', async () => {
    const created = await ask('POST', path, protobufType, made())
    expect(created).toMatchObject({ status: 201, headers: { 'content-type': protobufType } })
    expect(decodeProtobuf(created.body)).toMatchObject({
      kind: 'ConfigMap',
      metadata: { name: 'a', namespace: 'default' },
      data: { x: '1' },
    })
    const list = decodeProtobuf((await ask('GET', path, `${protobufType},application/json`)).body) as JsonObject
    expect(list).toMatchObject({ kind: 'ConfigMapList' })
    expect((list.items as JsonObject[]).map(({ data }) => data)).toContainEqual({ x: '1' })
    const missing = await ask('GET', `${path}/none`, protobufType)
    expect(decodeProtobuf(missing.body)).toMatchObject({ kind: 'Status', code: 404, reason: 'NotFound', details: { name: 'none' } })
    const partial = await ask('GET', `${path}/a`, `${protobufType};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`)
    expect(decodeProtobuf(partial.body)).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'a' } })
  })

  it('a watch is a row of frames, each with its length before it', async () => {
    await ask('POST', path, protobufType, made())
    const abort = new AbortController()
    const { headers, body } = await api.transport.stream({
      ...{
        method: 'GET',
        path: `${path}?watch=true&fieldSelector=metadata.name=a`,
        headers: { accept: protobufType },
        signal: abort.signal,
      },
    })
    expect(headers['content-type']).toBe(`${protobufType};stream=watch`)
    for await (const chunk of body) {
      const length = new DataView(chunk.buffer, chunk.byteOffset).getUint32(0)
      const reader = new ProtoReader(chunk.subarray(4, 4 + length))
      expect(reader.tag().field).toBe(1)
      expect(reader.string()).toBe('ADDED')
      expect(reader.tag().field).toBe(2)
      const extension = reader.nested()
      expect(extension.tag().field).toBe(1)
      expect(decodeProtobuf(new Uint8Array(extension.bytes()))).toMatchObject({ kind: 'ConfigMap', data: { x: '1' } })
      break
    }
    abort.abort()
  })

  it('custom resources are JSON alone', async () => {
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
    const schema = { openAPIV3Schema: { type: 'object' } }
    const spec = {
      group: 'example.com',
      scope: 'Cluster',
      names: { plural: 'widgets', kind: 'Widget' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    }
    const body = new TextEncoder().encode(JSON.stringify({ metadata: { name: 'widgets.example.com' }, spec }))
    await api.transport.request({ method: 'POST', path: definitions, headers: {}, body })
    const widgets = '/apis/example.com/v1/widgets'
    await expect.poll(async () => (await ask('GET', widgets, 'application/json')).status).toBe(200)
    expect((await ask('GET', widgets, protobufType)).status).toBe(406)
    expect((await ask('GET', widgets, `${protobufType},application/json`)).headers['content-type']).toBe('application/json')
  })
})
