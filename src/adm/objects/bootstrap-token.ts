/** Bootstrap tokens as Secrets of kube-system (Kubernetes documentation: bootstrap token Secret format). */
import type { Secret } from '../../api/types/core-v1.js'
import { parseDurationMs } from '../../base/duration.js'
import { timestamp } from '../../base/clock.js'
import type { BootstrapToken } from '../config/types.js'

export const tokenSecretType = 'bootstrap.kubernetes.io/token'
const prefix = 'bootstrap-token-'

export function tokenSecret({ token, description, ttl, expires, usages, groups }: BootstrapToken, nowMs: number): Secret {
  const [id = '', secret = ''] = token.split('.')
  const ttlMs = parseDurationMs(ttl ?? '0') ?? 0
  const expiration = expires ?? (ttlMs > 0 ? timestamp(nowMs + ttlMs) : undefined)
  const text: Record<string, string> = {
    'token-id': id,
    'token-secret': secret,
    ...(description ? { description } : {}),
    ...(expiration ? { expiration } : {}),
    ...Object.fromEntries(usages.map((usage) => [`usage-bootstrap-${usage}`, 'true'])),
    ...(groups.length > 0 ? { 'auth-extra-groups': groups.join(',') } : {}),
  }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${prefix}${id}`, namespace: 'kube-system' },
    type: tokenSecretType,
    data: Object.fromEntries(Object.entries(text).map(([name, value]) => [name, Buffer.from(value).toString('base64')])),
  }
}

export interface KnownToken {
  readonly token: string
  /** RFC 3339; undefined: for ever. */
  readonly expires: string | undefined
  readonly usages: readonly string[]
  readonly groups: readonly string[]
  readonly description: string
}

/** undefined when the Secret is no token that could be used. */
export function tokenOf({ type, metadata, data = {} }: Secret): KnownToken | undefined {
  const text = (name: string) => Buffer.from(data[name] ?? '', 'base64').toString()
  const [id, secret] = [text('token-id'), text('token-secret')]
  if (type !== tokenSecretType || metadata.name !== `${prefix}${id}` || secret === '') return undefined
  const usages = Object.keys(data).filter((name) => name.startsWith('usage-bootstrap-') && text(name) === 'true')
  return {
    token: `${id}.${secret}`,
    expires: text('expiration') || undefined,
    usages: usages.map((name) => name.slice('usage-bootstrap-'.length)).toSorted(),
    groups: text('auth-extra-groups').split(',').filter(Boolean),
    description: text('description'),
  }
}

export function tokenSecretName(token: string): string {
  return `${prefix}${token.split('.')[0] ?? ''}`
}
