/** Values as bytes in the encoding that was agreed on. */
import { encodeProtobuf, protobufType } from '../../api/codec/protobuf.js'
import { parseApiVersion } from '../../api/object.js'
import { kindSchema } from '../../api/schema/schema.js'
import type { Encoding } from './negotiation.js'
import { writeYaml } from './yaml.js'

const encoder = new TextEncoder()

export const contentTypes: Readonly<Record<Encoding, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: protobufType,
}

export interface Encoded {
  readonly contentType: string
  readonly bytes: Uint8Array
}

/** JSON where a kind has no protobuf form. */
export function encodeValue(value: unknown, encoding: Encoding): Encoded {
  if (encoding === 'yaml') return { contentType: contentTypes.yaml, bytes: encoder.encode(writeYaml(value)) }
  if (encoding === 'protobuf') {
    const bytes = protobufOf(value)
    if (bytes) return { contentType: contentTypes.protobuf, bytes }
  }
  return { contentType: contentTypes.json, bytes: encoder.encode(`${JSON.stringify(value)}\n`) }
}

export function protobufOf(value: unknown): Uint8Array | undefined {
  const object = value as { kind?: string; apiVersion?: string } & Record<string, unknown>
  const schema = kindSchema({ ...parseApiVersion(object.apiVersion ?? ''), kind: object.kind ?? '' })
  return schema && encodeProtobuf(schema, object as never)
}
