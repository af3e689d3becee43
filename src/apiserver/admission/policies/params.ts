/** The parameters of a binding: one object by name, or all that a selector finds (KEP-3488). */
import { parseApiVersion, type UnknownObject } from '../../../api/object.js'
import { labelSelectorOf } from '../../../api/selectors/label.js'
import type { ParamKind, ParamRef } from '../../../api/types/admissionregistration-v1.js'
import type { ServerAccess, ServerLister } from '../../access.js'
import type { ServedResource } from '../../registry/resource.js'
import type { ResourceCatalog } from './request-views.js'

export type Params = { readonly found: readonly (UnknownObject | undefined)[] } | { readonly error: string }

export class ParamSource {
  readonly #access: ServerAccess
  readonly #catalog: ResourceCatalog
  readonly #listers = new WeakMap<ServedResource, ServerLister<UnknownObject>>()

  constructor(access: ServerAccess, catalog: ResourceCatalog) {
    this.#access = access
    this.#catalog = catalog
  }

  /** None where the policy has no parameters; without any that are wanted the list is empty, or it is an error. */
  async find(kind: ParamKind | undefined, ref: ParamRef | undefined, namespace: string): Promise<Params> {
    if (!kind) return { found: [undefined] }
    if (!ref) return { error: 'paramRef is not set, although the policy has a paramKind' }
    const served = this.#servedOf(kind)
    if (!served) return { error: `failed to find resource referenced by paramKind: '${kind.apiVersion}, Kind=${kind.kind}'` }
    const { namespaced } = served.info
    if (!namespaced && ref.namespace) return { error: 'paramRef.namespace must not be provided for a cluster-scoped `paramKind`' }
    const where = namespaced ? ref.namespace || namespace : ''
    if (namespaced && where === '') return { error: "can't use namespaced paramRef to match cluster-scoped resources" }
    const lister = this.#listerOf(served)
    await lister.synced()
    const found = ref.name
      ? [lister.get(namespaced ? `${where}/${ref.name}` : ref.name)].filter((object) => object !== undefined)
      : this.#selected(lister, ref, namespaced ? where : undefined)
    if (found.length === 0 && ref.parameterNotFoundAction === 'Deny')
      return { error: 'no params found for policy binding with `Deny` parameterNotFoundAction' }
    return { found }
  }

  #selected(lister: ServerLister<UnknownObject>, { selector }: ParamRef, namespace: string | undefined): readonly UnknownObject[] {
    const wanted = labelSelectorOf(selector ?? {})
    return lister.list(namespace).filter(({ metadata }) => wanted.matches(metadata.labels ?? {}))
  }

  #servedOf({ apiVersion = '', kind = '' }: ParamKind): ServedResource | undefined {
    const { group, version } = parseApiVersion(apiVersion)
    for (const served of this.#catalog.all())
      if (served.info.group === group && served.info.version === version && served.info.kind === kind) return served
    return undefined
  }

  #listerOf(served: ServedResource): ServerLister<UnknownObject> {
    let lister = this.#listers.get(served)
    if (!lister) this.#listers.set(served, (lister = this.#access.lister<UnknownObject>(served.info)))
    return lister
  }
}
