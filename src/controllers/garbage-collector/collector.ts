/**
 * What is done about one object of the graph. What watches have brought is trusted for what is there (its deletion would wake
 * the dependents again); that something is absent is believed only after a live read. A write holds only for the state that it
 * was decided on, so a stale cache costs a try, never an object.
 */
import type { KubeObject } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { OwnerReference } from '../../api/types/meta-v1.js'
import type { Client } from '../../client/client.js'
import { inParallel } from '../common/parallel.js'
import type { Graph } from './graph.js'
import type { Kinds } from './kinds.js'
import { foregroundFinalizer, type Identity, type Node, orphanFinalizer, refersTo } from './node.js'
import { classify, type Verdict, verdictOn } from './references.js'
import { deleteKnown, type Located, patchMetadata, readLive } from './writer.js'

/** Dependents that are freed of an owner at once. */
const orphansAtOnce = 20

/** Nothing can be decided now, and a later try may. */
export class Undecided extends Error {
  override readonly name = 'Undecided'
}

export interface CollectorDeps {
  readonly client: Client
  readonly graph: Graph
  readonly kinds: Kinds
  /** The object as the watch last brought it. */
  cached(node: Node): KubeObject | undefined
  /** Puts the node on the queue. */
  attemptToDelete(node: Node): void
}

export class Collector {
  readonly #deps: CollectorDeps

  constructor(deps: CollectorDeps) {
    this.#deps = deps
  }

  /** Whether the object goes, loses references or stays. */
  async attemptToDelete(node: Node): Promise<void> {
    if (!node.resource) return this.#verify(node)
    if (node.isBeingDeleted && !node.isDeletingDependents) return
    const at = located(node.identity, node.resource)
    const object = this.#deps.cached(node) ?? (await readLive(this.#deps.client, at))
    if (!object) return
    if (node.isDeletingDependents) return this.#finishForeground(node, at, object)
    const references = object.metadata.ownerReferences ?? []
    if (references.length === 0) return
    const classified = await classify(references, (reference) => this.#ownerOf(reference, node))
    const isDeletingDependents = [...node.dependents].some((dependent) => dependent.isDeletingDependents)
    await this.#carryOut(verdictOn(object, classified, { count: node.dependents.size, isDeletingDependents }), at, object)
  }

  async #carryOut(verdict: Verdict, at: Located, object: KubeObject): Promise<void> {
    const { client } = this.#deps
    if (verdict.do === 'nothing') return
    if (verdict.do === 'disown') {
      const kept = new Set(verdict.keep.map(({ uid }) => uid))
      const judged = new Set(object.metadata.ownerReferences?.map(({ uid }) => uid))
      return patchMetadata(client, at, object, ({ metadata: { ownerReferences = [] } }) => ({
        // An owner that came meanwhile was not judged: it stays.
        ownerReferences: ownerReferences.filter(({ uid }) => kept.has(uid) || !judged.has(uid)),
      }))
    }
    if (!verdict.unblock) return deleteKnown(client, at, object, verdict.policy)
    await patchMetadata(client, at, object, ({ metadata: { ownerReferences = [] } }) =>
      ownerReferences.some((owner) => owner.blockOwnerDeletion)
        ? { ownerReferences: ownerReferences.map((owner) => ({ ...owner, blockOwnerDeletion: false })) }
        : undefined,
    )
    const live = await readLive(client, at)
    if (live) await deleteKnown(client, at, live, verdict.policy)
  }

  /** Frees the dependents of the owner, then lets the owner go. */
  async attemptToOrphan(node: Node): Promise<void> {
    const { client, cached } = this.#deps
    if (!node.resource) return
    const { uid } = node.identity
    const errors = await inParallel([...node.dependents], orphansAtOnce, async (dependent) => {
      if (!dependent.resource) return
      const at = located(dependent.identity, dependent.resource)
      const object = cached(dependent) ?? (await readLive(client, at))
      if (!object) return
      await patchMetadata(client, at, object, ({ metadata: { ownerReferences = [] } }) =>
        ownerReferences.some((owner) => owner.uid === uid)
          ? { ownerReferences: ownerReferences.filter((owner) => owner.uid !== uid) }
          : undefined,
      )
    })
    if (errors.length > 0) throw errors[0]
    await this.#removeFinalizer(located(node.identity, node.resource), orphanFinalizer)
  }

  /** An object that was deleted in the foreground goes when nothing blocks it any more. */
  async #finishForeground(node: Node, at: Located, object: KubeObject): Promise<void> {
    const blocking = [...node.blockingDependents()]
    if (blocking.length === 0) return this.#removeFinalizer(at, foregroundFinalizer, object)
    for (const dependent of blocking) if (!dependent.isDeletingDependents) this.#deps.attemptToDelete(dependent)
  }

  async #removeFinalizer(at: Located, finalizer: string, known?: KubeObject): Promise<void> {
    const { client } = this.#deps
    const object = known ?? (await readLive(client, at))
    if (!object) return
    await patchMetadata(client, at, object, ({ metadata: { finalizers = [] } }) =>
      finalizers.includes(finalizer) ? { finalizers: finalizers.filter((each) => each !== finalizer) } : undefined,
    )
  }

  /** An owner known by hearsay: it is there and its watch will bring it, or it is absent. */
  async #verify({ identity }: Node): Promise<void> {
    const found = await this.#live(identity)
    if (!found) return this.#deps.graph.absent(identity)
    throw new Undecided(`${identity.kind} ${identity.name} is there and has not been seen by the watch yet`)
  }

  /** undefined: absent, by a live read. */
  async #ownerOf(reference: OwnerReference, node: Node): Promise<KubeObject | undefined> {
    const { graph, cached } = this.#deps
    const { apiVersion, kind, name, uid } = reference
    const seen = graph.get(uid)
    if (seen?.resource && refersTo(reference, node.identity, seen.identity)) {
      const object = cached(seen)
      if (object) return object
    }
    const inNamespace: Identity = { apiVersion, kind, name, uid, namespace: node.identity.namespace }
    const inCluster: Identity = { ...inNamespace, namespace: '' }
    if (graph.absentOwners.has(inNamespace) || graph.absentOwners.has(inCluster)) return undefined
    const live = await this.#live(inNamespace)
    if (!live) graph.absentOwners.add(inNamespace)
    return live
  }

  async #live(identity: Identity): Promise<KubeObject | undefined> {
    const resource = await this.#deps.kinds.find(identity.apiVersion, identity.kind)
    // Also a kind that is gone for good ends here: what it owned stays, as upstream has it.
    if (!resource) throw new Undecided(`nothing serves the kind ${identity.kind} of ${identity.apiVersion}`)
    // A cluster-scoped object cannot have a namespaced owner; there is no namespace in which to look for it.
    if (resource.namespaced && identity.namespace === '')
      throw new Undecided(`the cluster-scoped dependent of ${identity.kind} ${identity.name} names a namespaced owner`)
    try {
      return await readLive(this.#deps.client, located({ ...identity, namespace: resource.namespaced ? identity.namespace : '' }, resource))
    } catch (error) {
      if (hasReason(error, 'MethodNotAllowed')) throw new Undecided(`${identity.kind} objects cannot be read`)
      throw error
    }
  }
}

function located({ namespace, name, uid }: Identity, resource: Located['resource']): Located {
  return { resource, namespace, name, uid }
}
