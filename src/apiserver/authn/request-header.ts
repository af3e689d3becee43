import type { Authenticator, Credentials } from './authenticator.js'

/** What --requestheader-* flags say: whom to believe, and in which headers. */
export interface RequestHeaderOptions {
  /** --requestheader-username-headers, lower case. */
  readonly usernameHeaders: readonly string[]
  readonly uidHeaders: readonly string[]
  readonly groupHeaders: readonly string[]
  readonly extraHeaderPrefixes: readonly string[]
  /** --requestheader-allowed-names: common names of trusted proxies; empty: any certificate of the front-proxy CA. */
  readonly allowedNames: readonly string[]
}

/** Requests that come through a trusted front proxy (API aggregation), which says in headers who asked it. */
export function requestHeader(options: RequestHeaderOptions): Authenticator {
  return {
    name: 'request header',
    authenticate(from) {
      const proxy = from.frontProxyCertificate
      if (!proxy || (options.allowedNames.length > 0 && !options.allowedNames.includes(proxy.commonName))) return undefined
      const first = (names: readonly string[]) => names.map((name) => from.header(name)).find((value) => value)
      const name = first(options.usernameHeaders)
      if (!name) return undefined
      const uid = first(options.uidHeaders)
      const groups = options.groupHeaders.flatMap((header) => splitValues(from.header(header)))
      return { name, groups, extra: extraOf(from, options.extraHeaderPrefixes), ...(uid ? { uid } : {}) }
    },
  }
}

function extraOf(from: Credentials, prefixes: readonly string[]): Record<string, string[]> {
  const extra: Record<string, string[]> = Object.create(null) as Record<string, string[]>
  for (const header of from.headerNames?.() ?? []) {
    const prefix = prefixes.find((candidate) => header.length > candidate.length && header.startsWith(candidate))
    if (prefix) extra[decodeKey(header.slice(prefix.length))] = splitValues(from.header(header))
  }
  return extra
}

/** Keys travel percent-encoded, since header names cannot hold "/" and the like. */
function decodeKey(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Node joins repeated headers with ", ". */
function splitValues(value: string | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
}
