/**
 * `authorizer.group('apps').resource('deployments').namespace('x').check('update').allowed()`: questions to the API server's own
 * authorizer. Its answers may take time; an evaluation does not wait, so a question that has no answer yet ends it, and it is begun
 * again when the answer is there (see `PendingDecision`).
 */
import { fixedCost } from '../cost.js'
import { fn, type Library, member } from '../functions.js'
import { boolType, type OpaqueType, opaqueType, stringType } from '../types.js'
import { CelOpaque, type CelValue } from '../values.js'

export interface CheckedAttributes {
  readonly verb: string
  readonly path?: string
  readonly resource?: {
    readonly group: string
    readonly resource: string
    readonly subresource: string
    readonly namespace: string
    readonly name: string
  }
  /** Asked for this service account instead of the request's user. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string }
}

export interface CheckedDecision {
  readonly allowed: boolean
  readonly reason: string
  readonly error?: string
}

/** Answers from what it knows; a promise: it will know. */
export type Decide = (attributes: CheckedAttributes) => CheckedDecision | Promise<CheckedDecision>

export class PendingDecision extends Error {
  constructor(
    readonly attributes: CheckedAttributes,
    readonly decision: Promise<CheckedDecision>,
  ) {
    super('the authorizer has not answered yet')
  }
}

const authorizerType = opaqueType('kubernetes.authorization.Authorizer')
const pathType = opaqueType('kubernetes.authorization.PathCheck')
const groupType = opaqueType('kubernetes.authorization.GroupCheck')
const resourceType = opaqueType('kubernetes.authorization.ResourceCheck')
const decisionType = opaqueType('kubernetes.authorization.Decision')

class Check extends CelOpaque {
  constructor(
    readonly type: OpaqueType,
    readonly decide: Decide,
    readonly attributes: Partial<CheckedAttributes>,
  ) {
    super()
  }
  equals(other: CelValue): boolean {
    return this === other
  }
  resource(change: Partial<NonNullable<CheckedAttributes['resource']>>): Check {
    const none = { group: '', resource: '', subresource: '', namespace: '', name: '' }
    return new Check(resourceType, this.decide, { ...this.attributes, resource: { ...none, ...this.attributes.resource, ...change } })
  }
  ask(verb: string): Decision {
    const attributes = { ...this.attributes, verb }
    const decision = this.decide(attributes)
    if (decision instanceof Promise) throw new PendingDecision(attributes, decision)
    return new Decision(decision)
  }
}

class Decision extends CelOpaque {
  readonly type = decisionType
  constructor(readonly outcome: CheckedDecision) {
    super()
  }
  equals(other: CelValue): boolean {
    return this === other
  }
}

export const authorizerValueType = authorizerType
export const resourceCheckType = resourceType
export const authorizerValue = (decide: Decide): CelValue => new Check(authorizerType, decide, {})
/** `authorizer.requestResource`: what the request is about. */
export const requestResourceValue = (decide: Decide, resource: NonNullable<CheckedAttributes['resource']>): CelValue =>
  new Check(resourceType, decide, { resource })

const nominal = fixedCost(1)
/** So that an expression may ask twice. */
const asking = fixedCost(350_000)
const narrow = (name: 'subresource' | 'namespace' | 'name') =>
  fn(
    name,
    member(
      `resourcecheck_${name}`,
      [resourceType, stringType],
      resourceType,
      (check: Check, value: string) => check.resource({ [name]: value }),
      nominal,
    ),
  )

export const authorizerLibrary: Library = {
  functions: [
    fn(
      'path',
      member(
        'authorizer_path',
        [authorizerType, stringType],
        pathType,
        (check: Check, path: string) => new Check(pathType, check.decide, { ...check.attributes, path }),
        nominal,
      ),
    ),
    fn(
      'group',
      member(
        'authorizer_group',
        [authorizerType, stringType],
        groupType,
        (check: Check, group: string) => new Check(groupType, check.decide, check.resource({ group }).attributes),
        nominal,
      ),
    ),
    fn(
      'serviceAccount',
      member(
        'authorizer_serviceaccount',
        [authorizerType, stringType, stringType],
        authorizerType,
        (check: Check, namespace: string, name: string) => new Check(authorizerType, check.decide, { serviceAccount: { namespace, name } }),
        nominal,
      ),
    ),
    fn(
      'resource',
      member(
        'groupcheck_resource',
        [groupType, stringType],
        resourceType,
        (check: Check, resource: string) => check.resource({ resource }),
        nominal,
      ),
    ),
    narrow('subresource'),
    narrow('namespace'),
    narrow('name'),
    // Selectors narrow what is asked; the authorizers of this server do not look at them, which only ever refuses more.
    fn(
      'fieldSelector',
      member('authorizer_fieldselector', [resourceType, stringType], resourceType, (check: Check) => check, nominal),
    ),
    fn(
      'labelSelector',
      member('authorizer_labelselector', [resourceType, stringType], resourceType, (check: Check) => check, nominal),
    ),
    fn(
      'check',
      member('pathcheck_check', [pathType, stringType], decisionType, (check: Check, verb: string) => check.ask(verb), asking),
      member('resourcecheck_check', [resourceType, stringType], decisionType, (check: Check, verb: string) => check.ask(verb), asking),
    ),
    fn(
      'allowed',
      member('decision_allowed', [decisionType], boolType, ({ outcome }: Decision) => outcome.allowed, nominal),
    ),
    fn(
      'reason',
      member('decision_reason', [decisionType], stringType, ({ outcome }: Decision) => outcome.reason, nominal),
    ),
    fn(
      'errored',
      member('decision_errored', [decisionType], boolType, ({ outcome }: Decision) => outcome.error !== undefined, nominal),
    ),
    fn(
      'error',
      member('decision_error', [decisionType], stringType, ({ outcome }: Decision) => outcome.error ?? '', nominal),
    ),
  ],
}
