/** Which spelling of the answer the client wants (API concepts: resource representations, receiving resources as tables). */
import { protobufType } from '../../api/codec/protobuf.js'
import { notAcceptable, type StatusError } from '../../api/status.js'

export type Encoding = 'json' | 'yaml' | 'protobuf'

export interface Accepted {
  readonly as: 'object' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'
  readonly encoding: Encoding
}

/** What is asked for: custom resources have no protobuf of their own; a list and an object have different partial forms. */
export interface Asked {
  readonly custom?: boolean
  readonly list?: boolean
}

const plain: Accepted = { as: 'object', encoding: 'json' }
const remembered = new Map<string, Accepted>()
/** Headers are few and long; a client that makes new ones all the time does not fill the memory. */
const rememberedMax = 500

/** Throws NotAcceptable when nothing that the header names can be sent. */
export function negotiate(accept: string | undefined, { custom = false, list = false }: Asked = {}): Accepted {
  if (accept === undefined || accept === '' || accept === 'application/json' || accept === '*/*') return plain
  const key = `${custom ? 'c' : ''}${list ? 'l' : ''} ${accept}`
  let found = remembered.get(key)
  if (!found) {
    found = choose(accept, custom)
    if (found.as === (list ? 'PartialObjectMetadata' : 'PartialObjectMetadataList')) throw refusal()
    if (remembered.size < rememberedMax) remembered.set(key, found)
  }
  return found
}

function choose(accept: string, custom: boolean): Accepted {
  for (const clause of accept.split(',')) {
    const [type = '', ...parameters] = clause.split(';').map((part) => part.trim())
    const encoding = encodings[type]
    if (!encoding) continue
    const values = new Map(parameters.map((parameter) => parameter.split('=', 2) as [string, string]))
    const as = values.get('as')
    if (as === undefined) {
      if (encoding === 'protobuf' && custom) continue
      return { as: 'object', encoding }
    }
    if (values.get('g') !== 'meta.k8s.io' || values.get('v') !== 'v1') continue
    // Tables hold JSON.
    if (as === 'Table' && encoding !== 'protobuf') return { as, encoding }
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { as, encoding }
  }
  throw refusal()
}

const encodings: Readonly<Record<string, Encoding>> = {
  'application/json': 'json',
  '*/*': 'json',
  'application/yaml': 'yaml',
  [protobufType]: 'protobuf',
}

function refusal(): StatusError {
  return notAcceptable(
    'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  )
}

/** How an error or a success without an object is spelled: never a reason for another error. */
export function encodingOf(accept: string | undefined): Encoding {
  if (accept === undefined || !accept.includes('application/')) return 'json'
  for (const clause of accept.split(',')) {
    const encoding = encodings[clause.split(';', 1)[0]?.trim() ?? '']
    if (encoding) return encoding
  }
  return 'json'
}
