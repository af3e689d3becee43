import { keyOf, type KubeObject } from '../../api/object.js'
import type { Pod, Service } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import type { View } from '../controller.js'
import { sameJson } from '../../api/same-json.js'
import { indexServices, selects, servicesOfPod } from './service-pods.js'

interface Members {
  readonly selector: Readonly<Record<string, string>> | undefined
  readonly pods: Set<string>
}

/**
 * The pods of each Service, kept up to date by the events of a controller, so that a sync costs what the Service has and not what
 * its namespace holds. The namespace is looked through once a Service, and again when its selector changes.
 *
 * The controller must pass every Service event to `serviceKeys` and every pod event in which labels change to `podKeys`.
 */
export class ServiceMembers {
  readonly #view: View
  readonly #byService = new Map<string, Members>()

  constructor(view: View) {
    this.#view = view
    indexServices(view)
  }

  serviceKeys(object: KubeObject): readonly string[] {
    const key = keyOf(object)
    const members = this.#byService.get(key)
    if (members && !sameJson(members.selector, (object as Service).spec?.selector)) this.#byService.delete(key)
    return [key]
  }

  /** The Services that select a pod. Of an update both states come here, the one that is in the cache last. */
  podKeys(pod: Pod): readonly string[] {
    const key = keyOf(pod)
    const isThere = this.#view.lister<Pod>(resources.pods).get(key) === pod
    const services = servicesOfPod(pod, this.#view)
    for (const service of services) {
      const pods = this.#byService.get(service)?.pods
      if (isThere) pods?.add(key)
      else pods?.delete(key)
    }
    return services
  }

  of(service: Service): readonly Pod[] {
    const pods = this.#view.lister<Pod>(resources.pods)
    const key = keyOf(service)
    const known = this.#byService.get(key)
    if (known) {
      const found: Pod[] = []
      for (const name of known.pods) {
        const pod = pods.get(name)
        if (pod && selects(service, pod)) found.push(pod)
      }
      return found
    }
    const found = pods.list(service.metadata.namespace).filter((pod) => selects(service, pod))
    this.#byService.set(key, { selector: service.spec?.selector, pods: new Set(found.map(keyOf)) })
    return found
  }

  forget(key: string): void {
    this.#byService.delete(key)
  }
}
