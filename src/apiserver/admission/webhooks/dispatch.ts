/** One webhook and one request: whether it is asked, the question, the answer, and what a failure means (KEP-3716, failurePolicy). */
import { badRequest, internalError } from '../../../api/status.js'
import { messageOf } from '../../../base/errors.js'
import { serviceTarget } from '../../kubelet-connector/proxy-targets.js'
import type { AdmissionRequest } from '../admission.js'
import { type AdmissionDeps, refused } from '../plugin.js'
import { AdmissionEvaluation } from '../policies/evaluation.js'
import { evaluateConditions, matchConditionsBudget } from '../policies/match-conditions.js'
import type { PolicyRun } from '../policies/policy-run.js'
import type { WebhookCall, WebhookCaller } from './caller.js'
import { readAnswer, refusalOf, type ReviewAnswer, reviewOf, reviewVersion } from './review.js'
import type { MatchedHook, Webhook } from './webhook-source.js'

export interface DispatchDeps {
  readonly admission: AdmissionDeps
  readonly run: PolicyRun
  readonly call: WebhookCaller
}

/** Whether the webhook is asked about the request, by selectors and conditions. Throws what a failing condition comes to. */
export async function isAsked({ hook, view }: MatchedHook, request: AdmissionRequest, { admission, run }: DispatchDeps): Promise<boolean> {
  const { webhook, matcher, conditions } = hook
  if (!(await run.selects(matcher, request))) return false
  const compiled = conditions()
  if (compiled.length === 0) return true
  const namespace = await run.namespace(request)
  const seen = { request, view, namespace, authorizer: admission.authorizer }
  const evaluation = new AdmissionEvaluation(seen, matchConditionsBudget)
  const outcome = await evaluation.whole(() => evaluateConditions(compiled, evaluation, evaluation.values(undefined)))
  if ('matches' in outcome) return outcome.matches
  if (webhook.failurePolicy === 'Ignore') return false
  throw refused(request, outcome.error)
}

/** undefined: it failed, and that is to be ignored. Throws its refusal, or what its failure comes to. */
export async function ask({ hook, view }: MatchedHook, request: AdmissionRequest, deps: DispatchDeps): Promise<ReviewAnswer | undefined> {
  const { webhook } = hook
  if (request.dryRun && webhook.sideEffects !== 'None' && webhook.sideEffects !== 'NoneOnDryRun')
    throw badRequest(`admission webhook ${JSON.stringify(webhook.name)} does not support dry run`)
  let answer: ReviewAnswer
  try {
    const version = reviewVersion(webhook.admissionReviewVersions)
    if (!version) throw new Error('webhook does not accept known AdmissionReview versions (v1, v1beta1)')
    const uid = deps.admission.random.uuid()
    answer = readAnswer(version, uid, await callInTime(webhook, reviewOf(version, uid, request, view), deps))
  } catch (error) {
    if (webhook.failurePolicy === 'Ignore') return undefined
    throw internalError(`failed calling webhook ${JSON.stringify(webhook.name)}: failed to call webhook: ${messageOf(error)}`)
  }
  for (const warning of answer.warnings) request.warn(warning)
  if (!answer.allowed) throw refusalOf(webhook.name, answer.status)
  return answer
}

const timeoutSecondsDefault = 10

async function callInTime(webhook: Webhook, body: string, { admission, call }: DispatchDeps): Promise<string> {
  const timeoutSeconds = webhook.timeoutSeconds ?? timeoutSecondsDefault
  const limit = new AbortController()
  const cancel = admission.clock.timer(timeoutSeconds * 1000, () => limit.abort(new Error(`no answer within ${timeoutSeconds} s`)))
  try {
    return await call({ ...(await addressOf(webhook, admission)), body }, limit.signal)
  } catch (error) {
    throw limit.signal.aborted ? (limit.signal.reason as Error) : error
  } finally {
    cancel()
  }
}

async function addressOf({ clientConfig }: Webhook, { access, random }: AdmissionDeps): Promise<Omit<WebhookCall, 'body'>> {
  const { url, service, caBundle } = clientConfig
  const authority = caBundle ? { authority: atob(caBundle) } : {}
  if (url !== undefined) {
    const { hostname, port, pathname } = new URL(url)
    return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 443 : Number(port), path: pathname, ...authority }
  }
  if (!service) throw new Error('the webhook has neither a URL nor a service')
  const { name, namespace, port = 443, path = '/' } = service
  // A Service's address leads to the same: one of its endpoints that are ready.
  const target = await serviceTarget({ access, random }, namespace, `https:${name}:${port}`)
  const serverName = `${name}.${namespace}.svc`
  return { host: target.host, port: target.port, path: path.startsWith('/') ? path : `/${path}`, serverName, ...authority }
}
