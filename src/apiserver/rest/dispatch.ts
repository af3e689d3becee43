/** Which handler serves a resource request; refuses what the resource does not offer, as upstream does. */
import { methodNotSupported, notFound, StatusError, unknownPath, wrongMethod } from '../../api/status.js'
import type { Verb } from '../../api/kinds.js'
import type { UnknownObject } from '../../api/object.js'
import { kindCodec } from '../../api/scheme.js'
import { trackCreated } from '../registry/field-tracking.js'
import { virtualKey, type VirtualResource } from '../virtual/virtual-resource.js'
import { parseBody } from './body.js'
import type { RestDeps, RestRequest } from './context.js'
import { getObject, listObjects } from './read.js'
import { patchObject } from './patch.js'
import { respondValue } from './respond.js'
import { serveScale } from './scale.js'
import { watchObjects } from './watch.js'
import { fieldWriter, writeRequest } from './write-request.js'
import { actOnObject, createObject, deleteCollection, deleteObject, updateObject } from './write.js'

type Handler = (rest: RestRequest, deps: RestDeps) => Promise<void>

const handlers: Readonly<Record<string, Handler>> = {
  get: getObject,
  list: listObjects,
  watch: watchObjects,
  create: createObject,
  update: updateObject,
  patch: patchObject,
  delete: deleteObject,
  deletecollection: deleteCollection,
}

/** Serves streams of a pod or node (log, exec, proxy ...): a kubelet has them. */
export type Connector = (rest: RestRequest) => Promise<void>

export interface Dispatch {
  readonly rest: RestDeps
  readonly virtual: ReadonlyMap<string, VirtualResource>
  readonly connect?: Connector
}

const connected = new Set(['log', 'exec', 'attach', 'portforward', 'proxy'])

export async function dispatch(request: RestRequest, { rest, virtual, connect }: Dispatch): Promise<void> {
  const { served, info } = request
  if (served.deprecationWarning) request.warnings.push(served.deprecationWarning)
  // A proxy passes HEAD on, and the handler of custom resources takes it for GET.
  if (request.request.method === 'HEAD' && served.info.typeId !== 'custom' && !connected.has(info.subresource)) throw wrongMethod()
  if (info.name === '' ? ofItems.has(info.verb) : info.verb === 'create' && info.subresource === '') throw wrongMethod()
  if (info.subresource === '') {
    const handler = handlers[info.verb]
    const special = info.verb === 'create' ? virtual.get(virtualKey(served.info)) : undefined
    if (special) return createVirtual(request, rest, special)
    if (!handler || !served.info.verbs.includes(info.verb as Verb)) throw notAllowed(request)
    return handler(request, rest)
  }
  const subresource = served.info.subresources.get(info.subresource)
  if (!subresource) throw unknownSubresource(request)
  const special = info.verb === 'create' ? virtual.get(virtualKey(served.info, info.subresource)) : undefined
  if (special) return createVirtual(request, rest, special)
  if (connected.has(info.subresource)) {
    if (!connect || !subresource.verbs.includes(info.verb)) throw notAllowed(request)
    return connect(request)
  }
  if (!subresource.verbs.includes(info.verb)) throw notAllowed(request)
  if (info.subresource === 'scale') return serveScale(request, rest)
  if (info.verb === 'get') return getObject(request, rest)
  if (info.verb === 'create' && (await actOnObject(request, rest))) return
  if (info.verb === 'update') return updateObject(request, rest)
  if (info.verb === 'patch') return patchObject(request, rest)
  throw notAllowed(request)
}

const ofItems = new Set(['get', 'update', 'patch', 'delete'])

/** Of built-in kinds the path is judged before the resource; custom ones are served by one handler, which names them. */
function notAllowed({ served, info }: RestRequest): StatusError {
  return served.info.typeId === 'custom' ? methodNotSupported(served.info, info.verb) : wrongMethod()
}

/** The resource is there, so the answer is about it. */
function unknownSubresource({ served, info }: RestRequest): StatusError {
  if (served.info.typeId === 'custom') return notFound(served.info, info.name)
  return new StatusError(unknownPath().status)
}

async function createVirtual(rest: RestRequest, deps: RestDeps, special: VirtualResource): Promise<void> {
  const { served, info, request, user } = rest
  const value = parseBody(await request.body(), request.credentials.header('content-type'))
  const kind = served.info.subresources.get(info.subresource)?.kind ?? served.info
  const codec = kindCodec(kind)
  const object = (codec ? codec.decode(value) : value) as unknown as UnknownObject
  codec?.applyDefaults(object)
  if (codec) {
    object.metadata ??= {}
    trackCreated(kind, object, fieldWriter(rest, deps))
  }
  // What is asked of a stored object passes the plugins like a write of it; mere questions are nothing to them.
  if (info.subresource) {
    const { group, version, kind: name } = kind
    object.metadata ??= {}
    await deps.objects.admitAction(writeRequest(rest), object, { group, version, kind: name })
  }
  const result = await special.create(object, {
    user,
    namespace: info.namespace,
    name: info.name,
    dryRun: request.query.get('dryRun') === 'All',
    updateParent: async (change) => (await deps.objects.update({ ...writeRequest(rest), subresource: 'status' }, change)).object,
  })
  respondValue(rest, 201, result)
}
