/**
 * What a request to a kubelet is called when the cluster is asked whether somebody may make it: a subresource of the node
 * (KEP-2862 for the finer ones; all else is `nodes/proxy`).
 */
export interface NodeAttributes {
  readonly verb: string
  readonly resource: {
    readonly group: ''
    readonly version: 'v1'
    readonly resource: 'nodes'
    readonly subresource: string
    readonly name: string
    readonly namespace: ''
  }
  readonly path: string
}

const verbs: Readonly<Record<string, string>> = { POST: 'create', GET: 'get', HEAD: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }
const subresources: readonly (readonly [path: string, subresource: string])[] = [
  ['/stats', 'stats'],
  ['/metrics', 'metrics'],
  ['/logs', 'log'],
  ['/checkpoint', 'checkpoint'],
  ['/statusz', 'statusz'],
  ['/configz', 'configz'],
  ['/healthz', 'healthz'],
  ['/pods', 'pods'],
  ['/runningpods', 'pods'],
]

export function nodeAttributes(method: string, path: string, nodeName: string): NodeAttributes {
  const subresource = subresources.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`))?.[1] ?? 'proxy'
  const resource = { group: '', version: 'v1', resource: 'nodes', subresource, name: nodeName, namespace: '' } as const
  return { verb: verbs[method] ?? 'get', resource, path }
}
