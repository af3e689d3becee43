/** The resources that are built in, as discovery lists them; read from resources.json on first use. */
import type { Column, ResourceInfo, Subresource, Verb } from './kinds.js'
import type { GroupVersionKind, GroupVersionResource } from './object.js'
import data from './schema/resources.json' with { type: 'json' }

interface Row {
  n: string
  s: string
  k: string
  ns?: number
  v: string
  sh?: string[]
  c?: string[]
  h?: string
  /** verbs, then group, version and kind when the subresource speaks another kind than its resource. */
  sub?: Record<string, string[]>
  t?: [string, string, string, number][]
}

let all: readonly ResourceInfo[] | undefined
let byResource: ReadonlyMap<string, ResourceInfo> | undefined
let byKind: ReadonlyMap<string, ResourceInfo> | undefined

/** Every built-in resource, groups and versions in the order of discovery, preferred versions first. */
export function builtinResources(): readonly ResourceInfo[] {
  all ??= data.groups.flatMap(({ name, versions }) =>
    versions.flatMap(({ version, resources }) => (resources as unknown as Row[]).map((row) => infoOf(name, version, row))),
  )
  return all
}

export function builtinResource(of: GroupVersionResource): ResourceInfo | undefined {
  byResource ??= new Map(builtinResources().map((info) => [`${info.group}/${info.version}/${info.resource}`, info]))
  return byResource.get(`${of.group}/${of.version}/${of.resource}`)
}

/** The resource whose objects have this kind. */
export function builtinKind(of: GroupVersionKind): ResourceInfo | undefined {
  byKind ??= new Map(builtinResources().map((info) => [`${info.group}/${info.version}/${info.kind}`, info]))
  return byKind.get(`${of.group}/${of.version}/${of.kind}`)
}

function infoOf(group: string, version: string, row: Row): ResourceInfo {
  const subresources = Object.entries(row.sub ?? {}).map(([name, [verbs = '', ...kind]]): [string, Subresource] => [
    name,
    {
      name,
      verbs: verbs.split(','),
      ...(kind.length === 3 ? { kind: { group: kind[0] as string, version: kind[1] as string, kind: kind[2] as string } } : {}),
    },
  ])
  return {
    group,
    version,
    resource: row.n,
    singular: row.s,
    kind: row.k,
    listKind: `${row.k}List`,
    namespaced: row.ns === 1,
    shortNames: row.sh ?? [],
    categories: row.c ?? [],
    verbs: row.v.split(',') as Verb[],
    subresources: new Map(subresources),
    ...(row.h ? { storageVersionHash: row.h } : {}),
    columns: (row.t ?? []).map(([name, type, format, priority]): Column => ({ name, type, format, priority })),
  }
}
