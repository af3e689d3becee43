/** Reads a kubeconfig: its current context as the values that a connection needs. Every fault names the file and the entry. */
import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { parse } from 'yaml'
import { messageOf, QuorateError } from '../../base/errors.js'

export interface ClusterAccess {
  /** https://HOST:PORT */
  readonly server: string
  readonly namespace?: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly serverName?: string
  readonly insecureSkipVerify: boolean
  readonly token?: string
  /** Read again from time to time: tokens in files are rotated. */
  readonly tokenFile?: string
  /** Impersonation, as headers. */
  readonly headers: Readonly<Record<string, string>>
}

type Fields = Readonly<Record<string, unknown>>

/** `resolvePath` maps absolute paths; relative ones are taken from the kubeconfig's own folder, as kubectl takes them. */
export function readKubeconfig(file: string, resolvePath: (path: string) => string): ClusterAccess {
  const text = readText(file, 'the kubeconfig')
  const fail = (what: string) => new QuorateError('BadKubeconfig', `${file}: ${what}`)
  let config: Fields | null
  try {
    config = parse(text) as Fields | null
  } catch (error) {
    throw fail(messageOf(error))
  }
  if (config === null || typeof config !== 'object') throw fail('not a kubeconfig')
  const entry = (list: string, name: unknown, inner: string): Fields => {
    const all = Array.isArray(config[list]) ? (config[list] as Fields[]) : []
    const found = all.find((each) => each?.name === name)
    if (!found) throw fail(`no entry ${JSON.stringify(name)} in ${list}`)
    return (found[inner] ?? {}) as Fields
  }
  const current = config['current-context']
  if (typeof current !== 'string' || current === '') throw fail('current-context is not set')
  const context = entry('contexts', current, 'context')
  const cluster = entry('clusters', context.cluster, 'cluster')
  const user = context.user === undefined || context.user === '' ? {} : entry('users', context.user, 'user')
  for (const key of ['exec', 'auth-provider', 'username'])
    if (user[key] !== undefined) throw fail(`users: "${key}" is not supported; use a client certificate or a token`)
  if (cluster['proxy-url']) throw fail('clusters: "proxy-url" is not supported')
  if (typeof cluster.server !== 'string' || !cluster.server.startsWith('https://')) throw fail('clusters: server must be an https:// URL')

  const onDisk = (path: string) => resolvePath(isAbsolute(path) ? path : join(dirname(file), path))
  const pem = (fields: Fields, name: string): string | undefined => {
    const data = fields[`${name}-data`]
    if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64').toString()
    const path = fields[name]
    return typeof path === 'string' && path !== '' ? readText(onDisk(path), name) : undefined
  }
  const [ca, cert, key] = [pem(cluster, 'certificate-authority'), pem(user, 'client-certificate'), pem(user, 'client-key')]
  const tokenFile = textOf(user.tokenFile)
  const token = textOf(user.token)
  return {
    server: cluster.server.replace(/\/$/, ''),
    insecureSkipVerify: cluster['insecure-skip-tls-verify'] === true,
    headers: impersonation(user),
    ...(textOf(context.namespace) ? { namespace: textOf(context.namespace) } : {}),
    ...(ca ? { ca } : {}),
    ...(cert && key ? { cert, key } : {}),
    ...(textOf(cluster['tls-server-name']) ? { serverName: textOf(cluster['tls-server-name']) } : {}),
    ...(tokenFile ? { tokenFile: onDisk(tokenFile) } : token ? { token } : {}),
  }
}

function impersonation(user: Fields): Record<string, string> {
  const groups = Array.isArray(user['as-groups']) ? user['as-groups'].map(String) : []
  return {
    ...(textOf(user.as) ? { 'impersonate-user': textOf(user.as) as string } : {}),
    ...(textOf(user['as-uid']) ? { 'impersonate-uid': textOf(user['as-uid']) as string } : {}),
    ...(groups.length ? { 'impersonate-group': groups.join(', ') } : {}),
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new QuorateError('FileUnreadable', `${what}: ${messageOf(error)}`, { cause: error })
  }
}
