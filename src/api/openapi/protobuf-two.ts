/**
 * An OpenAPI version 2 document as protobuf (gnostic's openapi.v2.Document), which client-go asks for. The table below has the
 * messages that our documents use; a member that is not in it does not go over.
 */
import { ProtoWriter, wire } from '../../base/protowire.js'
import type { JsonSchema } from './type-schemas.js'

/** How a member is written: a scalar, another message, a map as a list of named messages, or one of the format's special cases. */
type Form =
  | 'string'
  | 'strings'
  | 'bool'
  | 'int'
  | 'double'
  | 'any'
  | 'anys'
  | { readonly message: string; readonly list?: boolean }
  | { readonly named: string; readonly at: number }
  | { readonly wrapped: readonly number[]; readonly message: string }
  | 'type'
  | 'additional'
  | 'parameters'
  | 'responses'

type Members = Readonly<Record<string, readonly [field: number, form: Form]>>

const parameterMembers: Members = {
  required: [1, 'bool'],
  in: [2, 'string'],
  description: [3, 'string'],
  name: [4, 'string'],
}

const messages: Readonly<Record<string, { readonly members: Members; readonly extension?: number }>> = {
  Document: {
    members: {
      swagger: [1, 'string'],
      info: [2, { message: 'Info' }],
      paths: [8, { named: 'PathItem', at: 2 }],
      definitions: [9, { named: 'Schema', at: 1 }],
      security: [12, { message: 'SecurityRequirement', list: true }],
      securityDefinitions: [13, { named: 'SecurityDefinitionsItem', at: 1 }],
    },
  },
  Info: { members: { title: [1, 'string'], version: [2, 'string'] } },
  PathItem: {
    members: {
      get: [2, { message: 'Operation' }],
      put: [3, { message: 'Operation' }],
      post: [4, { message: 'Operation' }],
      delete: [5, { message: 'Operation' }],
      patch: [8, { message: 'Operation' }],
      parameters: [9, 'parameters'],
    },
  },
  Operation: {
    members: {
      description: [3, 'string'],
      operationId: [5, 'string'],
      produces: [6, 'strings'],
      consumes: [7, 'strings'],
      parameters: [8, 'parameters'],
      responses: [9, 'responses'],
      schemes: [10, 'strings'],
    },
    extension: 13,
  },
  BodyParameter: {
    members: {
      description: [1, 'string'],
      name: [2, 'string'],
      in: [3, 'string'],
      required: [4, 'bool'],
      schema: [5, { message: 'Schema' }],
    },
  },
  QueryParameter: { members: { ...parameterMembers, type: [6, 'string'], format: [7, 'string'], uniqueItems: [20, 'bool'] } },
  PathParameter: { members: { ...parameterMembers, type: [5, 'string'], format: [6, 'string'], uniqueItems: [19, 'bool'] } },
  Response: { members: { description: [1, 'string'], schema: [2, { wrapped: [1], message: 'Schema' }] } },
  Schema: {
    members: {
      $ref: [1, 'string'],
      format: [2, 'string'],
      title: [3, 'string'],
      description: [4, 'string'],
      default: [5, 'any'],
      multipleOf: [6, 'double'],
      maximum: [7, 'double'],
      exclusiveMaximum: [8, 'bool'],
      minimum: [9, 'double'],
      exclusiveMinimum: [10, 'bool'],
      maxLength: [11, 'int'],
      minLength: [12, 'int'],
      pattern: [13, 'string'],
      maxItems: [14, 'int'],
      minItems: [15, 'int'],
      uniqueItems: [16, 'bool'],
      maxProperties: [17, 'int'],
      minProperties: [18, 'int'],
      required: [19, 'strings'],
      enum: [20, 'anys'],
      additionalProperties: [21, 'additional'],
      type: [22, 'type'],
      items: [23, { wrapped: [1], message: 'Schema' }],
      allOf: [24, { message: 'Schema', list: true }],
      properties: [25, { named: 'Schema', at: 1 }],
    },
    extension: 31,
  },
  SecurityDefinitionsItem: { members: {} },
  ApiKeySecurity: { members: { type: [1, 'string'], name: [2, 'string'], in: [3, 'string'], description: [4, 'string'] } },
  SecurityRequirement: { members: {} },
}

export function encodeOpenApiTwo(document: JsonSchema): Uint8Array {
  const writer = new ProtoWriter()
  writeMessage(writer, 'Document', document)
  return writer.finish()
}

