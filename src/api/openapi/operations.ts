/** The paths of a resource: which operations there are, with which parameters. Names of operations are those client generators know. */
import type { ResourceInfo, Subresource } from '../kinds.js'
import { apiVersionOf, type GroupVersionKind } from '../object.js'
import type { JsonSchema, OpenApiVersion } from './type-schemas.js'

export interface OperationSchemas {
  /** References; undefined: the type is not known. */
  of(kind: GroupVersionKind): JsonSchema | undefined
  listOf(info: ResourceInfo): JsonSchema | undefined
  meta(kind: string): JsonSchema
}

type Parameter = readonly [name: string, type: 'string' | 'integer' | 'boolean']

const listParameters: readonly Parameter[] = [
  ['allowWatchBookmarks', 'boolean'],
  ['continue', 'string'],
  ['fieldSelector', 'string'],
  ['labelSelector', 'string'],
  ['limit', 'integer'],
  ['resourceVersion', 'string'],
  ['resourceVersionMatch', 'string'],
  ['sendInitialEvents', 'boolean'],
  ['timeoutSeconds', 'integer'],
  ['watch', 'boolean'],
]
const writeParameters: readonly Parameter[] = [
  ['dryRun', 'string'],
  ['fieldManager', 'string'],
  ['fieldValidation', 'string'],
]
const deleteParameters: readonly Parameter[] = [
  ['dryRun', 'string'],
  ['gracePeriodSeconds', 'integer'],
  ['ignoreStoreReadErrorWithClusterBreakingPotential', 'boolean'],
  ['orphanDependents', 'boolean'],
  ['propagationPolicy', 'string'],
]
const pretty: Parameter = ['pretty', 'string']

const objectTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']
const streamTypes = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch']
const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
]

interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  readonly action: string
  readonly id: string
  readonly query: readonly Parameter[]
  readonly body?: JsonSchema
  readonly answer: JsonSchema
  readonly codes: readonly number[]
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

/** "AppsV1", "RbacAuthorizationV1", "CoreV1". */
function groupName({ group, version }: ResourceInfo): string {
  const words = group === '' ? ['core'] : group.replace(/\.k8s\.io$/, '').split('.')
  return words.map(capital).join('') + capital(version)
}

export function resourcePaths(info: ResourceInfo, version: OpenApiVersion, schemas: OperationSchemas): Record<string, JsonSchema> {
  const base = info.group === '' ? `/api/${info.version}` : `/apis/${apiVersionOf(info)}`
  const place = info.namespaced ? `${base}/namespaces/{namespace}/${info.resource}` : `${base}/${info.resource}`
  const kind: GroupVersionKind = { group: info.group, version: info.version, kind: info.kind }
  const name = `${groupName(info)}${info.namespaced ? 'Namespaced' : ''}${info.kind}`
  const inNamespace = info.namespaced ? ['namespace'] : []
  const paths: Record<string, JsonSchema> = {}
  const add = (path: string, operations: readonly Operation[], of: GroupVersionKind, inPath: readonly string[]) => {
    if (operations.length > 0) paths[path] = pathItem(operations, of, version, inPath)
  }
  add(place, collectionOperations(info, name, schemas), kind, inNamespace)
  add(`${place}/{name}`, itemOperations(info, name, schemas), kind, ['name', ...inNamespace])
  for (const sub of info.subresources.values()) {
    const of = sub.kind ?? kind
    const schema = schemas.of(of) ?? {}
    add(`${place}/{name}/${sub.name}`, subresourceOperations(`${name}${capital(sub.name)}`, sub, schema, schemas), of, [
      'name',
      ...inNamespace,
    ])
  }
  if (info.namespaced && info.verbs.includes('list')) {
    const id = `list${groupName(info)}${info.kind}ForAllNamespaces`
    add(`${base}/${info.resource}`, [operation('get', 'list', id, { query: listParameters, answer: schemas.listOf(info) ?? {} })], kind, [])
  }
  return paths
}

function operation(
  method: Operation['method'],
  action: string,
  id: string,
  rest: Pick<Operation, 'answer'> & Partial<Pick<Operation, 'query' | 'body' | 'codes'>>,
): Operation {
  return { method, action, id, query: [], codes: [200], ...rest }
}

function collectionOperations(info: ResourceInfo, name: string, schemas: OperationSchemas): Operation[] {
  const { verbs } = info
  const object = schemas.of(info) ?? {}
  const all: Operation[] = []
  if (verbs.includes('list'))
    all.push(operation('get', 'list', `list${name}`, { query: listParameters, answer: schemas.listOf(info) ?? {} }))
  if (verbs.includes('create')) all.push(createOperation(name, object))
  if (verbs.includes('deletecollection')) {
    const id = `delete${groupName(info)}Collection${info.namespaced ? 'Namespaced' : ''}${info.kind}`
    const query = [...deleteParameters, ...listParameters.filter(([each]) => !/watch/i.test(each))]
    all.push(operation('delete', 'deletecollection', id, { query, body: schemas.meta('DeleteOptions'), answer: schemas.meta('Status') }))
  }
  return all
}

