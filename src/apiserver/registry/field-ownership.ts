/** Which fields of a kind can be owned, where it is written, and in which versions. Found once for each served resource. */
import { cloneJson } from '../../api/clone-json.js'
import { kindCodec } from '../../api/scheme.js'
import { apiVersionOf, type GroupVersionKind, type UnknownObject } from '../../api/object.js'
import type { Ownership, Versions } from '../../api/structured-merge/apply.js'
import { difference, type FieldTree } from '../../api/structured-merge/field-tree.js'
import { customMergeType, deduced, type MergeType, mergeTypeOf } from '../../api/structured-merge/merge-type.js'
import type { ServedResource } from './resource.js'

export interface Tracking {
  readonly type: MergeType
  /** What an object of the kind has when nothing is set: in Go its structs are there from the start. */
  readonly blank: UnknownObject
  /** '' for the main resource. */
  ownership(subresource: string): Ownership
  readonly versions: Versions
}

const known = new WeakMap<ServedResource, Tracking>()

export function trackingOf(served: ServedResource): Tracking {
  let tracking = known.get(served)
  if (!tracking) known.set(served, (tracking = makeTracking(served)))
  return tracking
}

function makeTracking(served: ServedResource): Tracking {
  const { info, schema } = served
  const ownerships = new Map<string, Ownership>()
  const common = {
    versions: versionsOf(served),
    ownership(subresource: string) {
      let ownership = ownerships.get(subresource)
      if (!ownership) ownerships.set(subresource, (ownership = makeOwnership(info, subresource)))
      return ownership
    },
  }
  const codec = kindCodec(info)
  if (codec) return { ...common, type: mergeTypeOf(codec.schema), blank: codec.decode({ metadata: {} }) }
  return { ...common, type: schema ? customMergeType(schema) : deduced, blank: { metadata: {} } }
}

function versionsOf({ stored, info }: ServedResource): Versions {
  const find = (apiVersion: string) => stored.versions.get(apiVersion)
  return {
    typeOf(apiVersion) {
      const version = find(apiVersion)
      return version && trackingOf(version).type
    },
    convert(object, from, to) {
      const [source, target] = [find(from), find(to)]
      if (!source || !target) throw new Error(`assertion failed: ${info.resource} has no version ${source ? to : from}`)
      // Conversions may use up what they are given.
      const copy = cloneJson(object) as unknown as UnknownObject
      copy.metadata ??= {}
      const inStored = source.conversion?.toStored(copy) ?? copy
      const shown = target.conversion?.fromStored(inStored) ?? inStored
      return { ...shown, kind: target.info.kind, apiVersion: to }
    },
  }
}

/** Members of metadata that are the server's. */
const systemMembers = new Set([
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion'],
])
/** What identifies an object is nobody's. */
const identity = ['apiVersion', 'kind']

/** Metadata that a write of the status puts back, of the kinds that do so. */
const keptByStatus: Readonly<Record<string, readonly string[]>> = {
  'apps/deployments': ['labels'],
  '/pods': ['deletionTimestamp', 'ownerReferences'],
}
/** Kinds of whose metadata a write of the status changes nothing. */
const statusOnly = new Set([
  'flowcontrol.apiserver.k8s.io/flowschemas',
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations',
  'storage.k8s.io/volumeattachments',
  'resource.k8s.io/resourceclaims',
])
/** A request for a certificate is what it was when it was made: its places write one part of the status each. */
const written: Readonly<Record<string, { readonly top: readonly string[]; readonly kept?: string }>> = {
  'certificates.k8s.io/certificatesigningrequests/': { top: ['spec', 'status'] },
  'certificates.k8s.io/certificatesigningrequests/status': { top: ['spec'], kept: 'f:conditions' },
  'certificates.k8s.io/certificatesigningrequests/approval': { top: ['spec'], kept: 'f:certificate' },
}

/** What a place does not write is not owned there: upstream's reset fields. */
function makeOwnership(
  { group, resource, typeId, subresources }: Pick<ServedResource['info'], 'group' | 'resource' | 'typeId' | 'subresources'>,
  subresource: string,
): Ownership {
  const kind = `${group}/${resource}`
  const top = new Set(identity)
  const metadata = new Set(systemMembers)
  if (subresource === '' && subresources.has('status')) top.add('status')
  if (subresource === 'status') {
    top.add('spec')
    if (typeId === 'custom' || statusOnly.has(kind)) top.add('metadata')
    for (const name of keptByStatus[kind] ?? []) metadata.add(name)
  }
  const special = written[`${kind}/${subresource}`]
  for (const name of special?.top ?? []) top.add(name)
  const kept = special?.kept
  const isStatusOfCustom = subresource === 'status' && typeId === 'custom'
  const owned = (fields: FieldTree | undefined): FieldTree | undefined => {
    if (!fields) return undefined
    if (isStatusOfCustom) return fields['f:status'] && { 'f:status': fields['f:status'] }
    const left = withoutMembers(fields, top, metadata)
    return left && kept ? difference(left, { 'f:status': { [kept]: { ...left['f:status']?.[kept] } } }) : left
  }
  return { unowned: { top, metadata }, owned }
}

function withoutMembers(fields: FieldTree, top: ReadonlySet<string>, metadata: ReadonlySet<string>): FieldTree | undefined {
  let result: FieldTree | undefined
  for (const element in fields) {
    const inner = fields[element] as FieldTree
    if (element === '.' || top.has(element.slice(2))) continue
    const left = element === 'f:metadata' ? withoutSystemMembers(inner, metadata) : inner
    if (left) (result ??= {})[element] = left
  }
  return result
}

function withoutSystemMembers(fields: FieldTree, system: ReadonlySet<string>): FieldTree | undefined {
  let result: FieldTree | undefined
  for (const element in fields)
    if (element !== '.' && !system.has(element.slice(2))) (result ??= {})[element] = fields[element] as FieldTree
  return result
}

export const scaleVersion = 'autoscaling/v1'

/** Of a Scale, which stands for a part of another object: it has one version and types of its own. */
export function scaleTracking(): Tracking {
  return kindTracking({ group: 'autoscaling', version: 'v1', kind: 'Scale' }) as Tracking
}

const ofKinds = new Map<string, Tracking>()

/** Of a kind that is not stored under its own name. undefined when the API does not have it. */
export function kindTracking(kind: GroupVersionKind): Tracking | undefined {
  const apiVersion = apiVersionOf(kind)
  const key = `${apiVersion} ${kind.kind}`
  const known = ofKinds.get(key)
  const codec = kindCodec(kind)
  if (known || !codec) return known
  const type = mergeTypeOf(codec.schema)
  const ownership = makeOwnership({ group: kind.group, resource: '', subresources: new Map() }, '')
  const tracking: Tracking = {
    type,
    blank: codec.decode({ metadata: {} }),
    ownership: () => ownership,
    versions: { typeOf: (version) => (version === apiVersion ? type : undefined), convert: (object) => object },
  }
  ofKinds.set(key, tracking)
  return tracking
}
