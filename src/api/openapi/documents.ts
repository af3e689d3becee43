/** OpenAPI documents of what is served: one for all (version 2), or one for a group-version (version 3). Built when asked for. */
import type { ResourceInfo } from '../kinds.js'
import { apiVersionOf, type GroupVersionKind } from '../object.js'
import { kindSchema } from '../schema/schema.js'
import type { JSONSchemaProps } from '../types/apiextensions-v1.js'
import { customListSchema, customSchema, customTypeId } from './custom-schemas.js'
import { type OperationSchemas, resourcePaths } from './operations.js'
import { type JsonSchema, type OpenApiVersion, TypeSchemas } from './type-schemas.js'

export interface DocumentedResource {
  readonly info: ResourceInfo
  /** Of a custom resource. */
  readonly schema?: JSONSchemaProps
}

export function documentTwo(resources: readonly DocumentedResource[], version: string): JsonSchema {
  const { paths, schemas } = contents(resources, 2)
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version },
    paths,
    definitions: schemas,
    securityDefinitions: {
      BearerToken: { type: 'apiKey', name: 'authorization', in: 'header', description: 'Bearer Token authentication' },
    },
    security: [{ BearerToken: [] }],
  }
}

export function documentThree(resources: readonly DocumentedResource[], version: string): JsonSchema {
  const { paths, schemas } = contents(resources, 3)
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version },
    paths,
    components: {
      schemas,
      securitySchemes: { BearerToken: { type: 'apiKey', name: 'authorization', in: 'header', description: 'Bearer Token authentication' } },
    },
  }
}

function contents(resources: readonly DocumentedResource[], version: OpenApiVersion): { paths: JsonSchema; schemas: JsonSchema } {
  const types = new TypeSchemas(version, kindsById(resources))
  const byKind = new Map(resources.map((each) => [keyOf(each.info), each]))
  const meta = (kind: string) => {
    // Any JSON that the patch's own media type describes.
    if (kind === 'Patch') {
      const id = 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch'
      types.schemas[id] ??= { type: 'object' }
      return types.reference(id)
    }
    const schema = kindSchema({ group: '', version: 'v1', kind })
    return schema ? types.add(schema) : {}
  }
  const schemas: OperationSchemas = {
    meta,
    of(kind) {
      const builtin = kindSchema(kind)
      if (builtin) return types.add(builtin)
      const custom = byKind.get(keyOf(kind))
      return custom?.schema && addCustom(types, custom.info, custom.schema, version)
    },
    listOf(info) {
      const builtin = kindSchema({ ...info, kind: info.listKind })
      if (builtin) return types.add(builtin)
      const custom = byKind.get(keyOf(info))
      if (!custom?.schema) return undefined
      const id = customTypeId(info, info.listKind)
      const item = addCustom(types, info, custom.schema, version)
      types.schemas[id] ??= customListSchema(info, item, meta('ListMeta'))
      return types.reference(id)
    },
  }
  const paths: JsonSchema = {}
  for (const { info } of resources) Object.assign(paths, resourcePaths(info, version, schemas))
  return { paths: sorted(paths), schemas: sorted(types.schemas) }
}

function addCustom(types: TypeSchemas, info: ResourceInfo, schema: JSONSchemaProps, version: OpenApiVersion): JsonSchema {
  const id = customTypeId(info, info.kind)
  const objectMeta = kindSchema({ group: '', version: 'v1', kind: 'ObjectMeta' })
  types.schemas[id] ??= customSchema(info, schema, objectMeta ? types.add(objectMeta) : {}, version)
  return types.reference(id)
}

const keyOf = ({ group, version, kind }: GroupVersionKind) => `${group}/${version}/${kind}`

/** The kinds that a type stands for: a resource's own and its list's; meta/v1's in every group-version. */
function kindsById(resources: readonly DocumentedResource[]): (id: string) => readonly JsonSchema[] {
  const kinds = new Map<string, JsonSchema[]>()
  const add = (of: GroupVersionKind) => {
    const id = kindSchema(of)?.id
    if (!id) return
    const known = kinds.get(id) ?? []
    kinds.set(id, known)
    const { group, version, kind } = of
    if (!known.some((each) => each.group === group && each.version === version && each.kind === kind)) known.push({ group, kind, version })
  }
  for (const { info } of resources) {
    add(info)
    add({ ...info, kind: info.listKind })
    for (const { kind } of info.subresources.values()) if (kind) add(kind)
  }
  for (const info of resources) add({ ...info.info, kind: 'DeleteOptions' })
  add({ group: '', version: 'v1', kind: 'Status' })
  return (id) => kinds.get(id) ?? []
}

function sorted(record: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** "api/v1" or "apis/apps/v1": where a group-version's document is, below /openapi/v3/. */
export function documentPath(of: { readonly group: string; readonly version: string }): string {
  return of.group === '' ? `api/${of.version}` : `apis/${apiVersionOf(of)}`
}
