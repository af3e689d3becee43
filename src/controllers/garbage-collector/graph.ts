/**
 * Who owns whom, kept from watch events. Pure bookkeeping: what must be looked at is given to `work`, nothing is read or written.
 *
 * An owner that is referred to and not (yet) seen is in the graph as a node without resource; whoever works on it reads it live
 * and reports by `absent` when there is no such object. References are taken at their word only once the owner was seen: two
 * dependents may place the same uid differently, and a made-up reference must not cost a foreign object its life.
 */
import { apiVersionOf, type KubeObject } from '../../api/object.js'
import type { OwnerReference } from '../../api/types/meta-v1.js'
import type { DiscoveredResource } from '../common/discovery.js'
import { AbsentOwners } from './absent-owners.js'
import { foregroundFinalizer, hasFinalizer, type Identity, Node, orphanFinalizer, refersTo, sameIdentity } from './node.js'

export interface GraphWork {
  /** Whether it must go, or lose references, is to be found out. */
  attemptToDelete(node: Node): void
  /** Its dependents are to be freed from it. */
  attemptToOrphan(node: Node): void
  /** It names an owner in another namespace, which there cannot be. */
  invalidNamespace(node: Node, owner: Identity): void
}

export class Graph {
  readonly absentOwners = new AbsentOwners()
  readonly #nodes = new Map<string, Node>()
  readonly #work: GraphWork

  constructor(work: GraphWork) {
    this.#work = work
  }

  get size(): number {
    return this.#nodes.size
  }

  get(uid: string): Node | undefined {
    return this.#nodes.get(uid)
  }

  /** The object was added or changed. `old` is its former state where that is known. */
  observe(resource: DiscoveredResource, object: KubeObject, old?: KubeObject): void {
    const identity = identityOf(resource, object)
    let node = this.#nodes.get(identity.uid)
    const isNew = node === undefined
    const owners = object.metadata.ownerReferences ?? []
    if (!node) this.#nodes.set(identity.uid, (node = new Node(identity, resource)))
    else this.#place(node, identity, resource)
    this.#own(node, owners, isNew)
    if (object.metadata.deletionTimestamp) node.isBeingDeleted = true
    this.#react(node, object, isNew ? undefined : old)
  }

  /** The object is gone. */
  remove(uid: string): void {
    const node = this.#nodes.get(uid)
    if (node) this.#remove(node, node.identity)
  }

  /** A live read has shown that there is no object of this identity (there may be one with the same uid elsewhere). */
  absent(identity: Identity): void {
    const node = this.#nodes.get(identity.uid)
    if (!node) return
    const { matching, others } = partition(node.dependents, identity)
    if (node.isObserved) {
      if (sameIdentity(node.identity, identity)) this.#remove(node, identity)
      else this.#orphaned(identity, matching)
      return
    }
    if (others.length === 0) return this.#remove(node, identity)
    this.#orphaned(identity, matching)
    if (!sameIdentity(node.identity, identity)) return
    const next = otherIdentity(others, identity)
    if (!next) return
    node.identity = next
    this.#work.attemptToDelete(node)
  }

