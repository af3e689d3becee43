/** ValidatingWebhookConfiguration and MutatingWebhookConfiguration. */
import { admissionEnvironment } from '../../cel/kubernetes/admission.js'
import { compatibleMinor } from '../../cel/kubernetes/environment.js'
import { sameJson } from '../../same-json.js'
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
  WebhookClientConfig,
} from '../../types/admissionregistration-v1.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { isFullyQualified, isLabel1035, isSubdomain } from '../names.js'
import { labelSelectorFaults } from '../selectors.js'
import { ruleFaults } from './match-resources.js'
import { matchConditionFaults } from './policy-parts.js'

type Webhook = ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>

const failurePolicies = new Set(['Fail', 'Ignore'])
const matchPolicies = new Set(['Equivalent', 'Exact'])
const reinvocationPolicies = new Set(['IfNeeded', 'Never'])
const harmless = new Set(['None', 'NoneOnDryRun'])
const knownEffects = new Set([...harmless, 'Some', 'Unknown'])
const knownReviews = new Set(['v1', 'v1beta1'])
const namePartsMin = 3

interface Leniency {
  /** What was let in before may stay. */
  readonly anyEffects: boolean
  readonly anyReviews: boolean
  readonly sameNames: boolean
}

function webhooksFaults(faults: Faults, webhooks: readonly Webhook[], leniency: Leniency): void {
  const seen = new Set<string>()
  for (const [i, webhook] of webhooks.entries()) {
    const path = `webhooks[${i}]`
    const { name = '' } = webhook
    if (name === '') faults.required(`${path}.name`)
    else if (!isFullyQualified(name, namePartsMin))
      faults.invalid(`${path}.name`, name, 'should be a domain with at least three segments separated by dots')
    if (!leniency.sameNames && seen.has(name)) faults.duplicate(`${path}.name`, name)
    seen.add(name)
    webhookFaults(faults, path, webhook, leniency)
  }
}

function webhookFaults(faults: Faults, path: string, webhook: Webhook, { anyEffects, anyReviews }: Leniency): void {
  for (const [i, rule] of (webhook.rules ?? []).entries()) ruleFaults(faults, `${path}.rules[${i}]`, rule, true)
  faults.optionalWord(`${path}.failurePolicy`, webhook.failurePolicy, failurePolicies)
  faults.optionalWord(`${path}.matchPolicy`, webhook.matchPolicy, matchPolicies)
  faults.optionalWord(`${path}.reinvocationPolicy`, webhook.reinvocationPolicy, reinvocationPolicies)
  const effects = anyEffects ? knownEffects : harmless
  if (!webhook.sideEffects) faults.required(`${path}.sideEffects`, `must specify one of ${[...effects].join(', ')}`)
  else if (!effects.has(webhook.sideEffects)) faults.notSupported(`${path}.sideEffects`, webhook.sideEffects, effects)
  const { timeoutSeconds } = webhook
  if (timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > 30))
    faults.invalid(`${path}.timeoutSeconds`, timeoutSeconds, 'the timeout value must be between 1 and 30 seconds')
  labelSelectorFaults(faults, `${path}.namespaceSelector`, webhook.namespaceSelector)
  labelSelectorFaults(faults, `${path}.objectSelector`, webhook.objectSelector)
  clientFaults(faults, `${path}.clientConfig`, webhook.clientConfig)
  reviewFaults(faults, `${path}.admissionReviewVersions`, webhook.admissionReviewVersions ?? [], anyReviews)
  if (webhook.matchConditions?.length) {
    const environment = admissionEnvironment({ params: false, authorizer: true }, compatibleMinor)
    matchConditionFaults(faults, `${path}.matchConditions`, webhook.matchConditions, environment)
  }
}

function reviewFaults(faults: Faults, path: string, versions: readonly string[], anyReviews: boolean): void {
  if (versions.length === 0) {
    faults.required(path, 'must specify one of v1, v1beta1')
    return
  }
  for (const [i, version] of versions.entries()) {
    if (versions.indexOf(version) < i) faults.invalid(`${path}[${i}]`, version, 'duplicate version')
    if (!isLabel1035(version)) faults.invalid(`${path}[${i}]`, version, 'is no version')
  }
  if (!anyReviews && !versions.some((version) => knownReviews.has(version)))
    faults.invalid(path, versions, 'must include at least one of v1, v1beta1')
}

/** Also of conversion webhooks. */
export function clientFaults(faults: Faults, path: string, config: WebhookClientConfig | undefined): void {
  const { url, service } = config ?? {}
  if ((url === undefined) === (service === undefined)) {
    faults.required(path, 'exactly one of url or service is required')
    return
  }
  if (url !== undefined) urlFaults(faults, `${path}.url`, url)
  if (!service) return
  if (!service.name) faults.required(`${path}.service.name`, 'service name is required')
  if (!service.namespace) faults.required(`${path}.service.namespace`, 'service namespace is required')
  const { port = 443, path: at } = service
  if (port < 1 || port > 65_535) faults.invalid(`${path}.service.port`, port, 'port is not valid: must be between 1 and 65535, inclusive')
  if (at !== undefined) servicePathFaults(faults, `${path}.service.path`, at)
}

function urlFaults(faults: Faults, path: string, url: string): void {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/.exec(url)
  if (!match) {
    faults.invalid(path, url, 'url must be a valid URL')
    return
  }
  const [, scheme = '', authority = '', , query = '', fragment = ''] = match
  if (scheme.toLowerCase() !== 'https') faults.invalid(path, url, "'https' is the only allowed URL scheme")
  if (authority === '') faults.invalid(path, url, 'host must be specified')
  if (authority.includes('@')) faults.invalid(path, url, 'user information is not permitted in the URL')
  if (fragment.length > 1) faults.invalid(path, url, 'fragments are not permitted in the URL')
  if (query.length > 1) faults.invalid(path, url, 'query parameters are not permitted in the URL')
}

function servicePathFaults(faults: Faults, path: string, text: string): void {
  if (text === '/') return
  if (!text.startsWith('/')) faults.invalid(path, text, 'must start with a /')
  else if (/[?#\s]/.test(text)) faults.invalid(path, text, 'must be a valid URL path')
  const segments = text.replace(/^\//, '').replace(/\/$/, '').split('/')
  for (const segment of segments) {
    if (segment === '') faults.invalid(path, text, 'segment may not be empty')
    else if (!isSubdomain(segment)) faults.invalid(path, text, `segment ${JSON.stringify(segment)} is not a DNS subdomain`)
  }
}

type Configuration = ValidatingWebhookConfiguration | MutatingWebhookConfiguration

const strict: Leniency = { anyEffects: false, anyReviews: false, sameNames: false }

function leniencyOf({ webhooks = [] }: Configuration): Leniency {
  const names = webhooks.map(({ name }) => name)
  return {
    anyEffects: webhooks.some(({ sideEffects }) => !harmless.has(sideEffects)),
    anyReviews: webhooks.some(({ admissionReviewVersions }) => !admissionReviewVersions?.some((version) => knownReviews.has(version))),
    sameNames: new Set(names).size < names.length,
  }
}

export const webhookConfigurationRules: KindRules<Configuration> = {
  create: (faults, { webhooks = [] }) => webhooksFaults(faults, webhooks, strict),
  update(faults, { webhooks = [] }, old) {
    if (!sameJson(webhooks, old.webhooks ?? [])) webhooksFaults(faults, webhooks, leniencyOf(old))
  },
}