function createOperation(name: string, object: JsonSchema): Operation {
  return operation('post', 'post', `create${name}`, { query: writeParameters, body: object, answer: object, codes: [200, 201, 202] })
}

/** Kinds whose deletion answers with the object, which lives on for a while. */
const deletedGracefully = new Set(['Pod', 'PersistentVolumeClaim'])

function itemOperations(info: ResourceInfo, name: string, schemas: OperationSchemas): Operation[] {
  const object = schemas.of(info) ?? {}
  const all = readAndWrite(name, info.verbs, object, schemas)
  if (info.verbs.includes('delete')) {
    const answer = deletedGracefully.has(info.kind) ? object : schemas.meta('Status')
    const body = schemas.meta('DeleteOptions')
    all.push(operation('delete', 'delete', `delete${name}`, { query: deleteParameters, body, answer, codes: [200, 202] }))
  }
  return all
}

function subresourceOperations(name: string, { verbs }: Subresource, object: JsonSchema, schemas: OperationSchemas): Operation[] {
  const all = readAndWrite(name, verbs, object, schemas)
  if (verbs.includes('create')) all.push(createOperation(name, object))
  return all
}

function readAndWrite(name: string, verbs: readonly string[], object: JsonSchema, schemas: OperationSchemas): Operation[] {
  const all: Operation[] = []
  if (verbs.includes('get')) all.push(operation('get', 'get', `read${name}`, { answer: object }))
  if (verbs.includes('update'))
    all.push(operation('put', 'put', `replace${name}`, { query: writeParameters, body: object, answer: object, codes: [200, 201] }))
  if (verbs.includes('patch')) {
    const query: readonly Parameter[] = [...writeParameters, ['force', 'boolean']]
    all.push(operation('patch', 'patch', `patch${name}`, { query, body: schemas.meta('Patch'), answer: object, codes: [200, 201] }))
  }
  return all
}

function pathItem(
  operations: readonly Operation[],
  kind: GroupVersionKind,
  version: OpenApiVersion,
  inPath: readonly string[],
): JsonSchema {
  const item: JsonSchema = {}
  for (const operation of operations)
    item[operation.method] = version === 3 ? operationThree(operation, kind) : operationTwo(operation, kind)
  item.parameters = [...inPath.map((name) => parameter(version, name, 'string', 'path')), parameter(version, pretty[0], pretty[1], 'query')]
  return item
}

function parameter(version: OpenApiVersion, name: string, type: string, place: 'path' | 'query'): JsonSchema {
  const schema = { type, uniqueItems: true }
  return {
    name,
    in: place,
    ...(place === 'path' ? { required: true } : {}),
    ...(version === 3 ? { schema } : schema),
  }
}

function producedBy({ action }: Operation): readonly string[] {
  return action === 'list' ? [...objectTypes, ...streamTypes] : objectTypes
}

function extensionsOf({ action }: Operation, { group, version, kind }: GroupVersionKind): JsonSchema {
  return { 'x-kubernetes-action': action, 'x-kubernetes-group-version-kind': { group, version, kind } }
}

function operationThree(operation: Operation, kind: GroupVersionKind): JsonSchema {
  const content = (types: readonly string[], schema: JsonSchema) => Object.fromEntries(types.map((type) => [type, { schema }]))
  const { method, id, query, body, answer, codes } = operation
  return {
    operationId: id,
    ...(query.length > 0 ? { parameters: query.map(([name, type]) => parameter(3, name, type, 'query')) } : {}),
    ...(body
      ? {
          requestBody: {
            content: content(method === 'patch' ? patchTypes : ['*/*'], body),
            ...(method === 'delete' ? {} : { required: true }),
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(codes.map((code) => [code, { description: describe(code), content: content(producedBy(operation), answer) }])),
      401: { description: 'Unauthorized' },
    },
    ...extensionsOf(operation, kind),
  }
}

function operationTwo(operation: Operation, kind: GroupVersionKind): JsonSchema {
  const { method, id, query, body, answer, codes } = operation
  return {
    consumes: method === 'patch' ? patchTypes : ['*/*'],
    produces: producedBy(operation),
    schemes: ['https'],
    operationId: id,
    parameters: [
      ...(body ? [{ name: 'body', in: 'body', ...(method === 'delete' ? {} : { required: true }), schema: body }] : []),
      ...query.map(([name, type]) => parameter(2, name, type, 'query')),
    ],
    responses: {
      ...Object.fromEntries(codes.map((code) => [code, { description: describe(code), schema: answer }])),
      401: { description: 'Unauthorized' },
    },
    ...extensionsOf(operation, kind),
  }
}

function describe(code: number): string {
  return code === 201 ? 'Created' : code === 202 ? 'Accepted' : 'OK'
}
