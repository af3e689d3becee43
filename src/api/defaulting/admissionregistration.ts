/** Defaults of webhook configurations and admission policies (admissionregistration.k8s.io/v1). In place. */
import { setDefault } from './set.js'

interface Rule {
  scope?: string
}
interface MatchResources {
  matchPolicy?: string
  namespaceSelector?: object
  objectSelector?: object
  resourceRules?: Rule[]
  excludeResourceRules?: Rule[]
}
interface Webhook {
  failurePolicy?: string
  matchPolicy?: string
  namespaceSelector?: object
  objectSelector?: object
  timeoutSeconds?: number
  reinvocationPolicy?: string
  clientConfig?: { service?: { port?: number } }
  rules?: Rule[]
}

export function defaultValidatingWebhooks({ webhooks }: { webhooks?: Webhook[] }): void {
  for (const webhook of webhooks ?? []) defaultWebhook(webhook)
}

export function defaultMutatingWebhooks({ webhooks }: { webhooks?: Webhook[] }): void {
  for (const webhook of webhooks ?? []) {
    defaultWebhook(webhook)
    setDefault(webhook, 'reinvocationPolicy', 'Never')
  }
}

function defaultWebhook(webhook: Webhook): void {
  setDefault(webhook, 'failurePolicy', 'Fail')
  setDefault(webhook, 'matchPolicy', 'Equivalent')
  setDefault(webhook, 'namespaceSelector', {})
  setDefault(webhook, 'objectSelector', {})
  setDefault(webhook, 'timeoutSeconds', 10)
  for (const rule of webhook.rules ?? []) setDefault(rule, 'scope', '*')
  if (webhook.clientConfig?.service) setDefault(webhook.clientConfig.service, 'port', 443)
}

export function defaultValidatingPolicy({ spec }: { spec?: { failurePolicy?: string; matchConstraints?: MatchResources } }): void {
  if (!spec) return
  setDefault(spec, 'failurePolicy', 'Fail')
  defaultMatchResources(spec.matchConstraints)
}

/** Of both kinds of policies. */
export function defaultPolicyBinding({ spec }: { spec?: { matchResources?: MatchResources } }): void {
  defaultMatchResources(spec?.matchResources)
}

function defaultMatchResources(constraints: MatchResources | undefined): void {
  if (!constraints) return
  setDefault(constraints, 'matchPolicy', 'Equivalent')
  setDefault(constraints, 'namespaceSelector', {})
  setDefault(constraints, 'objectSelector', {})
  for (const rule of [...(constraints.resourceRules ?? []), ...(constraints.excludeResourceRules ?? [])]) setDefault(rule, 'scope', '*')
}