function writeMessage(writer: ProtoWriter, name: string, value: JsonSchema): void {
  if (name === 'SecurityDefinitionsItem') return nested(writer, 2, () => writeMessage(writer, 'ApiKeySecurity', value))
  if (name === 'SecurityRequirement') return writeRequirement(writer, value)
  const message = messages[name]
  if (!message) throw new Error(`assertion failed: no message ${name} in the table`)
  for (const [key, member] of Object.entries(value)) {
    const known = message.members[key]
    if (known) writeMember(writer, known[0], known[1], member)
    else if (message.extension !== undefined && key.startsWith('x-'))
      nested(writer, message.extension, () => {
        writeString(writer, 1, key)
        nested(writer, 2, () => writeString(writer, 2, yamlOf(member)))
      })
  }
}

/** JSON is YAML. */
function yamlOf(value: unknown): string {
  return `${JSON.stringify(value)}\n`
}

function nested(writer: ProtoWriter, field: number, write: () => void): void {
  writer.tag(field, wire.bytes)
  writer.message(write)
}

function writeString(writer: ProtoWriter, field: number, value: string): void {
  writer.tag(field, wire.bytes)
  writer.string(value)
}

function writeMember(writer: ProtoWriter, field: number, form: Form, value: unknown): void {
  if (typeof form === 'object') return writeNested(writer, field, form, value)
  switch (form) {
    case 'string':
      return writeString(writer, field, String(value as string))
    case 'strings':
      for (const each of value as readonly string[]) writeString(writer, field, each)
      return
    case 'bool':
    case 'int':
      writer.tag(field, wire.varint)
      return writer.varint(Number(value))
    case 'double':
      writer.tag(field, wire.fixed64)
      return writer.double(value as number)
    case 'any':
      return nested(writer, field, () => writeString(writer, 2, yamlOf(value)))
    case 'anys':
      for (const each of value as readonly unknown[]) nested(writer, field, () => writeString(writer, 2, yamlOf(each)))
      return
    case 'type':
      return nested(writer, field, () => writeString(writer, 1, value as string))
    case 'additional':
      return nested(writer, field, () => {
        if (typeof value === 'boolean') writeMember(writer, 2, 'bool', value)
        else nested(writer, 1, () => writeMessage(writer, 'Schema', value as JsonSchema))
      })
    case 'parameters':
      for (const each of value as readonly JsonSchema[]) nested(writer, field, () => nested(writer, 1, () => writeParameter(writer, each)))
      return
    case 'responses':
      return nested(writer, field, () => writeResponses(writer, value as Record<string, JsonSchema>))
  }
}

function writeNested(writer: ProtoWriter, field: number, form: Extract<Form, object>, value: unknown): void {
  if ('named' in form)
    return nested(writer, field, () => {
      for (const [name, member] of Object.entries(value as Record<string, JsonSchema>))
        nested(writer, form.at, () => {
          writeString(writer, 1, name)
          nested(writer, 2, () => writeMessage(writer, form.named, member))
        })
    })
  if ('wrapped' in form)
    return nested(writer, field, () =>
      nested(writer, form.wrapped[0] as number, () => writeMessage(writer, form.message, value as JsonSchema)),
    )
  const all = form.list ? (value as readonly JsonSchema[]) : [value as JsonSchema]
  for (const each of all) nested(writer, field, () => writeMessage(writer, form.message, each))
}

function writeParameter(writer: ProtoWriter, parameter: JsonSchema): void {
  if (parameter.in === 'body') return nested(writer, 1, () => writeMessage(writer, 'BodyParameter', parameter))
  const [field, name] = parameter.in === 'path' ? ([4, 'PathParameter'] as const) : ([3, 'QueryParameter'] as const)
  nested(writer, 2, () => nested(writer, field, () => writeMessage(writer, name, parameter)))
}

function writeResponses(writer: ProtoWriter, responses: Record<string, JsonSchema>): void {
  for (const [code, response] of Object.entries(responses))
    nested(writer, 1, () => {
      writeString(writer, 1, code)
      nested(writer, 2, () => nested(writer, 1, () => writeMessage(writer, 'Response', response)))
    })
}

function writeRequirement(writer: ProtoWriter, requirement: JsonSchema): void {
  for (const name of Object.keys(requirement))
    nested(writer, 1, () => {
      writeString(writer, 1, name)
      nested(writer, 2, () => undefined)
    })
}
