import type { AuthConfig } from './api/types.js'
import type { ImageName } from './image-name.js'

/** Which credentials of image pull secrets a registry is asked with: the longest match first, as upstream's keyring. Pure. */
export interface Credential {
  /** "registry[:port][/path]", each label of the host may have wildcards. */
  readonly pattern: string
  readonly auth: AuthConfig
}

interface DockerEntry {
  readonly username?: string
  readonly password?: string
  readonly auth?: string
  readonly identitytoken?: string
  readonly registrytoken?: string
}

/** A kubernetes.io/dockerconfigjson Secret's document ("auths"), or a kubernetes.io/dockercfg one. */
export function credentialsOf(document: unknown): Credential[] {
  const auths = ((document as { auths?: unknown })?.auths ?? document) as Readonly<Record<string, DockerEntry>>
  return Object.entries(auths ?? {}).flatMap(([server, entry]) => {
    if (typeof entry !== 'object' || entry === null) return []
    const [username = '', ...rest] = entry.auth ? atob(entry.auth).split(':') : []
    return [
      {
        pattern: server.replace(/^https?:\/\//, '').replace(/\/(v1|v2)?\/?$/, ''),
        auth: {
          username: entry.username ?? username,
          password: entry.password ?? rest.join(':'),
          ...(entry.identitytoken ? { identityToken: entry.identitytoken } : {}),
          ...(entry.registrytoken ? { registryToken: entry.registrytoken } : {}),
        },
      },
    ]
  })
}

export function credentialsFor(name: ImageName, credentials: readonly Credential[]): AuthConfig[] {
  return credentials
    .filter(({ pattern }) => matches(pattern, name))
    .sort((a, b) => b.pattern.length - a.pattern.length)
    .map(({ auth }) => auth)
}

function matches(pattern: string, { repository }: ImageName): boolean {
  const slash = pattern.indexOf('/')
  const [host, path] = slash < 0 ? [pattern, ''] : [pattern.slice(0, slash), pattern.slice(slash + 1)]
  const target = repository.slice(0, repository.indexOf('/'))
  const known = host === 'index.docker.io' ? 'docker.io' : host
  const wanted = known.split('.')
  const given = target.split('.')
  if (wanted.length !== given.length) return false
  if (!wanted.every((part, at) => globMatches(part, given[at] as string))) return false
  return path === '' || repository.slice(target.length + 1).startsWith(path)
}

function globMatches(glob: string, text: string): boolean {
  if (!glob.includes('*')) return glob === text
  const parts = glob.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(text)
}
