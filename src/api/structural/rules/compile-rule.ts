/** One of x-kubernetes-validations as programs (KEP-2876, KEP-4008 for the rest of its members). */
import type { Environment, Program } from '../../cel/environment.js'
import { issuesText } from '../../cel/issue.js'
import { kubernetesEnvironment } from '../../cel/kubernetes/environment.js'
import type { SchemaType } from '../../cel/kubernetes/schema-type.js'
import { optionalOf } from '../../cel/types.js'
import type { ValidationRule } from '../../types/apiextensions-v1.js'

export interface CompiledRule {
  readonly rule: ValidationRule
  /** Missing: the rule is wrong, or empty. */
  readonly program?: Program
  readonly fault?: string
  readonly message?: Program
  readonly messageFault?: string
  readonly usesOldSelf: boolean
}

/** The environments of the rules of one schema: with and without an old value that may be missing. */
export interface RuleEnvironments {
  readonly plain: Environment
  readonly optional: Environment
}

export function ruleEnvironments({ type }: SchemaType, minor?: number): RuleEnvironments {
  const base = kubernetesEnvironment(minor)
  return {
    plain: base.extend({ variables: { self: type, oldSelf: type } }),
    optional: base.extend({ variables: { self: type, oldSelf: optionalOf(type) } }),
  }
}

export function compileRule(rule: ValidationRule, environments: RuleEnvironments): CompiledRule {
  const none = { rule, usesOldSelf: false }
  if (!rule.rule?.trim()) return none
  const environment = rule.optionalOldSelf ? environments.optional : environments.plain
  const compiled = environment.compile(rule.rule)
  if ('issues' in compiled) return { ...none, fault: `compilation failed: ${issuesText(rule.rule, compiled.issues)}` }
  const { program } = compiled
  const usesOldSelf = program.uses.has('oldSelf')
  if (program.type.kind !== 'bool') return { ...none, fault: 'cel expression must evaluate to a bool' }
  const found = { rule, program, usesOldSelf }
  if (!rule.messageExpression) return found
  const message = environment.compile(rule.messageExpression)
  if ('issues' in message)
    return { ...found, messageFault: `messageExpression compilation failed: ${issuesText(rule.messageExpression, message.issues)}` }
  if (message.program.type.kind !== 'string') return { ...found, messageFault: 'messageExpression must evaluate to a string' }
  return { ...found, message: message.program }
}
