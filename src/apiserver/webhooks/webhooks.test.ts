/** Admission webhooks, called over HTTPS by a whole API server (admissionregistration.k8s.io, dynamic admission control). */
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from '../../api/types/admissionregistration-v1.js'
import type { ConfigMap } from '../../api/types/core-v1.js'
import { realClock } from '../../base/real-clock.js'
import { type TestApiServer, testApiServer } from '../../client/testdata/api-server.js'
import { createAuthority, createLeaf } from '../../pki/certificates.js'
import { webhookCaller } from './webhook-caller.js'

interface Review {
  readonly request: {
    readonly uid: string
    readonly operation: string
    readonly object: ConfigMap | null
    readonly dryRun: boolean
    readonly userInfo: { readonly username: string }
  }
}

const group = { group: 'admissionregistration.k8s.io', version: 'v1' }
const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE' as const, 'UPDATE' as const], resources: ['configmaps'] }]

describe('admission webhooks', () => {
  let api: TestApiServer
  let hook: Server
  let caBundle: string
  let port: number
  const reviews: Review[] = []
  /** What the webhook at a path answers; a text instead of an object is sent as it is. */
  const answers = new Map<string, (review: Review) => object | string | undefined>()

  beforeEach(async () => {
    reviews.length = 0
    answers.clear()
    const nowMs = realClock().now()
    const ca = await createAuthority('hooks', { nowMs })
    const serving = await createLeaf(ca, { commonName: 'hook', usages: ['server'], ipAddresses: ['127.0.0.1'], nowMs })
    caBundle = Buffer.from(ca.cert).toString('base64')
    hook = createServer({ cert: serving.cert, key: serving.key }, (message, response) => {
      const parts: Buffer[] = []
      message.on('data', (part: Buffer) => parts.push(part))
      message.on('end', () => {
        const review = JSON.parse(Buffer.concat(parts).toString()) as Review
        reviews.push(review)
        const answer = answers.get(message.url ?? '')?.(review)
        if (answer === undefined) return
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(
          typeof answer === 'string'
            ? answer
            : JSON.stringify({
                apiVersion: 'admission.k8s.io/v1',
                kind: 'AdmissionReview',
                response: { uid: review.request.uid, ...answer },
              }),
        )
      })
    })
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
    port = (hook.address() as AddressInfo).port
    api = await testApiServer(realClock(), { webhooks: webhookCaller() })
  })
  afterEach(async () => {
    await api.stop()
    hook.closeAllConnections()
    await new Promise((resolve) => hook.close(resolve))
  })

  const webhookAt = (path: string, more: Partial<MutatingWebhook> = {}): MutatingWebhook => ({
    name: `${path.slice(1)}.hooks.example.com`,
    clientConfig: { url: `https://127.0.0.1:${port}${path}`, caBundle },
    ...{ rules, admissionReviewVersions: ['v1'], sideEffects: 'None' },
    ...more,
  })
  async function validating(...webhooks: MutatingWebhook[]): Promise<void> {
    const resource = 'validatingwebhookconfigurations'
    await api.client.resource<ValidatingWebhookConfiguration>({ ...group, resource }).create({ metadata: { name: 'v' }, webhooks })
    await api.server.resources.get(group.group, group.version, resource)?.stored.cacher.fresh()
  }
  async function mutating(...webhooks: MutatingWebhook[]): Promise<void> {
    const resource = 'mutatingwebhookconfigurations'
    await api.client.resource<MutatingWebhookConfiguration>({ ...group, resource }).create({ metadata: { name: 'm' }, webhooks })
    await api.server.resources.get(group.group, group.version, resource)?.stored.cacher.fresh()
  }
  const make = (name: string, data: Record<string, string> = {}) =>
    api.client
      .resource<ConfigMap>({ group: '', version: 'v1', resource: 'configmaps' })
      .create({ metadata: { name, namespace: 'default' }, data })
  const patch = (...operations: object[]) => ({
    ...{ allowed: true, patchType: 'JSONPatch' },
    patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
  })

  it('are asked about what their rules name, and their no is the answer, with their code', async () => {
    answers.set('/no', () => ({ allowed: false, status: { code: 418, message: 'not today', reason: 'Teapot' } }))
    await validating(webhookAt('/no'))
    await expect(make('a')).rejects.toMatchObject({
      code: 418,
      status: { reason: 'Teapot', message: 'admission webhook "no.hooks.example.com" denied the request: not today' },
    })
    expect(reviews[0]?.request).toMatchObject({ operation: 'CREATE', dryRun: false, userInfo: { username: 'admin' } })
    expect(reviews[0]?.request.object).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' } })
    await api.client.resource({ group: '', version: 'v1', resource: 'secrets' }).create({ metadata: { name: 's', namespace: 'default' } })
    expect(reviews).toHaveLength(1)
  })

  it('change the object, the later ones what the earlier made, and those that want it are asked again', async () => {
    answers.set('/first', ({ request }) =>
      request.object?.data?.late
        ? patch({ op: 'add', path: '/data/seen', value: 'yes' })
        : patch({ op: 'add', path: '/data/first', value: '1' }),
    )
    answers.set('/second', ({ request }) => patch({ op: 'add', path: '/data/late', value: Object.keys(request.object?.data ?? {}).join() }))
    await mutating(webhookAt('/first', { reinvocationPolicy: 'IfNeeded' }), webhookAt('/second'))
    const made = await make('a', { k: 'v' })
    expect(made.data).toEqual({ k: 'v', first: '1', late: 'k,first', seen: 'yes' })
  })

  it.each([
    ['no answer in time', () => undefined],
    ['an answer that is none', () => 'what?'],
    [
      'an answer to another question',
      () => JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: 'x', allowed: true } }),
    ],
  ])('that fail (%s) fail the request, or not, as their policy says', async (_, answer) => {
    answers.set('/odd', answer)
    await validating(webhookAt('/odd', { timeoutSeconds: 1 }))
    await expect(make('a')).rejects.toMatchObject({ code: 500, reason: 'InternalError' })
    await mutating(webhookAt('/odd', { timeoutSeconds: 1, failurePolicy: 'Ignore' }))
    await api.client.resource({ ...group, resource: 'validatingwebhookconfigurations' }).delete('', 'v')
    await api.server.resources.get(group.group, group.version, 'validatingwebhookconfigurations')?.stored.cacher.fresh()
    await make('b')
  })

  it('are only believed when their certificate is vouched for', async () => {
    answers.set('/yes', () => ({ allowed: true }))
    const stranger = await createAuthority('stranger', { nowMs: realClock().now() })
    const { clientConfig, ...rest } = webhookAt('/yes')
    await validating({ ...rest, clientConfig: { ...clientConfig, caBundle: Buffer.from(stranger.cert).toString('base64') } })
    await expect(make('a')).rejects.toMatchObject({ code: 500 })
    expect(reviews).toHaveLength(0)
  })

  it('are spared what their conditions leave out, and warn whoever asked', async () => {
    answers.set('/warn', () => ({ allowed: true, warnings: ['careful'] }))
    await validating(webhookAt('/warn', { matchConditions: [{ name: 'big', expression: "object.metadata.name != 'small'" }] }))
    await make('small')
    expect(reviews).toHaveLength(0)
    const answer = await api.client.raw({
      method: 'POST',
      path: '/api/v1/namespaces/default/configmaps?dryRun=All',
      headers: { 'content-type': 'application/json' },
      body: new TextEncoder().encode(JSON.stringify({ metadata: { name: 'a' } })),
    })
    expect(JSON.stringify(Object.entries(answer.headers))).toContain('careful')
    expect(reviews[0]?.request.dryRun).toBe(true)
  })
})
