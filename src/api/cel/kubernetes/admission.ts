/**
 * What the expressions of admission see (policies, match conditions of webhooks): object, oldObject, request, namespaceObject,
 * params, authorizer, variables. Objects are without a schema here, as one policy may be about many kinds.
 */
import type { Compilation, Environment } from '../environment.js'
import { issuesText } from '../issue.js'
import { dynType, type FieldType, type ObjectType, type Type, typeText } from '../types.js'
import { CelError, CelObject, type CelValue } from '../values.js'
import type { Program } from '../environment.js'
import type { JSONSchemaProps } from '../../types/apiextensions-v1.js'
import { authorizerValueType, resourceCheckType } from './authorizer.js'
import { kubernetesEnvironment } from './environment.js'
import { type SchemaType, schemaType } from './schema-type.js'

const text: JSONSchemaProps = { type: 'string' }
const texts: JSONSchemaProps = { type: 'array', items: text }
const anything = { 'x-kubernetes-int-or-string': true } as JSONSchemaProps
const object = (properties: Readonly<Record<string, JSONSchemaProps>>): JSONSchemaProps => ({ type: 'object', properties })
const mapOfTexts: JSONSchemaProps = { type: 'object', additionalProperties: text }
const time: JSONSchemaProps = { type: 'string', format: 'date-time' }

const kind = object({ group: text, version: text, kind: text })
const resource = object({ group: text, version: text, resource: text })
const user = object({
  ...{ username: text, uid: text, groups: texts },
  extra: { type: 'object', additionalProperties: texts },
})

/** admission.k8s.io/v1 AdmissionRequest without its objects. */
export const requestSchema = schemaType(
  object({
    ...{ kind, resource, subResource: text, requestKind: kind, requestResource: resource, requestSubResource: text },
    ...{ name: text, namespace: text, operation: text, userInfo: user, dryRun: { type: 'boolean' }, options: anything },
  }),
  'kubernetes.AdmissionRequest',
) as SchemaType

export const namespaceSchema = schemaType(
  object({
    metadata: object({
      ...{ name: text, generateName: text, namespace: text, labels: mapOfTexts, annotations: mapOfTexts, UID: text },
      ...{ creationTimestamp: time, deletionTimestamp: time, deletionGracePeriodSeconds: { type: 'integer' } },
      ...{ generation: { type: 'integer' }, resourceVersion: text, finalizers: texts },
    }),
    spec: object({ finalizers: texts }),
    status: object({ phase: text }),
  }),
  'kubernetes.Namespace',
) as SchemaType

export interface AdmissionVariables {
  readonly params: boolean
  readonly authorizer: boolean
}

const made = new Map<string, Environment>()

/** Without variables of a policy's own. */
export function admissionEnvironment({ params, authorizer }: AdmissionVariables, minor?: number): Environment {
  const key = `${params} ${authorizer} ${minor}`
  let found = made.get(key)
  if (!found) {
    found = kubernetesEnvironment(minor).extend({
      variables: {
        ...{ object: dynType, oldObject: dynType, request: requestSchema.type, namespaceObject: namespaceSchema.type },
        ...(params ? { params: dynType } : {}),
        ...(authorizer ? { authorizer: authorizerValueType, 'authorizer.requestResource': resourceCheckType } : {}),
      },
    })
    made.set(key, found)
  }
  return found
}

export type CompiledExpression = { readonly program: Program } | { readonly fault: string }

/** An expression that must be of one of these types; of any when there are none. */
export function compileExpression(environment: Environment, source: string, wanted: readonly Type[] = []): CompiledExpression {
  const compiled: Compilation = environment.compile(source)
  if ('issues' in compiled) return { fault: `compilation failed: ${issuesText(source, compiled.issues)}` }
  const { program } = compiled
  const type = typeText(program.type)
  if (wanted.length === 0 || wanted.some((each) => typeText(each) === type)) return { program }
  return { fault: `must evaluate to ${wanted.map(typeText).join(' or ')}` }
}

/** The variables of a policy: each may use those before it. */
export class PolicyVariables {
  readonly #fields = new Map<string, FieldType>()
  readonly #programs = new Map<string, Program>()
  readonly #type: ObjectType = { kind: 'object', name: 'kubernetes.variables', fields: this.#fields }

  /** A fault, or none. */
  declare(environment: Environment, name: string, source: string): string | undefined {
    const compiled = compileExpression(this.within(environment), source)
    if ('fault' in compiled) return compiled.fault
    this.#fields.set(name, { type: compiled.program.type })
    this.#programs.set(name, compiled.program)
    return undefined
  }

  within(environment: Environment): Environment {
    return environment.extend({ variables: { variables: this.#type } })
  }

  /** `evaluate` is asked for a variable once, when it is first looked at. */
  value(evaluate: (program: Program) => CelValue): CelValue {
    return new VariableValues(this.#type, this.#programs, evaluate)
  }
}

class VariableValues extends CelObject {
  readonly #known = new Map<string, CelValue>()
  constructor(
    readonly type: ObjectType,
    readonly programs: ReadonlyMap<string, Program>,
    readonly evaluate: (program: Program) => CelValue,
  ) {
    super()
  }
  get(name: string): CelValue | undefined {
    let value = this.#known.get(name)
    if (value !== undefined) return value
    const program = this.programs.get(name)
    if (!program) return new CelError(`composited variable ${JSON.stringify(name)} fails to evaluate`)
    value = this.evaluate(program)
    this.#known.set(name, value)
    return value
  }
  equals(other: CelValue): boolean {
    return this === other
  }
}
