/** The webhooks of all configurations, in the order of the configurations' names; compiled until one changes. */
import type { GroupVersionResource, KubeObject } from '../../../api/object.js'
import { admissionEnvironment } from '../../../api/cel/kubernetes/admission.js'
import type { MutatingWebhook, ValidatingWebhook } from '../../../api/types/admissionregistration-v1.js'
import type { AdmissionRequest } from '../admission.js'
import type { AdmissionDeps } from '../plugin.js'
import { compileMatch, type Matcher } from '../policies/matching.js'
import { type CompiledCondition, compileConditions } from '../policies/match-conditions.js'
import type { RequestView } from '../policies/request-views.js'

export type Webhook = ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>

export interface Hook {
  readonly webhook: Webhook
  readonly configuration: string
  readonly matcher: Matcher
  readonly conditions: () => readonly CompiledCondition[]
}

export interface MatchedHook {
  readonly hook: Hook
  readonly view: RequestView
}

interface Configuration extends KubeObject {
  readonly webhooks?: readonly Webhook[]
}

export class WebhookSource {
  readonly #list: () => readonly Configuration[]
  readonly #deps: AdmissionDeps
  #watch: (() => void) | undefined
  #hooks: readonly Hook[] | undefined
  readonly #matched = new Map<string, readonly MatchedHook[]>()

  constructor(deps: AdmissionDeps, configurations: GroupVersionResource) {
    this.#deps = deps
    const lister = deps.access.lister<Configuration>(configurations)
    this.#list = () => lister.list()
    this.#watch = () => {
      lister.onChange(() => {
        this.#hooks = undefined
        this.#matched.clear()
      })
      deps.resources.onChange(() => this.#matched.clear())
      this.#watch = undefined
    }
  }

  /** By their rules alone; found once for each kind of request. */
  matching(request: AdmissionRequest): readonly MatchedHook[] {
    this.#watch?.()
    const hooks = (this.#hooks ??= this.#build())
    if (hooks.length === 0) return []
    const { operation, resource, subresource, namespace } = request
    const key = `${operation} ${resource.group}/${resource.version}/${resource.resource}/${subresource} ${namespace !== ''}`
    let found = this.#matched.get(key)
    if (!found) {
      found = hooks.flatMap((hook) => {
        const view = hook.webhook.rules?.length ? hook.matcher.view(request) : undefined
        return view ? [{ hook, view }] : []
      })
      this.#matched.set(key, found)
    }
    return found
  }

  #build(): Hook[] {
    const sorted = [...this.#list()].sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
    return sorted.flatMap(({ metadata, webhooks = [] }) =>
      webhooks.map((webhook): Hook => {
        const { rules, matchPolicy, namespaceSelector, objectSelector } = webhook
        let conditions: readonly CompiledCondition[] | undefined
        return {
          webhook,
          configuration: metadata.name ?? '',
          matcher: compileMatch({ resourceRules: rules, matchPolicy, namespaceSelector, objectSelector }, this.#deps.resources),
          conditions: () =>
            (conditions ??= compileConditions(webhook.matchConditions, admissionEnvironment({ params: false, authorizer: true }))),
        }
      }),
    )
  }
}
