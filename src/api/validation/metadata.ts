/** Metadata, the same for every kind (apimachinery object names, labels, owners, finalizers; API conventions). */
import type { ObjectMeta, OwnerReference } from '../types/meta-v1.js'
import type { UnknownObject } from '../object.js'
import type { Faults } from './faults.js'
import { mustBeAnnotations, mustBeLabel, mustBeLabels, mustBePathSegment, mustBeQualified, mustBeSubdomain } from './names.js'

export interface NamedKind {
  readonly group: string
  readonly resource: string
  /** 'custom': of a CustomResourceDefinition. */
  readonly typeId?: 'custom'
}

type NameRule = (faults: Faults, path: string, name: string) => void

/** "signer:with:domain:name" of a ClusterTrustBundle has rules with its kind. */
const nameRules: Readonly<Record<string, NameRule>> = {
  '/namespaces': mustBeLabel,
  '/services': mustBeLabel,
  '/events': mustBePathSegment,
  'apps/statefulsets': mustBeLabel,
  'rbac.authorization.k8s.io/roles': mustBePathSegment,
  'rbac.authorization.k8s.io/rolebindings': mustBePathSegment,
  'rbac.authorization.k8s.io/clusterroles': mustBePathSegment,
  'rbac.authorization.k8s.io/clusterrolebindings': mustBePathSegment,
  'networking.k8s.io/ipaddresses': mustBePathSegment,
  'apiregistration.k8s.io/apiservices': mustBePathSegment,
  'certificates.k8s.io/certificatesigningrequests': mustBePathSegment,
  'certificates.k8s.io/clustertrustbundles': mustBePathSegment,
}

export function metadataFaults(faults: Faults, of: NamedKind, object: UnknownObject, old: UnknownObject | undefined): void {
  const { metadata } = object
  const rule = nameRules[`${of.group}/${of.resource}`] ?? mustBeSubdomain
  // A name that is there cannot change, so an old one is good.
  if (!old) {
    if (metadata.generateName) generatedNameFaults(faults, rule, metadata.generateName)
    if (!metadata.name) faults.required('metadata.name', 'name or generateName is required')
    else rule(faults, 'metadata.name', metadata.name)
  }
  mustBeLabels(faults, 'metadata.labels', metadata.labels)
  mustBeAnnotations(faults, 'metadata.annotations', metadata.annotations)
  if (metadata.ownerReferences) ownersFaults(faults, metadata.ownerReferences)
  if (metadata.finalizers) finalizersFaults(faults, of, metadata.finalizers)
  if (old) deletionFaults(faults, metadata, old.metadata)
  if (old?.metadata.deletionTimestamp) noNewFinalizers(faults, metadata.finalizers, old.metadata.finalizers)
}

/** A prefix may end as a name may not: what follows makes it good. */
function generatedNameFaults(faults: Faults, rule: NameRule, prefix: string): void {
  const name = rule === mustBePathSegment || !prefix.endsWith('-') ? prefix : `${prefix}a`
  rule(faults, 'metadata.generateName', name)
}

function ownersFaults(faults: Faults, owners: readonly OwnerReference[]): void {
  const path = 'metadata.ownerReferences'
  for (const owner of owners) {
    const { apiVersion = '', kind = '', name = '', uid = '' } = owner
    if (apiVersion === '') faults.invalid(`${path}.apiVersion`, '', 'version must not be empty')
    if (kind === '') faults.invalid(`${path}.kind`, '', 'must not be empty')
    if (name === '') faults.invalid(`${path}.name`, '', 'must not be empty')
    if (uid === '') faults.invalid(`${path}.uid`, '', 'must not be empty')
    if (kind === 'Event' && (apiVersion === 'v1' || apiVersion === 'events.k8s.io/v1'))
      faults.invalid(path, owner, `${apiVersion}, Kind=Event is disallowed from being an owner`)
  }
  const controllers = owners.filter(({ controller }) => controller === true)
  if (controllers.length > 1) {
    const [first, second] = controllers.map(({ kind, name }) => `${kind}/${name}`)
    faults.invalid(
      path,
      owners,
      `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${second}`,
    )
  }
}

/** Groups whose validation is the general one, which wants no domain. */
const laxGroups = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io'])
/** Finalizers that came before names had domains. */
const standardFinalizers = new Set(['foregroundDeletion', 'orphan', 'kubernetes'])

function finalizersFaults(faults: Faults, of: NamedKind, finalizers: readonly string[]): void {
  const path = 'metadata.finalizers'
  for (const [i, finalizer] of finalizers.entries()) finalizerFaults(faults, `${path}[${i}]`, finalizer, of)
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion'))
    faults.invalid(path, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set')
}

export function finalizerFaults(faults: Faults, path: string, finalizer: string, of?: NamedKind): void {
  // Of the two rules that upstream has the general one does not say which finalizer it is.
  mustBeQualified(faults, of ? path.replace(/\[\d+\]$/, '') : path, finalizer)
  const isLax = of !== undefined && (of.typeId === 'custom' || laxGroups.has(of.group))
  if (!isLax && !finalizer.includes('/') && !standardFinalizers.has(finalizer))
    faults.invalid(path, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')
}

const onlyByDeletion = 'field is immutable; may only be changed via deletion'

function deletionFaults(faults: Faults, now: ObjectMeta, before: ObjectMeta): void {
  if (now.deletionTimestamp !== undefined && now.deletionTimestamp !== before.deletionTimestamp)
    faults.invalid('metadata.deletionTimestamp', now.deletionTimestamp, onlyByDeletion)
  if (now.deletionGracePeriodSeconds !== undefined && now.deletionGracePeriodSeconds !== before.deletionGracePeriodSeconds)
    faults.invalid('metadata.deletionGracePeriodSeconds', now.deletionGracePeriodSeconds, onlyByDeletion)
}

/** While an object is being deleted its finalizers may go, none may come. */
function noNewFinalizers(faults: Faults, now: readonly string[] = [], before: readonly string[] = []): void {
  const added = now.filter((finalizer) => !before.includes(finalizer))
  if (added.length > 0)
    faults.forbidden(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`,
    )
}
