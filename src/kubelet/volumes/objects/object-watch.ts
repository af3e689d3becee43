import { hasReason } from '../../../api/status.js'
import type { ConfigMap, Pod, Secret } from '../../../api/types/core-v1.js'
import type { Clock } from '../../../base/clock.js'
import type { Logger } from '../../../base/logger.js'
import type { Random } from '../../../base/random.js'
import type { Client, ResourceClient } from '../../../client/client.js'
import { Reflector } from '../../../client/informers/reflector.js'
import { SharedInformer } from '../../../client/informers/shared-informer.js'
import { resources } from '../../../client/resources.js'
import { referencesOf } from './pod-references.js'

/**
 * The ConfigMaps and Secrets that pods of this node name, and no others: the Node authorizer lets a kubelet watch single objects
 * only (a field selector on metadata.name) and only while a pod that names them is bound to it. Each is watched while a pod needs
 * it; one that is immutable is read once (KEP-1412).
 */
export type ObjectKind = 'configmap' | 'secret'

export interface ObjectWatchOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** An object that these pods use has changed, come or gone. */
  readonly onChange: (uids: ReadonlySet<string>) => void
}

type Value = ConfigMap & Pick<Secret, 'data' | 'type' | 'immutable'>

interface Watched {
  readonly users: Set<string>
  readonly kind: ObjectKind
  readonly namespace: string
  readonly name: string
  ending: AbortController | undefined
  informer: SharedInformer<Value> | undefined
  /** Read for good. */
  immutable: Value | undefined
}

/** Upstream's patience with a watch that has just begun. */
const syncMs = 1_000

export class ObjectWatch {
  readonly #options: ObjectWatchOptions
  readonly #watched = new Map<string, Watched>()
  /** Pod uid → keys of what it uses. */
  readonly #uses = new Map<string, ReadonlySet<string>>()

  constructor(options: ObjectWatchOptions) {
    this.#options = options
  }

  /** The pod needs what it names from now on; what it no longer names it gives up. */
  use(pod: Pod): void {
    const uid = pod.metadata.uid ?? ''
    const { namespace = '' } = pod.metadata
    const before = this.#uses.get(uid) ?? new Set<string>()
    const now = new Set<string>()
    for (const { kind, name } of referencesOf(pod)) {
      const key = `${kind}/${namespace}/${name}`
      now.add(key)
      let watched = this.#watched.get(key)
      if (!watched) {
        watched = { ...{ kind, namespace, name, users: new Set() }, ending: undefined, informer: undefined, immutable: undefined }
        this.#watched.set(key, watched)
      }
      watched.users.add(uid)
    }
    this.#uses.set(uid, now)
    for (const key of before) if (!now.has(key)) this.#release(key, uid)
  }

  release(uid: string): void {
    for (const key of this.#uses.get(uid) ?? []) this.#release(key, uid)
    this.#uses.delete(uid)
  }

  configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#get('configmap', namespace, name)
  }

  secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.#get('secret', namespace, name)
  }

  stop(): void {
    for (const { ending } of this.#watched.values()) ending?.abort(new Error('the kubelet has been stopped'))
    this.#watched.clear()
  }

  /** Undefined: there is no such object. */
  async #get(kind: ObjectKind, namespace: string, name: string): Promise<Value | undefined> {
    const watched = this.#watched.get(`${kind}/${namespace}/${name}`)
    if (!watched) return this.#ask(kind, namespace, name)
    if (watched.immutable) return watched.immutable
    const informer = watched.informer ?? this.#start(watched)
    if (await this.#synced(informer)) return watched.immutable ?? informer.lister.get(`${namespace}/${name}`)
    // The watch is not answered: a plain read says why, or what it would have.
    return this.#ask(kind, namespace, name)
  }

  async #ask(kind: ObjectKind, namespace: string, name: string): Promise<Value | undefined> {
    try {
      return await this.#resource(kind).get(namespace, name)
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    }
  }

  #synced(informer: SharedInformer<Value>): Promise<boolean> {
    if (informer.synced) return Promise.resolve(true)
    return new Promise((resolve) => {
      const cancel = this.#options.clock.timer(syncMs, () => resolve(false))
      informer.whenSynced(() => {
        cancel()
        resolve(true)
      })
    })
  }

  #start(watched: Watched): SharedInformer<Value> {
    const { clock, random, logger } = this.#options
    const { kind, namespace, name } = watched
    const informer = new SharedInformer<Value>(logger)
    const ending = new AbortController()
    watched.informer = informer
    watched.ending = ending
    const seen = (object: Value) => {
      if (!object.immutable || watched.immutable) return
      watched.immutable = object
      ending.abort(new Error('the object never changes'))
    }
    const told = (initial?: boolean) => {
      if (!initial) this.#options.onChange(watched.users)
    }
    informer.addHandler({
      onAdd: (object, initial) => {
        seen(object)
        told(initial)
      },
      onUpdate: (object, old) => {
        seen(object)
        if (object.metadata.resourceVersion !== old.metadata.resourceVersion) told()
      },
      onDelete: () => told(),
    })
    const selection = { namespace, fieldSelector: `metadata.name=${name}` }
    const resource = this.#resource(kind)
    void new Reflector<Value>({ resource, selection, informer, clock, random, logger, signal: ending.signal }).run()
    return informer
  }

  #resource(kind: ObjectKind): ResourceClient<Value> {
    return this.#options.client.resource<Value>(kind === 'secret' ? resources.secrets : resources.configMaps)
  }

  #release(key: string, uid: string): void {
    const watched = this.#watched.get(key)
    if (!watched) return
    watched.users.delete(uid)
    if (watched.users.size > 0) return
    watched.ending?.abort(new Error('no pod uses the object any more'))
    this.#watched.delete(key)
  }
}
