/**
 * What a request is about, from its method and path alone (the rules of kube-apiserver's RequestInfo). Made for every
 * request, so it splits the path once and looks at nothing twice.
 */
export interface RequestInfo {
  readonly isResource: boolean
  readonly path: string
  /** A resource verb (get, list, watch, create, update, patch, delete, deletecollection) or the method in lower case. */
  readonly verb: string
  /** '' for core. */
  readonly group: string
  readonly version: string
  readonly namespace: string
  readonly resource: string
  readonly name: string
  readonly subresource: string
  /** What follows the subresource: the path behind a proxy. */
  readonly rest: string
}

const verbs: Readonly<Record<string, string>> = { POST: 'create', GET: 'get', HEAD: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }
/** Subresources that belong to the namespace itself rather than to a resource in it. */
const namespaceSubresources = new Set(['status', 'finalize'])

export function requestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const parts = path.split('/')
  // ['', 'api', version, ...] or ['', 'apis', group, version, ...]
  const isCore = parts[1] === 'api'
  const from = isCore ? 3 : 4
  const lead = parts[from]
  if ((!isCore && parts[1] !== 'apis') || lead === undefined || lead === '') return nonResource(method, path)
  const group = isCore ? '' : (parts[2] as string)
  const version = parts[isCore ? 2 : 3] as string
  let verb = verbs[method] ?? method.toLowerCase()
  let at = from
  let namespace = ''
  // The old way to watch, and the proxy verb: /api/v1/watch/...
  if (lead === 'watch' && parts.length > from + 1) {
    verb = 'watch'
    at++
  }
  if (parts[at] === 'namespaces' && parts[at + 1]) {
    const name = parts[at + 1] as string
    const next = parts[at + 2]
    namespace = name
    if (next && !(namespaceSubresources.has(next) && parts.length === at + 3)) at += 2
  }
  const resource = parts[at] ?? ''
  const name = parts[at + 1] ?? ''
  const subresource = parts[at + 2] ?? ''
  if (verb === 'get' && name === '') verb = isTrue(query.get('watch')) ? 'watch' : 'list'
  if (verb === 'delete' && name === '') verb = 'deletecollection'
  // A list of one name is a get of it, as far as authorization goes.
  const selected =
    name === '' && (verb === 'list' || verb === 'watch' || verb === 'deletecollection') ? nameInSelector(query.get('fieldSelector')) : ''
  return {
    isResource: true,
    path,
    verb,
    group,
    version,
    namespace,
    resource,
    name: name || selected,
    subresource,
    rest: parts.slice(at + 3).join('/'),
  }
}

function nonResource(method: string, path: string): RequestInfo {
  return {
    isResource: false,
    path,
    verb: method.toLowerCase(),
    group: '',
    version: '',
    namespace: '',
    resource: '',
    name: '',
    subresource: '',
    rest: '',
  }
}

/** Query booleans as Go's ParseBool reads them; anything else, even empty, counts as given for `watch`. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== '0' && value !== 'false' && value !== 'False' && value !== 'FALSE' && value !== 'f' && value !== 'F'
}

function nameInSelector(selector: string | null): string {
  if (!selector?.includes('metadata.name')) return ''
  const match = /(?:^|,)metadata\.name==?([^,!=]+)(?:,|$)/.exec(selector)
  return match?.[1] ?? ''
}
