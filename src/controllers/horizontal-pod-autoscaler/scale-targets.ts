/** The scale subresource of anything that has one. */
import { apiVersionOf, type GroupVersionResource, parseApiVersion } from '../../api/object.js'
import type { CrossVersionObjectReference } from '../../api/types/autoscaling-v2.js'
import type { Scale } from '../../api/types/autoscaling-v1.js'
import type { Client } from '../../client/client.js'
import { parseResponse } from '../../client/rest-client.js'
import { discover } from '../common/discovery.js'

const encoder = new TextEncoder()

export class ScaleTargets {
  /** "apps/v1/Deployment" → its resource. Kinds do not move between resources; those not found are looked up again. */
  readonly #resources = new Map<string, GroupVersionResource>()

  async resourceOf(client: Client, apiVersion: string, kind: string): Promise<GroupVersionResource> {
    const key = `${apiVersion}/${kind}`
    let found = this.#resources.get(key)
    if (!found) {
      const { group } = parseApiVersion(apiVersion)
      const { all } = await discover(client)
      // Any version of the kind has the same scale.
      const named = all.filter((each) => each.kind === kind && each.group === group)
      found = named.find((each) => apiVersionOf(each) === apiVersion) ?? named[0]
      if (!found) throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`)
      this.#resources.set(key, found)
    }
    return found
  }

  async read(client: Client, namespace: string, target: CrossVersionObjectReference): Promise<Scale> {
    const path = await this.#path(client, namespace, target)
    return parseResponse<Scale>(await client.raw({ method: 'GET', path, headers: { accept: 'application/json' } }))
  }

  async write(client: Client, target: CrossVersionObjectReference, scale: Scale): Promise<void> {
    const path = await this.#path(client, scale.metadata.namespace ?? '', target)
    const body = encoder.encode(JSON.stringify({ ...scale, apiVersion: 'autoscaling/v1', kind: 'Scale' }))
    parseResponse(
      await client.raw({ method: 'PUT', path, body, headers: { 'content-type': 'application/json', accept: 'application/json' } }),
    )
  }

  async #path(client: Client, namespace: string, { apiVersion = 'v1', kind, name }: CrossVersionObjectReference): Promise<string> {
    const of = await this.resourceOf(client, apiVersion, kind)
    const base = of.group === '' ? `/api/${of.version}` : `/apis/${apiVersionOf(of)}`
    return `${base}/namespaces/${namespace}/${of.resource}/${encodeURIComponent(name)}/scale`
  }
}
