/**
 * What an API server serves, for controllers that act on every kind of object: read from aggregated discovery (KEP-3352), two
 * requests for everything. Where a server does not aggregate, group by group.
 */
import { apiVersionOf, type GroupVersionKind, type GroupVersionResource, parseApiVersion } from '../../api/object.js'
import type { APIGroupList, APIResourceList } from '../../api/types/meta-v1.js'
import { messageOf } from '../../base/errors.js'
import type { Client } from '../../client/client.js'
import { parseResponse } from '../../client/rest-client.js'

export interface DiscoveredResource extends GroupVersionResource {
  readonly kind: string
  readonly namespaced: boolean
  readonly verbs: readonly string[]
}

export interface Discovery {
  /** Every version of every resource, preferred versions first. */
  readonly all: readonly DiscoveredResource[]
  /** Each resource once, in its preferred version. */
  readonly preferred: readonly DiscoveredResource[]
  /** What could not be asked ("metrics.k8s.io/v1beta1": why). Resources of these are missing, not gone. */
  readonly failures: ReadonlyMap<string, string>
}

interface AggregatedList {
  readonly kind: 'APIGroupDiscoveryList'
  readonly items?: readonly {
    readonly metadata: { readonly name?: string }
    readonly versions?: readonly {
      readonly version: string
      readonly freshness?: string
      readonly resources?: readonly {
        readonly resource: string
        readonly responseKind?: { readonly kind: string }
        readonly scope: string
        readonly verbs: readonly string[]
      }[]
    }[]
  }[]
}

const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'

export async function discover(client: Client): Promise<Discovery> {
  const failures = new Map<string, string>()
  const ask = async <T>(path: string) => parseResponse<T>(await client.raw({ method: 'GET', path, headers: { accept } }))
  const [core, groups] = await Promise.all([
    ask<AggregatedList | { kind: 'APIVersions' }>('/api'),
    ask<AggregatedList | (APIGroupList & { kind: 'APIGroupList' })>('/apis'),
  ])
  const all: DiscoveredResource[] = []
  for (const document of [core, groups]) if (document.kind === 'APIGroupDiscoveryList') all.push(...aggregatedResources(document, failures))
  const old = [
    ...(core.kind === 'APIVersions' ? ['v1'] : []),
    ...(groups.kind === 'APIGroupList' ? groups.groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => groupVersion)) : []),
  ]
  for (const apiVersion of old) {
    try {
      all.push(...listedResources(apiVersion, await ask<APIResourceList>(apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`)))
    } catch (error) {
      failures.set(apiVersion, messageOf(error))
    }
  }
  return { all, preferred: preferredOf(all), failures }
}

function aggregatedResources({ items = [] }: AggregatedList, failures: Map<string, string>): DiscoveredResource[] {
  return items.flatMap(({ metadata: { name: group = '' }, versions = [] }) =>
    versions.flatMap(({ version, freshness, resources = [] }) => {
      if (freshness === 'Stale') failures.set(apiVersionOf({ group, version }), 'its server could not be reached lately')
      return resources.map(({ resource, responseKind, scope, verbs }) => ({
        ...{ group, version, resource, verbs },
        kind: responseKind?.kind ?? '',
        namespaced: scope === 'Namespaced',
      }))
    }),
  )
}

function listedResources(apiVersion: string, { resources }: APIResourceList): DiscoveredResource[] {
  const { group, version } = parseApiVersion(apiVersion)
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, kind, namespaced, verbs }) => ({ group, version, resource: name, kind, namespaced, verbs }))
}

/** Versions come preferred first, so the first that has a resource is the one. */
function preferredOf(all: readonly DiscoveredResource[]): DiscoveredResource[] {
  const seen = new Map<string, DiscoveredResource>()
  for (const found of all) {
    const name = `${found.resource}.${found.group}`
    if (!seen.has(name)) seen.set(name, found)
  }
  return [...seen.values()]
}

export function supports(of: DiscoveredResource, ...verbs: readonly string[]): boolean {
  return verbs.every((verb) => of.verbs.includes(verb))
}

export function kindKey({ group, version, kind }: GroupVersionKind): string {
  return `${apiVersionOf({ group, version })}/${kind}`
}
