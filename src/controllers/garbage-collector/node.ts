import type { KubeObject } from '../../api/object.js'
import type { OwnerReference } from '../../api/types/meta-v1.js'
import type { DiscoveredResource } from '../common/discovery.js'

export const orphanFinalizer = 'orphan'
export const foregroundFinalizer = 'foregroundDeletion'

/** Where an object is said to be: by itself, or by an object that names it as its owner. */
export interface Identity {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** An object in the graph of owners, found by its uid. */
export class Node {
  identity: Identity
  /** Undefined for an owner that is only known by name: nobody has seen it yet. */
  resource: DiscoveredResource | undefined
  owners: readonly OwnerReference[] = []
  /** Set when it was deleted in the foreground: it goes once its blocking dependents are gone. */
  isDeletingDependents = false
  isBeingDeleted = false
  #dependents: Set<Node> | undefined

  constructor(identity: Identity, resource?: DiscoveredResource) {
    this.identity = identity
    this.resource = resource
  }

  get isObserved(): boolean {
    return this.resource !== undefined
  }

  get dependents(): ReadonlySet<Node> {
    return this.#dependents ?? none
  }

  addDependent(node: Node): void {
    this.#dependents ??= new Set()
    this.#dependents.add(node)
  }

  removeDependent(node: Node): void {
    this.#dependents?.delete(node)
    if (this.#dependents?.size === 0) this.#dependents = undefined
  }

  /** Dependents that must be gone before this object goes. */
  *blockingDependents(): Iterable<Node> {
    const { uid } = this.identity
    for (const node of this.dependents) if (node.owners.some((owner) => owner.uid === uid && owner.blockOwnerDeletion)) yield node
  }
}

const none: ReadonlySet<Node> = new Set()

export function hasFinalizer({ metadata }: KubeObject, finalizer: string): boolean {
  return metadata.finalizers?.includes(finalizer) ?? false
}

export function sameIdentity(a: Identity, b: Identity): boolean {
  return a.uid === b.uid && a.name === b.name && a.namespace === b.namespace && a.kind === b.kind && a.apiVersion === b.apiVersion
}

/** Whether a dependent's reference is about exactly this identity; a cluster-scoped owner may have dependents everywhere. */
export function refersTo(owner: OwnerReference, dependent: Identity, identity: Identity): boolean {
  return (
    owner.uid === identity.uid &&
    owner.name === identity.name &&
    owner.kind === identity.kind &&
    owner.apiVersion === identity.apiVersion &&
    (identity.namespace === '' || identity.namespace === dependent.namespace)
  )
}
