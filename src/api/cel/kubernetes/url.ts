import { fixedCost, traversalCost } from '../cost.js'
import { fn, global, type Library, member } from '../functions.js'
import { boolType, listOf, mapOf, opaqueType, stringType } from '../types.js'
import { ArrayList, CelError, type CelValue, KeyedMap } from '../values.js'
import { Compared } from './opaque.js'
import { hostNameOf, type ParsedUrl, parseUrl, portOf } from './url-parse.js'

const urlType = opaqueType('kubernetes.URL')

class Url extends Compared<string> {
  readonly type = urlType
  constructor(
    readonly identity: string,
    readonly parts: ParsedUrl,
  ) {
    super()
  }
}

function urlOf(text: string): CelValue {
  const parts = parseUrl(text)
  return parts ? new Url(text, parts) : new CelError(`URL parse error during conversion from string: ${JSON.stringify(text)}`)
}

function queryOf({ parts }: Url): CelValue {
  const query = new KeyedMap()
  for (const [key, values] of parts.query) query.set(key, new ArrayList(values))
  return query
}

const part = (name: string, id: string, read: (parts: ParsedUrl) => string) =>
  fn(
    name,
    member(`url_get_${id}`, [urlType], stringType, ({ parts }: Url) => read(parts), fixedCost(1)),
  )

export const urlLibrary: Library = {
  types: { 'kubernetes.URL': urlType },
  functions: [
    fn('url', global('string_to_url', [stringType], urlType, urlOf, traversalCost(0, { keepsSize: true }))),
    fn(
      'isURL',
      global('is_url_string', [stringType], boolType, (text: string) => parseUrl(text) !== undefined),
    ),
    part('getScheme', 'scheme', ({ scheme }) => scheme),
    part('getHost', 'host', ({ host }) => host),
    part('getHostname', 'hostname', ({ host }) => hostNameOf(host)),
    part('getPort', 'port', ({ host }) => portOf(host)),
    part('getEscapedPath', 'escaped_path', ({ path }) => path),
    fn('getQuery', member('url_get_query', [urlType], mapOf(stringType, listOf(stringType)), queryOf, fixedCost(1))),
  ],
}
