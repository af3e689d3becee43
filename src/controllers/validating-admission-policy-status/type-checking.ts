/**
 * The expressions of a ValidatingAdmissionPolicy against the kinds that it names (KEP-3488 "Informational type checking"). While a
 * request is judged nothing is known of its object, so what cannot be right for a kind is only told in the policy's status.
 */
import { kubernetesEnvironment } from '../../api/cel/kubernetes/environment.js'
import { compileExpression, namespaceSchema, PolicyVariables, requestSchema } from '../../api/cel/kubernetes/admission.js'
import { authorizerValueType, resourceCheckType } from '../../api/cel/kubernetes/authorizer.js'
import type { SchemaType } from '../../api/cel/kubernetes/schema-type.js'
import type { Environment } from '../../api/cel/environment.js'
import { dynType } from '../../api/cel/types.js'
import { type GroupVersionKind, type GroupVersionResource, parseApiVersion } from '../../api/object.js'
import type { ExpressionWarning, NamedRuleWithOperations, ValidatingAdmissionPolicy } from '../../api/types/admissionregistration-v1.js'

export interface KnownKinds {
  kindOf(resource: GroupVersionResource): GroupVersionKind | undefined
  typeOf(kind: GroupVersionKind): SchemaType | undefined
}

/** Of a policy about more kinds only so many are looked at. */
const kindsMax = 10

export function typeWarnings({ spec = {} }: ValidatingAdmissionPolicy, known: KnownKinds): ExpressionWarning[] {
  const param = spec.paramKind && { ...parseApiVersion(spec.paramKind.apiVersion ?? ''), kind: spec.paramKind.kind ?? '' }
  const params = param && (known.typeOf(param)?.type ?? dynType)
  const checked = kindsOf(spec.matchConstraints?.resourceRules ?? [], known).flatMap((kind) => {
    const type = known.typeOf(kind)
    if (!type) return []
    const variables = new PolicyVariables()
    const base = kubernetesEnvironment().extend({
      variables: {
        ...{ object: type.type, oldObject: type.type, request: requestSchema.type, namespaceObject: namespaceSchema.type },
        ...{ authorizer: authorizerValueType, 'authorizer.requestResource': resourceCheckType },
        ...(params ? { params } : {}),
      },
    })
    for (const { name, expression } of spec.variables ?? []) variables.declare(base, name, expression)
    return [{ kind, environment: variables.within(base) }]
  })
  return (spec.validations ?? []).flatMap(({ expression, messageExpression }, i) => [
    ...warningOf(`spec.validations[${i}].expression`, expression, checked),
    ...(messageExpression ? warningOf(`spec.validations[${i}].messageExpression`, messageExpression, checked) : []),
  ])
}

interface CheckedKind {
  readonly kind: GroupVersionKind
  readonly environment: Environment
}

function warningOf(fieldRef: string, expression: string, checked: readonly CheckedKind[]): ExpressionWarning[] {
  const texts = checked.flatMap(({ kind, environment }) => {
    const compiled = compileExpression(environment, expression)
    return 'fault' in compiled ? [`${kind.group}/${kind.version}, Kind=${kind.kind}: ${compiled.fault}\n`] : []
  })
  return texts.length > 0 ? [{ fieldRef, warning: texts.join('\n') }] : []
}

/** The kinds that rules name outright, in the order of their names. */
function kindsOf(rules: readonly NamedRuleWithOperations[], known: KnownKinds): GroupVersionKind[] {
  const found = new Map<string, GroupVersionKind>()
  const isPlain = (text: string) => !text.includes('*')
  for (const { apiGroups = [], apiVersions = [], resources = [] } of rules) {
    if (!apiGroups.every(isPlain) || !apiVersions.every(isPlain)) continue
    for (const group of apiGroups)
      for (const version of apiVersions)
        for (const resource of resources.filter((text) => isPlain(text) && !text.includes('/'))) {
          const kind = found.size < kindsMax ? known.kindOf({ group, version, resource }) : undefined
          if (kind) found.set(`${kind.group}/${kind.version}/${kind.kind}`, kind)
        }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, kind]) => kind)
}
