/** Policies with their bindings, compiled when they first come and until they change; in the order of their names. */
import type { GroupVersionResource, KubeObject } from '../../../api/object.js'
import type { MatchResources } from '../../../api/types/admissionregistration-v1.js'
import type { ServerAccess } from '../../access.js'
import type { AdmissionRequest } from '../admission.js'
import { compileMatch, type Matcher } from './matching.js'
import type { RequestView, ResourceCatalog } from './request-views.js'

interface PolicyObject extends KubeObject {
  readonly spec?: { readonly matchConstraints?: MatchResources }
}
interface BindingObject extends KubeObject {
  readonly spec?: { readonly policyName?: string; readonly matchResources?: MatchResources }
}

export interface ActiveBinding<B> {
  readonly binding: B
  /** undefined: all that the policy is about. */
  readonly matcher: Matcher | undefined
}

export interface ActivePolicy<P, B, C> {
  readonly policy: P
  readonly matcher: Matcher
  readonly bindings: readonly ActiveBinding<B>[]
  /** Compiled on first use. */
  readonly compiled: () => C
}

export interface Candidate<P, B, C> {
  readonly active: ActivePolicy<P, B, C>
  readonly view: RequestView
}

export interface PolicySourceOptions<P, C> {
  readonly access: ServerAccess
  readonly catalog: ResourceCatalog
  readonly policies: GroupVersionResource
  readonly bindings: GroupVersionResource
  compile(policy: P): C
}

export class PolicySource<P extends PolicyObject, B extends BindingObject, C> {
  readonly #options: PolicySourceOptions<P, C>
  readonly #list: () => readonly P[]
  readonly #bindings: () => readonly B[]
  /** By the policy object, which is another one after each change. */
  readonly #compiled = new WeakMap<P, C>()
  #active: readonly ActivePolicy<P, B, C>[] | undefined
  readonly #candidates = new Map<string, readonly Candidate<P, B, C>[]>()

  constructor(options: PolicySourceOptions<P, C>) {
    this.#options = options
    const policies = options.access.lister<P>(options.policies)
    const bindings = options.access.lister<B>(options.bindings)
    this.#list = () => policies.list()
    this.#bindings = () => bindings.list()
    this.#watch = () => {
      policies.onChange(() => this.#forget())
      bindings.onChange(() => this.#forget())
      // Views are of the versions that are served.
      options.catalog.onChange(() => this.#candidates.clear())
      this.#watch = undefined
    }
  }

  /** Begun with the first request, when the resources are there. */
  #watch: (() => void) | undefined

  #forget(): void {
    this.#active = undefined
    this.#candidates.clear()
  }

  /** Those whose rules name such requests; found once for each kind of request. */
  candidates(request: AdmissionRequest): readonly Candidate<P, B, C>[] {
    this.#watch?.()
    const active = (this.#active ??= this.#build())
    if (active.length === 0) return active as readonly never[]
    const { operation, resource, subresource, namespace } = request
    // Rules that name objects are looked at again each time.
    const byName = active.some(({ policy }) => namesObjects(policy.spec?.matchConstraints))
    const key = byName
      ? undefined
      : `${operation} ${resource.group}/${resource.version}/${resource.resource}/${subresource} ${namespace !== ''}`
    const known = key === undefined ? undefined : this.#candidates.get(key)
    if (known) return known
    const found = active.flatMap((each) => {
      const view = each.matcher.view(request)
      return view ? [{ active: each, view }] : []
    })
    if (key !== undefined) this.#candidates.set(key, found)
    return found
  }

  #build(): ActivePolicy<P, B, C>[] {
    const { catalog, compile } = this.#options
    const byPolicy = new Map<string, ActiveBinding<B>[]>()
    const sorted = <T extends KubeObject>(objects: readonly T[]) =>
      [...objects].sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
    for (const binding of sorted(this.#bindings())) {
      const { policyName = '', matchResources } = binding.spec ?? {}
      const matcher = matchResources && compileMatch(matchResources, catalog)
      const found = byPolicy.get(policyName)
      if (found) found.push({ binding, matcher })
      else byPolicy.set(policyName, [{ binding, matcher }])
    }
    return sorted(this.#list()).flatMap((policy): ActivePolicy<P, B, C>[] => {
      const bindings = byPolicy.get(policy.metadata.name ?? '') ?? []
      if (bindings.length === 0) return []
      const compiled = () => {
        let found = this.#compiled.get(policy)
        if (found === undefined) this.#compiled.set(policy, (found = compile(policy)))
        return found
      }
      return [{ policy, matcher: compileMatch(policy.spec?.matchConstraints ?? {}, catalog), bindings, compiled }]
    })
  }
}

function namesObjects(match: MatchResources | undefined): boolean {
  return [...(match?.resourceRules ?? []), ...(match?.excludeResourceRules ?? [])].some(({ resourceNames }) => resourceNames?.length)
}
