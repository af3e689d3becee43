/** Discovery documents, old (APIResourceList ...) and aggregated (apidiscovery.k8s.io/v2), from what is served. Pure. */
import { apiVersionOf, type GroupVersionKind } from '../object.js'
import type { ResourceInfo, Subresource } from '../kinds.js'

interface Group {
  readonly name: string
  /** Preferred first. */
  readonly versions: readonly string[]
}

/** Groups in the order in which their resources were given. */
export function groupsOf(infos: readonly ResourceInfo[]): Group[] {
  const groups = new Map<string, Set<string>>()
  for (const { group, version } of infos) {
    const versions = groups.get(group) ?? new Set()
    groups.set(group, versions)
    versions.add(version)
  }
  return [...groups].map(([name, versions]) => ({ name, versions: [...versions].sort(byPriority) }))
}

const versionForm = /^v(\d+)(?:(alpha|beta)(\d+))?$/

/** v2 before v1 before v1beta2 before v1alpha1 before anything else (API concepts: version priority). */
export function byPriority(a: string, b: string): number {
  const [left, right] = [rank(a), rank(b)]
  for (let i = 0; i < left.length; i++) {
    const difference = (right[i] as number) - (left[i] as number)
    if (difference !== 0) return difference
  }
  return a < b ? -1 : a > b ? 1 : 0
}

function rank(version: string): number[] {
  const match = versionForm.exec(version)
  if (!match) return [0, 0, 0, 0]
  const stability = match[2] === undefined ? 3 : match[2] === 'beta' ? 2 : 1
  return [1, stability, Number(match[1]), Number(match[3] ?? 0)]
}

export function apiVersions(serverAddress: string): unknown {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }] }
}

export function apiGroupList(infos: readonly ResourceInfo[]): unknown {
  const groups = groupsOf(infos).filter(({ name }) => name !== '')
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupBody) }
}

export function apiGroup(infos: readonly ResourceInfo[], name: string): unknown {
  const group = groupsOf(infos).find((each) => each.name === name)
  return group && { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(group) }
}

function groupBody({ name, versions }: Group): { name: string; versions: unknown[]; preferredVersion: unknown } {
  const bodies = versions.map((version) => ({ groupVersion: apiVersionOf({ group: name, version }), version }))
  return { name, versions: bodies, preferredVersion: bodies[0] }
}

export function apiResourceList(infos: readonly ResourceInfo[], group: string, version: string): unknown {
  const found = infos.filter((info) => info.group === group && info.version === version)
  if (found.length === 0) return undefined
  const resources = found.flatMap((info) => [
    resourceBody(info),
    ...[...info.subresources.values()].map((sub) => subresourceBody(info, sub)),
  ])
  resources.sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf({ group, version }),
    resources,
  }
}

function resourceBody(info: ResourceInfo): { name: string } {
  return {
    name: info.resource,
    ...{ singularName: info.singular, namespaced: info.namespaced, kind: info.kind, verbs: info.verbs },
    ...(info.shortNames.length ? { shortNames: info.shortNames } : {}),
    ...(info.categories.length ? { categories: info.categories } : {}),
    ...(info.storageVersionHash ? { storageVersionHash: info.storageVersionHash } : {}),
  }
}

function subresourceBody(info: ResourceInfo, sub: Subresource): { name: string } {
  const { group, version, kind } = sub.kind ?? info
  const foreign = group !== info.group || version !== info.version
  const name = `${info.resource}/${sub.name}`
  return { name, ...{ singularName: '', namespaced: info.namespaced, ...(foreign ? { group, version } : {}), kind, verbs: sub.verbs } }
}

/** One document for all groups: `core` is what /api gives, else what /apis does. */
export function aggregated(infos: readonly ResourceInfo[], core: boolean): unknown {
  const groups = groupsOf(infos).filter(({ name }) => (name === '') === core)
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: name === '' ? {} : { name },
      versions: versions.map((each) => ({
        version: each,
        freshness: 'Current',
        resources: infos.filter((info) => info.group === name && info.version === each).map(aggregatedResource),
      })),
    })),
  }
}

function aggregatedResource(info: ResourceInfo): unknown {
  return {
    resource: info.resource,
    responseKind: kindBody(info, info),
    scope: info.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: info.singular,
    verbs: info.verbs,
    ...(info.shortNames.length ? { shortNames: info.shortNames } : {}),
    ...(info.categories.length ? { categories: info.categories } : {}),
    ...(info.subresources.size
      ? {
          subresources: [...info.subresources.values()].map((sub) => ({
            subresource: sub.name,
            responseKind: kindBody(sub.kind ?? info, info),
            verbs: sub.verbs,
          })),
        }
      : {}),
  }
}

/** The group and version are left empty where they are the resource's own. */
function kindBody(kind: GroupVersionKind, info: ResourceInfo): unknown {
  const isOwn = kind.group === info.group && kind.version === info.version
  return { group: isOwn ? '' : kind.group, version: isOwn ? '' : kind.version, kind: kind.kind }
}
