/** Runs the admission plugins that handle a request; which ones they are is found once for each resource and operation. */
import type { GroupVersionResource } from '../../api/object.js'
import type { AdmissionPlugin, AdmissionRequest, Operation } from '../admission/admission.js'

export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[]
  readonly #chosen = new Map<string, readonly AdmissionPlugin[]>()

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins
  }

  async mutate(request: AdmissionRequest): Promise<void> {
    for (const plugin of this.#for(request)) await plugin.mutate?.(request)
  }

  async validate(request: AdmissionRequest): Promise<void> {
    for (const plugin of this.#for(request)) await plugin.validate?.(request)
  }

  #for({
    operation,
    resource,
    subresource,
  }: {
    operation: Operation
    resource: GroupVersionResource
    subresource: string
  }): readonly AdmissionPlugin[] {
    const key = `${operation} ${resource.group}/${resource.version}/${resource.resource}/${subresource}`
    let chosen = this.#chosen.get(key)
    if (!chosen) this.#chosen.set(key, (chosen = this.#plugins.filter((plugin) => plugin.handles(operation, resource, subresource))))
    return chosen
  }
}
