/** A CustomResourceDefinition as served resources: one stored resource, each served version a view of it. Pure. */
import { parseJsonPath } from '../../api/json-path.js'
import type { Column, ResourceInfo, Subresource } from '../../api/kinds.js'
import { apiVersionOf, type UnknownObject } from '../../api/object.js'
import { methodNotSupported, type Fault } from '../../api/status.js'
import { compileStructural, type StructuralSchema } from '../../api/structural/structural-schema.js'
import type { PatternCompiler } from '../../api/structural/validate.js'
import { customPrinter } from '../../api/tables/custom.js'
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '../../api/types/apiextensions-v1.js'
import { type CacherDeps, makeStored } from '../builtin-resources.js'
import { customStorePrefix, type ObjectCodec, type ServedResource } from '../registry/resource.js'
import { sameJson } from '../../api/same-json.js'
import type { Strategy } from '../registry/strategy.js'

type Definition = CustomResourceDefinition
type Version = CustomResourceDefinitionVersion

/** All served versions; they share one new cacher, which begins when it is first used. */
export function servedVersions(definition: Definition, cacherDeps: CacherDeps, patterns: PatternCompiler): ServedResource[] {
  const { versions } = definition.spec
  const storage = versions.find((version) => version.storage)
  if (!storage) return []
  const schemas = new Map(versions.map((version) => [version.name, compileStructural(version.schema?.openAPIV3Schema ?? {}, patterns)]))
  const storedSchema = schemas.get(storage.name) as StructuralSchema
  const storedInfo = infoOf(definition, storage)
  const normalize = (object: UnknownObject) => normalized(storedSchema, storedInfo, object)
  const stored = {
    ...makeStored(storedInfo, strategyOf(definition), customStorePrefix(storedInfo), { ...cacherDeps, normalize }),
    normalize,
  }
  const served = versions
    .filter((version) => version.served)
    .map((version): ServedResource => {
      const info = infoOf(definition, version)
      const schema = schemas.get(version.name) as StructuralSchema
      const warning = deprecationOf(info, version)
      const scale = version.subresources?.scale
      return {
        info,
        stored,
        codec: codecOf(schema, scale),
        schema: version.schema?.openAPIV3Schema ?? {},
        ...(version === storage ? {} : { conversion: conversionOf(info, schema, storedInfo, storedSchema) }),
        ...(warning ? { deprecationWarning: warning } : {}),
        ...(scale ? { scale } : {}),
      }
    })
  for (const version of served) stored.versions.set(apiVersionOf(version.info), version)
  return served
}

function deprecationOf({ group, version, kind }: ResourceInfo, { deprecated, deprecationWarning }: Version): string | undefined {
  return deprecated ? (deprecationWarning ?? `${group}/${version} ${kind} is deprecated`) : undefined
}

function infoOf({ spec, status }: Definition, version: Version): ResourceInfo {
  const names = status?.acceptedNames?.plural ? status.acceptedNames : spec.names
  const { plural, kind } = names
  const subresources: Subresource[] = []
  if (version.subresources?.status) subresources.push({ name: 'status', verbs: ['get', 'patch', 'update'] })
  if (version.subresources?.scale)
    subresources.push({ name: 'scale', verbs: ['get', 'patch', 'update'], kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' } })
  const { columns, print } = customPrinter(version.additionalPrinterColumns)
  const nameColumn: Column = { name: 'Name', type: 'string', format: 'name', priority: 0 }
  return {
    ...{ group: spec.group, version: version.name, resource: plural, kind },
    singular: names.singular ?? kind.toLowerCase(),
    listKind: names.listKind ?? `${kind}List`,
    namespaced: spec.scope === 'Namespaced',
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs: ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'],
    subresources: new Map(subresources.map((each) => [each.name, each])),
    columns: [nameColumn, ...columns],
    print,
    typeId: 'custom',
  }
}

type ScalePaths = NonNullable<NonNullable<Version['subresources']>['scale']>

function codecOf(schema: StructuralSchema, scale: ScalePaths | undefined): ObjectCodec {
  const scaled = scale && scaleRules(scale)
  return {
    decode: (value, unknown) => schema.decode(value, unknown),
    applyDefaults: (object) => schema.applyDefaults(object),
    validateShape(object, old) {
      const found = schema.validate(object)
      const shape = old ? found.filter((fault) => !isUnchanged(fault, object, old)) : found
      const faults = scaled ? [...shape, ...scaled(object)] : shape
      if (!schema.rules) return faults
      return [...faults, ...(faults.some(({ reason }) => blocking.has(reason)) ? [notChecked] : schema.rules.validate(object, old))]
    },
  }
}

/** What a Scale shows must be what a Scale can be; faults have the path as the definition writes it. */
function scaleRules({ specReplicasPath, statusReplicasPath }: ScalePaths): (object: UnknownObject) => Fault[] {
  const counts = [specReplicasPath, statusReplicasPath].map((path) => ({ path, find: parseJsonPath(path).find }))
  return (object) =>
    counts.flatMap(({ path, find }): Fault[] => {
      const [value] = find(object)
      const fault = (detail: string): Fault[] => [{ path, reason: 'FieldValueInvalid', value, detail }]
      if (typeof value !== 'number') return []
      if (value < 0) return fault('should be a non-negative integer')
      return value > 2 ** 31 - 1 ? fault(`should be less than or equal to ${2 ** 31 - 1}`) : []
    })
}

/** Faults that leave a value which rules are not made for. */
const blocking = new Set<Fault['reason']>([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
])
const notChecked: Fault = {
  path: '<nil>',
  reason: 'FieldValueInvalid',
  value: null,
  detail: 'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
}

/** What was wrong before a rule came may stay wrong as long as nobody touches it (KEP-4008, ratcheting). */
function isUnchanged({ path, reason }: Fault, object: UnknownObject, old: UnknownObject): boolean {
  if (path === '<nil>' || reason === 'FieldValueRequired') return false
  const names = path.split(/[.[\]]+/).filter((part) => part !== '')
  const at = (root: unknown) => names.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], root)
  const before = at(old)
  return before !== undefined && sameJson(before, at(object))
}

