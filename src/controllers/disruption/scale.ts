/**
 * How many pods the owners of some pods want together. Built-in owners are read from the caches; any other kind is asked through
 * its scale subresource (KEP-85: budgets over arbitrary controllers).
 */
import { apiVersionOf, type GroupVersionResource, parseApiVersion } from '../../api/object.js'
import { StatusError } from '../../api/status.js'
import type { Deployment, ReplicaSet, StatefulSet } from '../../api/types/apps-v1.js'
import type { Pod, ReplicationController } from '../../api/types/core-v1.js'
import type { OwnerReference } from '../../api/types/meta-v1.js'
import { resources } from '../../client/resources.js'
import { controllerOf } from '../common/owner.js'
import type { View } from '../controller.js'

/** How long what an API group serves is remembered. */
const discoveryMs = 30_000

export interface OwnersScale {
  readonly scale: number
  /** Names of pods that nobody manages. */
  readonly unmanaged: readonly string[]
}

interface Served {
  readonly atMs: number
  /** The resource of each kind, and whether it has a scale. */
  readonly kinds: ReadonlyMap<string, { readonly resource: string; readonly scalable: boolean }>
}

export class Scales {
  readonly #served = new Map<string, Served>()

  /** Throws an Error that says which pod's owner has no scale. */
  async of(pods: readonly Pod[], view: View): Promise<OwnersScale> {
    const known = new Map<string, number>()
    const unmanaged: string[] = []
    for (const pod of pods) {
      const owner = controllerOf(pod)
      if (!owner) unmanaged.push(pod.metadata.name ?? '')
      else if (!known.has(owner.uid)) {
        const found = await this.#scaleOf(pod.metadata.namespace ?? '', owner, view)
        if (!found) throw new Error(`found no controllers for pod "${pod.metadata.name}"`)
        // Several ReplicaSets may be of one Deployment, which counts once.
        known.set(owner.uid, known.has(found.uid) ? 0 : found.scale)
        if (found.uid !== owner.uid && !known.has(found.uid)) known.set(found.uid, 0)
      }
    }
    return { scale: [...known.values()].reduce((sum, each) => sum + each, 0), unmanaged }
  }

  async #scaleOf(namespace: string, owner: OwnerReference, view: View): Promise<{ uid: string; scale: number } | undefined> {
    const key = `${namespace}/${owner.name}`
    switch (`${parseApiVersion(owner.apiVersion).group}/${owner.kind}`) {
      case 'apps/ReplicaSet': {
        const set = view.lister<ReplicaSet>(resources.replicaSets).get(key)
        if (set?.metadata.uid !== owner.uid) return undefined
        const above = controllerOf(set)
        if (above?.kind !== 'Deployment') return { uid: owner.uid, scale: set.spec?.replicas ?? 1 }
        const deployment = view.lister<Deployment>(resources.deployments).get(`${namespace}/${above.name}`)
        return deployment?.metadata.uid === above.uid ? { uid: above.uid, scale: deployment.spec?.replicas ?? 1 } : undefined
      }
      case '/ReplicationController':
        return cached(view.lister<ReplicationController>(resources.replicationControllers).get(key), owner)
      case 'apps/StatefulSet':
        return cached(view.lister<StatefulSet>(resources.statefulSets).get(key), owner)
      default:
        return this.#scaleOfOther(namespace, owner, view)
    }
  }

  async #scaleOfOther(namespace: string, owner: OwnerReference, view: View): Promise<{ uid: string; scale: number } | undefined> {
    const { group, version } = parseApiVersion(owner.apiVersion)
    const kinds = await this.#kindsOf(owner.apiVersion, view)
    const kind = kinds.get(owner.kind)
    if (!kind) return undefined
    const of: GroupVersionResource = { group, version, resource: kind.resource }
    const path = `${pathOf(owner.apiVersion)}/namespaces/${namespace}/${of.resource}/${owner.name}`
    if (!kind.scalable) {
      // Where the owner itself is gone, its pods will go too: they count for nothing.
      if ((await getJson(path, view)) === undefined) return undefined
      throw new Error(`${kind.resource}.${group} does not implement the scale subresource`)
    }
    const scale = await getJson(`${path}/scale`, view)
    const { metadata, spec } = (scale ?? {}) as { metadata?: { uid?: string }; spec?: { replicas?: number } }
    return scale !== undefined && metadata?.uid === owner.uid ? { uid: owner.uid, scale: spec?.replicas ?? 0 } : undefined
  }

  async #kindsOf(apiVersion: string, view: View): Promise<Served['kinds']> {
    const now = view.clock.monotonic()
    const known = this.#served.get(apiVersion)
    if (known && now - known.atMs < discoveryMs) return known.kinds
    const list = (await getJson(pathOf(apiVersion), view)) as { resources?: { name: string; kind: string }[] } | undefined
    const names = new Set(list?.resources?.map((each) => each.name))
    const kinds = new Map(
      (list?.resources ?? [])
        .filter((each) => !each.name.includes('/'))
        .map((each) => [each.kind, { resource: each.name, scalable: names.has(`${each.name}/scale`) }]),
    )
    this.#served.set(apiVersion, { atMs: now, kinds })
    return kinds
  }
}

function cached(
  object: { metadata: { uid?: string }; spec?: { replicas?: number } } | undefined,
  owner: OwnerReference,
): { uid: string; scale: number } | undefined {
  return object?.metadata.uid === owner.uid ? { uid: owner.uid, scale: object.spec?.replicas ?? 1 } : undefined
}

function pathOf(apiVersion: string): string {
  const of = parseApiVersion(apiVersion)
  return of.group === '' ? `/api/${of.version}` : `/apis/${apiVersionOf(of)}`
}

/** Undefined when it is not there. */
async function getJson(path: string, view: View): Promise<unknown> {
  const response = await view.client.raw({ method: 'GET', path })
  if (response.status === 404) return undefined
  const body: unknown = JSON.parse(new TextDecoder().decode(response.body))
  if (response.status !== 200) throw new StatusError(body as StatusError['status'])
  return body
}
