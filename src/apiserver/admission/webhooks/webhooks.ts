/**
 * ValidatingAdmissionWebhook and MutatingAdmissionWebhook. Mutating webhooks are asked one after the other, and one that wants to
 * see what later ones did once more; validating ones all at once.
 */
import type { JsonValue, UnknownObject } from '../../../api/object.js'
import { jsonPatch } from '../../../api/patch/json-patch.js'
import { sameJson } from '../../../api/same-json.js'
import { internalError, StatusError } from '../../../api/status.js'
import { messageOf } from '../../../base/errors.js'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.js'
import type { AdmissionDeps } from '../plugin.js'
import { isExempt } from '../policies/matching.js'
import { PolicyRun, replaceMembers } from '../policies/policy-run.js'
import { asStored, shownIn } from '../policies/request-views.js'
import type { WebhookCaller } from './caller.js'
import { ask, type DispatchDeps, isAsked } from './dispatch.js'
import { type MatchedHook, WebhookSource } from './webhook-source.js'

const group = { group: 'admissionregistration.k8s.io', version: 'v1' }

export function validatingAdmissionWebhook(admission: AdmissionDeps, call: WebhookCaller): AdmissionPlugin {
  const source = new WebhookSource(admission, { ...group, resource: 'validatingwebhookconfigurations' })
  const deps = { admission, call, run: new PolicyRun(admission) }
  return {
    name: 'ValidatingAdmissionWebhook',
    handles: (_, resource) => !isExempt(resource),
    validate(request) {
      const matched = source.matching(request)
      return matched.length === 0 ? undefined : validate(matched, request, deps)
    },
  }
}

async function validate(matched: readonly MatchedHook[], request: AdmissionRequest, deps: DispatchDeps): Promise<void> {
  const asked: MatchedHook[] = []
  for (const each of matched) if (await isAsked(each, request, deps)) asked.push(each)
  const outcomes = await Promise.allSettled(asked.map((each) => ask(each, request, deps)))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

export function mutatingAdmissionWebhook(admission: AdmissionDeps, call: WebhookCaller): AdmissionPlugin {
  const source = new WebhookSource(admission, { ...group, resource: 'mutatingwebhookconfigurations' })
  const deps = { admission, call, run: new PolicyRun(admission) }
  return {
    name: 'MutatingAdmissionWebhook',
    handles: (_, resource) => !isExempt(resource),
    mutate(request) {
      const matched = source.matching(request)
      return matched.length === 0 ? undefined : mutate(matched, request, deps)
    },
  }
}

async function mutate(matched: readonly MatchedHook[], request: AdmissionRequest, deps: DispatchDeps): Promise<void> {
  const after: { readonly each: MatchedHook; readonly object: UnknownObject | undefined }[] = []
  for (const each of matched) {
    if (!(await isAsked(each, request, deps))) continue
    await change(each, request, deps)
    if (each.hook.webhook.reinvocationPolicy === 'IfNeeded') after.push({ each, object: structuredClone(request.object) })
  }
  for (const { each, object } of after)
    if (!sameJson(object, request.object) && (await isAsked(each, request, deps))) await change(each, request, deps)
}

async function change(matched: MatchedHook, request: AdmissionRequest, deps: DispatchDeps): Promise<void> {
  const answer = await ask(matched, request, deps)
  const { object } = request
  if (answer?.patch === undefined || !object) return
  const { view, hook } = matched
  try {
    const patch = JSON.parse(answer.patch) as JsonValue
    const shown = shownIn(view, object) as unknown as JsonValue
    const next = jsonPatch(shown, patch)
    if (!sameJson(next, shown)) replaceMembers(object, asStored(view, deps.admission.resources, next))
  } catch (error) {
    if (error instanceof StatusError) throw error
    throw internalError(`failed to apply the patch of webhook ${JSON.stringify(hook.webhook.name)}: ${messageOf(error)}`)
  }
}
