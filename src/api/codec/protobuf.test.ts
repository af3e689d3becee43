import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ProtoError } from '../../base/protowire.js'
import { parseApiVersion } from '../object.js'
import { kindCodec } from '../scheme.js'
import { decodeProtobuf, encodeProtobuf } from './protobuf.js'

const fixtures = join(process.env.QUORATE_REFERENCE ?? '', 'fixtures')
/** Left out: objects of an older release after a round trip, and WatchEvent, which is no object. */
const names = existsSync(fixtures)
  ? readdirSync(fixtures)
      .filter((file) => file.endsWith('.pb') && !file.includes('after_roundtrip') && !file.startsWith('core.v1.WatchEvent'))
      .map((file) => file.slice(0, -3))
  : []

describe.skipIf(names.length === 0)('objects as the real API server encodes them (needs QUORATE_REFERENCE)', () => {
  it.each(names)('%s', (name) => {
    const json = JSON.parse(readFileSync(join(fixtures, `${name}.json`), 'utf8')) as { apiVersion: string; kind: string }
    const codec = kindCodec({ ...parseApiVersion(json.apiVersion), kind: json.kind })
    const bytes = readFileSync(join(fixtures, `${name}.pb`))
    // Versions that v1.36 no longer serves.
    if (!codec) return expect(() => decodeProtobuf(bytes)).toThrow(ProtoError)
    expect(codec.decode(decodeProtobuf(bytes))).toEqual(json)
    expect(Buffer.from(encodeProtobuf(codec.schema, json)).toString('hex')).toBe(bytes.toString('hex'))
  })
})

describe('protobuf', () => {
  const pod = kindCodec({ group: '', version: 'v1', kind: 'Pod' }) as NonNullable<ReturnType<typeof kindCodec>>

  it('takes an object there and back', () => {
    const object = pod.decode({
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name: 'a', labels: { b: 'c' } },
      spec: { containers: [{ name: 'c', resources: { limits: { cpu: '1' } }, livenessProbe: { httpGet: { port: 'http' } } }] },
    })
    expect(pod.decode(decodeProtobuf(encodeProtobuf(pod.schema, object)))).toEqual(object)
  })

  it.each([
    ['nothing', new Uint8Array(0)],
    ['JSON', new TextEncoder().encode('{"kind":"Pod"}')],
    ['a cut message', encodeProtobuf(pod.schema, pod.decode({ kind: 'Pod', apiVersion: 'v1', spec: { containers: [] } })).slice(0, -5)],
    ['an unknown kind', encodeProtobuf(pod.schema, { kind: 'Nope', apiVersion: 'v1' })],
  ])('refuses %s', (_, bytes) => expect(() => decodeProtobuf(bytes)).toThrow(ProtoError))
})