  /** Dependents of an owner that is known to be absent. */
  #orphaned(owner: Identity, dependents: readonly Node[]): void {
    if (dependents.length === 0) return
    this.absentOwners.add(owner)
    for (const dependent of dependents) this.#work.attemptToDelete(dependent)
  }

  /** A node that was known by hearsay is seen (for the first time): those that placed it wrongly must be judged. */
  #place(node: Node, identity: Identity, resource: DiscoveredResource): void {
    if (!node.isObserved && !sameIdentity(node.identity, identity))
      for (const dependent of partition(node.dependents, identity).others) {
        if (identity.namespace !== '' && dependent.identity.namespace !== identity.namespace)
          this.#work.invalidNamespace(dependent, identity)
        this.#work.attemptToDelete(dependent)
      }
    node.identity = identity
    node.resource = resource
  }

  #own(node: Node, owners: readonly OwnerReference[], isNew: boolean): void {
    const before = node.owners
    node.owners = owners
    if (sameOwners(before, owners)) return
    const had = new Map(before.map((owner) => [owner.uid, owner]))
    const added = owners.filter((owner) => !had.has(owner.uid))
    const has = new Map(owners.map((owner) => [owner.uid, owner]))
    for (const owner of before) {
      const now = has.get(owner.uid)
      // An owner that waits for its blocking dependents may have been waiting for this one.
      if (owner.blockOwnerDeletion && !now?.blockOwnerDeletion) this.#wake(owner.uid)
      if (!now) this.#disown(node, owner.uid)
    }
    if (this.#addToOwners(node, added) && (isNew || added.length > 0)) this.#work.attemptToDelete(node)
  }

  /** Whether one of the owners is not where the reference says. */
  #addToOwners(node: Node, owners: readonly OwnerReference[]): boolean {
    let doubtful = false
    for (const owner of owners) {
      const { apiVersion, kind, name, uid } = owner
      const found = this.#nodes.get(uid)
      if (!found) {
        const hearsay = new Node({ apiVersion, kind, name, uid, namespace: node.identity.namespace })
        this.#nodes.set(uid, hearsay)
        hearsay.addDependent(node)
        this.#work.attemptToDelete(hearsay)
        continue
      }
      found.addDependent(node)
      if (refersTo(owner, node.identity, found.identity)) continue
      doubtful = true
      const { namespace } = found.identity
      if (found.isObserved && namespace !== '' && namespace !== node.identity.namespace) this.#work.invalidNamespace(node, found.identity)
    }
    return doubtful
  }

  #wake(uid: string): void {
    const owner = this.#nodes.get(uid)
    if (owner) this.#work.attemptToDelete(owner)
  }

  #disown(node: Node, uid: string): void {
    const owner = this.#nodes.get(uid)
    if (!owner) return
    owner.removeDependent(node)
    // Nobody refers to it and nobody has seen it: there is nothing to know about it.
    if (!owner.isObserved && owner.dependents.size === 0) this.#nodes.delete(uid)
  }

  /** A deletion that begins, with a word on what is to become of the dependents. */
  #react(node: Node, object: KubeObject, old: KubeObject | undefined): void {
    if (begins(object, old, orphanFinalizer)) return this.#work.attemptToOrphan(node)
    if (!begins(object, old, foregroundFinalizer)) return
    node.isDeletingDependents = true
    for (const dependent of node.dependents) this.#work.attemptToDelete(dependent)
    this.#work.attemptToDelete(node)
  }

  #remove(node: Node, identity: Identity): void {
    this.#nodes.delete(identity.uid)
    for (const { uid } of node.owners) this.#disown(node, uid)
    if (node.dependents.size > 0) this.absentOwners.add(identity)
    for (const dependent of node.dependents) this.#work.attemptToDelete(dependent)
    for (const { uid } of node.owners) {
      const owner = this.#nodes.get(uid)
      if (owner?.isDeletingDependents) this.#work.attemptToDelete(owner)
    }
  }
}

function identityOf(resource: DiscoveredResource, { metadata }: KubeObject): Identity {
  const { namespace = '', name = '', uid = '' } = metadata
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, namespace, name, uid }
}

function begins(object: KubeObject, old: KubeObject | undefined, finalizer: string): boolean {
  const is = (state: KubeObject) => state.metadata.deletionTimestamp !== undefined && hasFinalizer(state, finalizer)
  return is(object) && !(old && is(old))
}

function sameOwners(a: readonly OwnerReference[], b: readonly OwnerReference[]): boolean {
  return a.length === b.length && a.every((owner, i) => owner.uid === b[i]?.uid && owner.blockOwnerDeletion === b[i].blockOwnerDeletion)
}

/** Dependents by whether they mean this identity by its uid. One that refers to it in two ways is among both. */
function partition(dependents: ReadonlySet<Node>, identity: Identity): { matching: Node[]; others: Node[] } {
  const matching: Node[] = []
  const others: Node[] = []
  for (const dependent of dependents) {
    const about = dependent.owners.filter((owner) => owner.uid === identity.uid)
    if (about.some((owner) => refersTo(owner, dependent.identity, identity))) matching.push(dependent)
    if (about.some((owner) => !refersTo(owner, dependent.identity, identity))) others.push(dependent)
  }
  return { matching, others }
}

/** Another place where one of these dependents says the owner is; in a fixed order, so that each is tried in turn. */
function otherIdentity(dependents: readonly Node[], tried: Identity): Identity | undefined {
  const text = ({ apiVersion, kind, namespace, name }: Identity) => [apiVersion, kind, namespace, name].join('\0')
  const candidates = dependents.flatMap((dependent) =>
    dependent.owners
      .filter((owner) => owner.uid === tried.uid)
      .map(({ apiVersion, kind, name, uid }) => ({ apiVersion, kind, name, uid, namespace: dependent.identity.namespace })),
  )
  const sorted = candidates.filter((each) => !sameIdentity(each, tried)).sort((a, b) => (text(a) < text(b) ? -1 : 1))
  return sorted.find((each) => text(each) > text(tried)) ?? sorted[0]
}
