/** What policies are made of, as the cluster has it: pods, namespaces and NetworkPolicies by watch, kept small. */
import { keyOf, type KubeObject } from '../../api/object.js'
import type { Namespace, Pod } from '../../api/types/core-v1.js'
import type { NetworkPolicy } from '../../api/types/networking-v1.js'
import type { Informer } from '../../client/informer.js'
import { resources } from '../../client/resources.js'
import { policyPodOf, slimPod } from './pod.js'
import type { Policies } from './policies.js'

export interface PolicyFeedOptions {
  readonly nodeName: string
  /** An informer that has been started; `transform` makes smaller what it keeps. */
  informer<T extends KubeObject>(of: (typeof resources)[keyof typeof resources], transform: (object: T) => void): Informer<T>
  /** Something of the target has changed. */
  changed(): void
}

export class PolicyFeed {
  readonly #options: PolicyFeedOptions
  readonly #pods: Informer<Pod>
  readonly #namespaces: Informer<Namespace>
  readonly #policies: Informer<NetworkPolicy>
  #target: Policies | undefined

  constructor(options: PolicyFeedOptions) {
    this.#options = options
    this.#pods = options.informer<Pod>(resources.pods, slimPod)
    this.#namespaces = options.informer<Namespace>(resources.namespaces, slimNamespace)
    this.#policies = options.informer<NetworkPolicy>(resources.networkPolicies, ({ metadata }) => delete metadata.managedFields)
    follow(
      this.#pods,
      (pod) => this.#tell((target) => this.#setPod(target, pod)),
      (pod) => this.#tell((target) => target.deletePod(keyOf(pod))),
    )
    follow(
      this.#namespaces,
      (one) => this.#tell((target) => setNamespace(target, one)),
      ({ metadata: { name = '' } }) => this.#tell((target) => target.setNamespace(name, undefined)),
    )
    follow(
      this.#policies,
      (policy) => this.#tell((target) => target.setPolicy(policy)),
      (policy) => this.#tell((target) => target.deletePolicy(keyOf(policy))),
    )
  }

  /** Resolves once all that is there has been seen. */
  async synced(): Promise<void> {
    for (const informer of [this.#pods, this.#namespaces, this.#policies])
      await new Promise<void>((resolve) => informer.whenSynced(resolve))
  }

  /** Tells `target`, which is empty, of everything, and of every change from now on. undefined: nobody is told. */
  feed(target: Policies | undefined): void {
    this.#target = target
    if (!target) return
    for (const one of this.#namespaces.lister.list()) setNamespace(target, one)
    for (const policy of this.#policies.lister.list()) target.setPolicy(policy)
    for (const pod of this.#pods.lister.list()) this.#setPod(target, pod)
  }

  #tell(change: (target: Policies) => void): void {
    if (!this.#target) return
    change(this.#target)
    this.#options.changed()
  }

  #setPod(target: Policies, object: Pod): void {
    const pod = policyPodOf(object, this.#options.nodeName)
    if (pod) target.setPod(pod)
    else target.deletePod(keyOf(object))
  }
}

function follow<T extends KubeObject>(informer: Informer<T>, set: (object: T) => void, remove: (object: T) => void): void {
  informer.addHandler({ onAdd: set, onUpdate: set, onDelete: remove })
}

function setNamespace(target: Policies, { metadata: { name = '', labels = {} } }: Namespace): void {
  target.setNamespace(name, labels)
}

function slimNamespace(namespace: Namespace): void {
  const { name, uid, resourceVersion, labels } = namespace.metadata
  namespace.metadata = { name, uid, resourceVersion, ...(labels ? { labels } : {}) } as Namespace['metadata']
  delete namespace.spec
  delete namespace.status
}
