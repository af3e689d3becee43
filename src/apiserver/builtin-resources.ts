/** The built-in kinds as served resources: each stored once, each version a view. */
import { builtinResources } from '../api/registry.js'
import { conversionOf, storedVersionOf } from '../api/conversion/conversion.js'
import type { ResourceInfo } from '../api/kinds.js'
import { apiVersionOf } from '../api/object.js'
import { kindCodec } from '../api/scheme.js'
import { Cacher, type CacherOptions } from './cacher/cacher.js'
import { layoutOf } from './cacher/cell.js'
import { type ObjectCodec, storePrefix, type StoredResource } from './registry/resource.js'
import type { Strategy } from './registry/strategy.js'
import type { Resources } from './resources.js'

export type CacherDeps = Pick<CacherOptions, 'store' | 'freshness' | 'clock' | 'logger' | 'defer' | 'normalize'>

export function addBuiltinResources(resources: Resources, strategies: ReadonlyMap<string, Strategy>, deps: CacherDeps): void {
  const stored = new Map<string, StoredResource>()
  const infos = builtinResources()
  const byVersion = (info: ResourceInfo, { group, version, resource }: { group: string; version: string; resource: string }) =>
    infos.find((each) => each.group === group && each.version === version && each.resource === resource) ?? info
  for (const info of infos) {
    const storedInfo = byVersion(info, storedVersionOf(info))
    const key = `${storedInfo.group}/${storedInfo.resource}`
    let entry = stored.get(key)
    if (!entry) stored.set(key, (entry = storedResource(storedInfo, strategies.get(key) ?? { resource: storedInfo }, deps)))
    const conversion = conversionOf(info, storedInfo)
    // Objects are judged in the form that is stored.
    const codec = conversion ? { ...builtinCodec(info), validateShape: builtinCodec(storedInfo).validateShape } : builtinCodec(info)
    const deprecationWarning = deprecations[`${info.group}/${info.version}/${info.resource}`]
    const served = {
      ...{ info, stored: entry, codec },
      ...(conversion ? { conversion } : {}),
      ...(deprecationWarning ? { deprecationWarning } : {}),
    }
    entry.versions.set(apiVersionOf(info), served)
    resources.add(served)
  }
}

const deprecations: Readonly<Record<string, string>> = {
  '/v1/endpoints': 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  '/v1/componentstatuses': 'v1 ComponentStatus is deprecated in v1.19+',
}

function storedResource(info: ResourceInfo, strategy: Strategy, deps: CacherDeps): StoredResource {
  return makeStored(info, strategy, storePrefix(info, strategy), deps)
}

/** Also for custom resources. */
export function makeStored(info: ResourceInfo, strategy: Strategy, prefix: string, deps: CacherDeps): StoredResource {
  const apiVersion = apiVersionOf(info)
  const layout = layoutOf(
    info.kind,
    apiVersion,
    strategy.selectableFields as Readonly<Record<string, (object: never) => string>> | undefined,
  )
  return {
    prefix,
    strategy,
    info,
    versions: new Map(),
    cacher: new Cacher({ ...deps, prefix, layout, kind: { kind: info.kind, apiVersion } }),
  }
}

function builtinCodec(info: ResourceInfo): ObjectCodec {
  const codec = kindCodec(info)
  if (!codec) throw new Error(`assertion failed: no codec for ${apiVersionOf(info)} ${info.kind}`)
  return codec
}