function conversionOf(info: ResourceInfo, schema: StructuralSchema, storedInfo: ResourceInfo, storedSchema: StructuralSchema) {
  return {
    toStored(object: UnknownObject): UnknownObject {
      return storedSchema.decode({ ...object, kind: storedInfo.kind, apiVersion: apiVersionOf(storedInfo) } as never)
    },
    fromStored(object: UnknownObject): UnknownObject {
      // Defaults are those of the version that is stored, and of what is sent.
      return schema.decode({ ...object, kind: info.kind, apiVersion: apiVersionOf(info) } as never)
    },
  }
}

/** An object that was stored under an earlier definition, as the present one has it; undefined when it is so already. */
function normalized(schema: StructuralSchema, info: ResourceInfo, object: UnknownObject): UnknownObject | undefined {
  const next = schema.decode({ ...structuredClone(object), kind: info.kind, apiVersion: apiVersionOf(info) } as never)
  schema.applyDefaults(next)
  return sameJson(next, object) ? undefined : next
}

function strategyOf(definition: Definition): Strategy {
  const { spec } = definition
  const { group, names } = spec
  const hasStatus = spec.versions.some(({ subresources }) => subresources?.status)
  const paths = new Set(spec.versions.flatMap(({ selectableFields = [] }) => selectableFields.map(({ jsonPath }) => jsonPath)))
  const selectableFields = Object.fromEntries([...paths].map((path) => [path.replace(/^\./, ''), fieldReader(path)]))
  const refuse = () => {
    throw methodNotSupported({ group, resource: names.plural }, 'create')
  }
  return {
    resource: { group, resource: names.plural },
    allowUnconditionalUpdate: false,
    selectableFields,
    warnings: finalizerWarnings,
    ...(hasStatus
      ? {}
      : { generation: (object: UnknownObject, old: UnknownObject) => !sameJson(outsideMetadata(object), outsideMetadata(old)) }),
    ...(definition.metadata.deletionTimestamp ? { prepareForCreate: refuse } : {}),
  }
}

/** Of a name without a domain nobody can tell whose it is. */
function finalizerWarnings({ metadata }: UnknownObject, old: UnknownObject | undefined): string[] {
  return (metadata.finalizers ?? [])
    .filter((name) => !name.includes('/') && !standardFinalizers.has(name) && !old?.metadata.finalizers?.includes(name))
    .map(
      (name) =>
        `metadata.finalizers: ${JSON.stringify(name)}: prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers`,
    )
}
const standardFinalizers = new Set(['foregroundDeletion', 'orphan', 'kubernetes'])

function outsideMetadata({ metadata: _, kind: __, apiVersion: ___, ...rest }: UnknownObject): unknown {
  return rest
}

function fieldReader(path: string): (object: UnknownObject) => string {
  const { find } = parseJsonPath(path)
  return (object) => {
    const [value] = find(object)
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
  }
}
