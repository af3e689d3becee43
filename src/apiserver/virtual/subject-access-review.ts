import type { UnknownObject } from '../../api/object.js'
import { badRequest, type Fault, invalid, StatusError } from '../../api/status.js'
import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  ResourceAttributes,
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
} from '../../api/types/authorization-v1.js'
import type { UserInfo } from '../authn/authenticator.js'
import type { Attributes, Authorizer } from '../authz/authorizer.js'
import type { VirtualContext, VirtualResource } from './virtual-resource.js'

const group = 'authorization.k8s.io'

/** The reviews of authorization.k8s.io: may somebody do something (kubectl auth can-i, extension servers, kubelets). */
export function accessReviews(authorizer: Authorizer): VirtualResource[] {
  const review = async (spec: SubjectAccessReviewSpec, user: UserInfo): Promise<SubjectAccessReviewStatus> => {
    const { verdict, reason } = await authorizer.authorize(attributesOf(spec, user))
    return { allowed: verdict === 'allow', ...(verdict === 'deny' ? { denied: true } : {}), ...(reason ? { reason } : {}) }
  }
  const of = (resource: string, create: (object: UnknownObject, context: VirtualContext) => Promise<UnknownObject>): VirtualResource => ({
    resource: { group, version: 'v1', resource },
    subresource: '',
    create,
  })
  const specOf = (object: UnknownObject) => (object['spec'] ?? {}) as SubjectAccessReviewSpec
  return [
    of('subjectaccessreviews', async (object) => {
      const spec = specOf(object)
      refuse([...subjectFaults(spec), ...attributeFaults(spec)])
      return { ...object, status: await review(spec, subjectOf(spec)) }
    }),
    of('selfsubjectaccessreviews', async (object, { user }) => {
      const spec = specOf(object)
      refuse(attributeFaults(spec))
      return { ...object, status: await review(spec, user) }
    }),
    of('localsubjectaccessreviews', async (object, { namespace }) => {
      const spec = specOf(object)
      refuse([...localFaults(spec, namespace), ...subjectFaults(spec), ...attributeFaults(spec)])
      return { ...object, status: await review(spec, subjectOf(spec)) }
    }),
    of('selfsubjectrulesreviews', async (object, { user }) => {
      const { namespace } = (object['spec'] ?? {}) as { namespace?: string }
      if (!namespace) throw badRequest('no namespace on request')
      const rules = authorizer.rulesFor?.(user, namespace) ?? { resourceRules: [], nonResourceRules: [], incomplete: true }
      return Promise.resolve({ ...object, status: { ...rules } })
    }),
  ]
}

function subjectOf({ user, uid, groups, extra }: SubjectAccessReviewSpec): UserInfo {
  return { name: user ?? '', groups: groups ?? [], ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) }
}

function attributesOf(spec: SubjectAccessReviewSpec, user: UserInfo): Attributes {
  const { resourceAttributes: of, nonResourceAttributes } = spec
  if (!of) return { user, verb: nonResourceAttributes?.verb ?? '', path: nonResourceAttributes?.path ?? '' }
  return {
    user,
    verb: of.verb ?? '',
    resource: {
      group: of.group ?? '',
      version: of.version ?? '',
      resource: of.resource ?? '',
      subresource: of.subresource ?? '',
      namespace: of.namespace ?? '',
      name: of.name ?? '',
      ...selectorsOf(of),
    },
  }
}

function selectorsOf({ fieldSelector, labelSelector }: ResourceAttributes): { fieldSelector?: string; labelSelector?: string } {
  const text = (selector: FieldSelectorAttributes | LabelSelectorAttributes | undefined) =>
    selector?.rawSelector ??
    selector?.requirements
      ?.flatMap((item) => (item.operator === 'In' && item.values?.length === 1 ? [`${item.key}=${item.values[0]}`] : []))
      .join(',')
  const [field, label] = [text(fieldSelector), text(labelSelector)]
  return { ...(field ? { fieldSelector: field } : {}), ...(label ? { labelSelector: label } : {}) }
}

/** A review has no name and its kind goes unsaid in the refusal, as upstream has it. */
function refuse(faults: readonly Fault[]): void {
  if (faults.length === 0) return
  const { status } = invalid({ group, kind: '' }, '', faults)
  const { kind: _, name: __, ...details } = status.details ?? {}
  throw new StatusError({ ...status, details })
}

function subjectFaults({ user, groups }: SubjectAccessReviewSpec): Fault[] {
  if (user || groups?.length) return []
  return [{ path: 'spec.user', reason: 'FieldValueInvalid', value: user ?? '', detail: 'at least one of user or group must be specified' }]
}

function attributeFaults({ resourceAttributes, nonResourceAttributes }: SubjectAccessReviewSpec): Fault[] {
  if (resourceAttributes && nonResourceAttributes)
    return [
      {
        path: 'spec.nonResourceAttributes',
        reason: 'FieldValueInvalid',
        value: nonResourceAttributes,
        detail: 'cannot be specified in combination with resourceAttributes',
      },
    ]
  if (!resourceAttributes && !nonResourceAttributes)
    return [
      {
        path: 'spec.resourceAttributes',
        reason: 'FieldValueInvalid',
        value: null,
        detail: 'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      },
    ]
  return [
    ...selectorFaults('spec.resourceAttributes.fieldSelector', resourceAttributes?.fieldSelector),
    ...selectorFaults('spec.resourceAttributes.labelSelector', resourceAttributes?.labelSelector),
  ]
}

function selectorFaults(path: string, selector: FieldSelectorAttributes | LabelSelectorAttributes | undefined): Fault[] {
  if (!selector) return []
  const { rawSelector, requirements = [] } = selector
  if (rawSelector && requirements.length > 0)
    return [
      {
        path: `${path}.rawSelector`,
        reason: 'FieldValueInvalid',
        value: rawSelector,
        detail: 'may not specified at the same time as requirements',
      },
    ]
  if (!rawSelector && requirements.length === 0)
    return [
      {
        path: `${path}.requirements`,
        reason: 'FieldValueRequired',
        detail: `when ${path} is specified, requirements or rawSelector is required`,
      },
    ]
  return requirements.flatMap((item, index): Fault[] => {
    const at = `${path}.requirements[${index}]`
    const wantsValues = item.operator === 'In' || item.operator === 'NotIn'
    if (wantsValues && !item.values?.length)
      return [{ path: `${at}.values`, reason: 'FieldValueRequired', detail: "must be specified when `operator` is 'In' or 'NotIn'" }]
    if (!wantsValues && item.values?.length)
      return [
        {
          path: `${at}.values`,
          reason: 'FieldValueForbidden',
          detail: "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        },
      ]
    return []
  })
}

function localFaults({ resourceAttributes, nonResourceAttributes }: SubjectAccessReviewSpec, namespace: string): Fault[] {
  const faults: Fault[] = []
  if (resourceAttributes && resourceAttributes.namespace !== namespace)
    faults.push({
      path: 'spec.resourceAttributes.namespace',
      reason: 'FieldValueInvalid',
      value: resourceAttributes.namespace ?? '',
      detail: 'must match metadata.namespace',
    })
  if (nonResourceAttributes)
    faults.push({
      path: 'spec.nonResourceAttributes',
      reason: 'FieldValueInvalid',
      value: nonResourceAttributes,
      detail: 'disallowed on this kind of request',
    })
  return faults
}
