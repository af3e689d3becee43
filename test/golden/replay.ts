/** Runs a recorded case against a server and says where its answers differ. */
import { createHash } from 'node:crypto'
import type { Case, Impersonated, Outcome, Step } from './case.js'
import { differences, normalized } from './normalize.js'
import type { Answer, Request, Target } from './target.js'

/** As long as a client waits for events that may not come. */
const watchTimeoutMs = 3_000
const rawCharactersMax = 4_000

/** `run` keeps the namespaces of several runs against one server apart. */
export async function replay(target: Target, one: Case, run: string): Promise<string[]> {
  const namespace = namespaceOf(one, run)
  const created = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }
  await send(target, 'POST', '/api/v1/namespaces', created)
  if (!one.bare) {
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } }
    await send(target, 'POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, account)
  }
  const variables = new Map([['ns', namespace]])
  const found: string[] = []
  for (const [index, step] of one.steps.entries()) {
    const outcome = JSON.parse(JSON.stringify(await runStep(target, step, variables)).replaceAll(namespace, '{ns}')) as Outcome
    // An internal error of the recorded server is nothing to copy: any refusal will do.
    if (step.expect.code === 500 && outcome.code >= 400) continue
    found.push(...differences(step.expect, outcome).map((line) => `step ${index} ${step.do} ${line}`))
  }
  return found
}

function namespaceOf({ area, name }: Case, run: string): string {
  const full = `${area}-${name}`
  const word = full
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, '-')
    .slice(0, 36)
    .replace(/^-+|-+$/g, '')
  return `g${run}-${word}-${createHash('sha1').update(full).digest('hex').slice(0, 6)}`
}

function send(target: Target, method: string, path: string, body: unknown): Promise<Answer> {
  return target.request({ method, path, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}

async function runStep(target: Target, given: Step, variables: Map<string, string>): Promise<Outcome> {
  const { expect: _, ...asked } = given
  const step = substituted(asked, variables) as Omit<Step, 'expect'>
  const request = requestOf(step)
  if (step.watch) return watchStep(target, request, step.watch)
  const answer = await target.request(request)
  const { code, headers } = answer
  const contentType = headers['content-type'] ?? ''
  const value = parsed(answer.text)
  const outcome: { -readonly [K in keyof Outcome]: Outcome[K] } = { code }
  if (value !== undefined && value !== null) {
    for (const [name, path] of Object.entries(given.keep ?? {})) variables.set(name, memberText(value, path))
    const kind = Array.isArray(value) ? null : ((value as { kind?: unknown }).kind ?? null)
    outcome.body = given.show !== false || code >= 400 ? normalized(value) : { kind }
  } else if (answer.text) {
    outcome.raw = contentType.includes('protobuf') ? contentType : answer.text.slice(0, rawCharactersMax)
  }
  if (step.accept) outcome.contentType = contentType
  if (given.headers) {
    const names = given.headers.map((name) => name.toLowerCase())
    outcome.headers = Object.fromEntries(names.map((name) => [name, headers[name] ?? null]))
  }
  if (headers['warning'] !== undefined) outcome.warnings = headers['warning'].split('299 ').length - 1
  return outcome
}

async function watchStep(
  target: Target,
  request: Request,
  { events, timeoutMs = watchTimeoutMs }: NonNullable<Step['watch']>,
): Promise<Outcome> {
  const { code, lines, text } = await target.watch(request, events, timeoutMs)
  if (code !== 200) return { code, body: normalized(parsed(text)) }
  const seen = lines.map((line) => JSON.parse(line) as { type: string; object: unknown })
  return { code, events: seen.map(({ type, object }) => ({ type, object: normalized(object) })) }
}

function requestOf(step: Omit<Step, 'expect'>): Request {
  const space = step.do.indexOf(' ')
  let path = step.do.slice(space + 1)
  if (step.query) {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(step.query)) for (const one of [value].flat()) query.append(name, String(one))
    path += `${path.includes('?') ? '&' : '?'}${query.toString()}`
  }
  const headers: Record<string, string | readonly string[]> = { accept: step.accept ?? 'application/json' }
  if (step.body !== undefined || step.type) headers['content-type'] = step.type ?? 'application/json'
  if (step.as) Object.assign(headers, impersonation(step.as))
  const method = step.do.slice(0, space)
  if (step.body === undefined || step.body === null) return { method, path, headers }
  return { method, path, headers, body: typeof step.body === 'string' ? step.body : JSON.stringify(step.body) }
}

function impersonation({ user, uid, groups = [], extra = {} }: Impersonated): Record<string, string | readonly string[]> {
  return {
    'impersonate-user': user,
    ...(uid ? { 'impersonate-uid': uid } : {}),
    ...(groups.length > 0 ? { 'impersonate-group': groups } : {}),
    ...Object.fromEntries(Object.entries(extra).map(([name, values]) => [`impersonate-extra-${name}`, values])),
  }
}

function substituted(value: unknown, variables: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return value.replace(/\{(\w+)\}/g, (all, name: string) => variables.get(name) ?? all)
  if (Array.isArray(value)) return value.map((item) => substituted(item, variables))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [substituted(name, variables) as string, substituted(inner, variables)]),
  )
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

function memberText(value: unknown, path: string): string {
  let at: unknown = value
  for (const name of path.split('.')) {
    if (name === '') continue
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return '?'
    at = (at as Readonly<Record<string, unknown>>)[name]
  }
  // The recorder was Python, and writes these so.
  if (at === true) return 'True'
  if (at === false) return 'False'
  return at === null ? 'None' : String(at)
}
