/**
 * Expressions of admission on one request: what they see, what they may cost together, and questions to the authorizer, of which
 * those that take time are waited for and the evaluation begun again.
 */
import type { Program } from '../../../api/cel/environment.js'
import { namespaceSchema, requestSchema } from '../../../api/cel/kubernetes/admission.js'
import {
  authorizerValue,
  type CheckedAttributes,
  type CheckedDecision,
  type Decide,
  PendingDecision,
  requestResourceValue,
} from '../../../api/cel/kubernetes/authorizer.js'
import { perCallCostLimit } from '../../../api/cel/kubernetes/environment.js'
import { dynamicValue } from '../../../api/cel/kubernetes/json-values.js'
import { CelError, type CelValue } from '../../../api/cel/values.js'
import type { UnknownObject } from '../../../api/object.js'
import type { Namespace } from '../../../api/types/core-v1.js'
import { messageOf } from '../../../base/errors.js'
import type { Attributes, Authorizer } from '../../authz/authorizer.js'
import type { AdmissionRequest } from '../admission.js'
import { type RequestView, shownIn } from './request-views.js'

export interface Seen {
  readonly request: AdmissionRequest
  readonly view: RequestView
  readonly namespace: Namespace | undefined
  readonly authorizer: Authorizer
}

/** What all expressions about a request share. */
export class AdmissionEvaluation {
  readonly #seen: Seen
  readonly #decisions = new Map<string, CheckedDecision>()
  readonly #values: Readonly<Record<string, CelValue>>
  /** The cost that is left; below zero nothing more is evaluated. */
  budget: number

  constructor(seen: Seen, budget: number) {
    this.#seen = seen
    this.budget = budget
    const { request, view, namespace } = seen
    const decide: Decide = (attributes) => this.#decide(attributes)
    const { group, resource } = request.resource
    this.#values = {
      object: dynamicValue(shownIn(view, request.object)),
      oldObject: dynamicValue(shownIn(view, request.oldObject)),
      request: requestSchema.adapt(requestOf(request, view)),
      namespaceObject: namespace ? namespaceSchema.adapt(namespaceOf(namespace)) : null,
      authorizer: authorizerValue(decide),
      'authorizer.requestResource': requestResourceValue(decide, {
        ...{ group, resource, subresource: request.subresource, namespace: request.namespace, name: request.name },
      }),
    }
  }

  /** With one parameter, or none. */
  values(params: UnknownObject | undefined): Readonly<Record<string, CelValue>> {
    return { ...this.#values, params: dynamicValue(params) }
  }

  evaluate(program: Program, values: Readonly<Record<string, CelValue>>): CelValue {
    if (this.budget < 0) return new CelError('the evaluation ran out of its cost budget')
    const { value, cost } = program.evaluate(values, perCallCostLimit)
    this.budget -= cost
    return this.budget < 0
      ? new CelError('validation failed due to running out of cost budget, no further validation rules will be run')
      : value
  }

  /** `work` may ask the authorizer; it is begun anew after each answer that had to be waited for. */
  async whole<T>(work: () => T): Promise<T> {
    for (;;) {
      const { budget } = this
      try {
        return work()
      } catch (error) {
        if (!(error instanceof PendingDecision)) throw error
        this.budget = budget
        const decision = await error.decision.catch((failure: unknown) => ({ allowed: false, reason: '', error: messageOf(failure) }))
        this.#decisions.set(JSON.stringify(error.attributes), decision)
      }
    }
  }

  #decide(attributes: CheckedAttributes): CheckedDecision | Promise<CheckedDecision> {
    const known = this.#decisions.size > 0 ? this.#decisions.get(JSON.stringify(attributes)) : undefined
    if (known) return known
    const { authorizer, request } = this.#seen
    const answer = authorizer.authorize(attributesOf(attributes, request))
    const shown = ({ verdict, reason }: { verdict: string; reason: string }) => ({ allowed: verdict === 'allow', reason })
    return answer instanceof Promise ? answer.then(shown) : shown(answer)
  }
}

function attributesOf({ verb, path, resource, serviceAccount }: CheckedAttributes, { user }: AdmissionRequest): Attributes {
  const asked = serviceAccount
    ? {
        name: `system:serviceaccount:${serviceAccount.namespace}:${serviceAccount.name}`,
        groups: ['system:serviceaccounts', `system:serviceaccounts:${serviceAccount.namespace}`, 'system:authenticated'],
      }
    : user
  return { user: asked, verb, ...(resource ? { resource: { ...resource, version: '*' } } : {}), ...(path === undefined ? {} : { path }) }
}

function requestOf(request: AdmissionRequest, { resource, kind }: RequestView): Readonly<Record<string, unknown>> {
  const { user, subresource, name, namespace, operation, dryRun, options } = request
  return {
    ...{ kind, resource, requestKind: request.kind, requestResource: request.resource },
    ...(subresource ? { subResource: subresource, requestSubResource: subresource } : {}),
    ...{ name: request.ofCollection ? '' : name, namespace, operation, dryRun, options },
    userInfo: {
      username: user.name,
      ...(user.uid === undefined ? {} : { uid: user.uid }),
      groups: user.groups,
      ...(user.extra ? { extra: user.extra } : {}),
    },
  }
}

function namespaceOf({ metadata, spec, status }: Namespace): Readonly<Record<string, unknown>> {
  const { uid, ...rest } = metadata
  return { metadata: { ...rest, UID: uid }, spec: spec ?? {}, status: status ?? {} }
}
