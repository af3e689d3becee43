/** Which spelling of the answer the client wants (API concepts: resource representations, receiving resources as tables). */
import { notAcceptable } from '../../api/status.js'

export interface Accepted {
  readonly as: 'object' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'
  readonly encoding: 'json' | 'yaml'
}

const plain: Accepted = { as: 'object', encoding: 'json' }
const remembered = new Map<string, Accepted>()
/** Headers are few and long; a client that makes new ones all the time does not fill the memory. */
const rememberedMax = 500

/** Throws NotAcceptable when nothing that the header names can be sent. */
export function negotiate(accept: string | undefined): Accepted {
  if (accept === undefined || accept === '' || accept === 'application/json' || accept === '*/*') return plain
  let found = remembered.get(accept)
  if (!found) {
    found = choose(accept)
    if (remembered.size < rememberedMax) remembered.set(accept, found)
  }
  return found
}

function choose(accept: string): Accepted {
  for (const clause of accept.split(',')) {
    const [type = '', ...parameters] = clause.split(';').map((part) => part.trim())
    const encoding = encodingOf(type)
    if (!encoding) continue
    const values = new Map(parameters.map((parameter) => parameter.split('=', 2) as [string, string]))
    const as = values.get('as')
    if (as === undefined) return { as: 'object', encoding }
    if (values.get('g') !== 'meta.k8s.io' || values.get('v') !== 'v1') continue
    if (as === 'Table' || as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { as, encoding }
  }
  throw notAcceptable(`only the following media types are accepted: application/json, application/yaml`)
}

function encodingOf(type: string): Accepted['encoding'] | undefined {
  if (type === 'application/json' || type === '*/*' || type === 'application/*') return 'json'
  return type === 'application/yaml' ? 'yaml' : undefined
}
