/** URLs the way Go's net/url reads a request URI: an absolute URI, or a path from the root. */

export interface ParsedUrl {
  readonly scheme: string
  /** With its port. */
  readonly host: string
  /** As written, or escaped where it was not well. */
  readonly path: string
  readonly query: ReadonlyMap<string, string[]>
}

/** undefined when the text is none. */
export function parseUrl(text: string): ParsedUrl | undefined {
  if (text === '' || hasControl(text)) return undefined
  const start = splitScheme(text)
  if (!start) return undefined
  const { scheme } = start
  if (text === '*') return { scheme, host: '', path: '*', query: new Map() }
  if (!start.rest.startsWith('/') && scheme === '') return undefined
  const beforeFragment = cut(start.rest, '#')[0]
  const [whole, query] = cut(beforeFragment, '?')
  // "mailto:somebody": nothing in it is a path.
  if (!whole.startsWith('/')) return { scheme, host: '', path: '', query: queryOf(query) }
  let host = ''
  let path = whole
  if (scheme !== '' && whole.startsWith('//')) {
    const end = whole.indexOf('/', 2)
    const authority = end < 0 ? whole.slice(2) : whole.slice(2, end)
    path = end < 0 ? '' : whole.slice(end)
    const found = hostOf(authority)
    if (found === undefined) return undefined
    host = found
  }
  // Of a request URI the sharp is part of the path, and has to be well escaped too.
  if (!isWellEscaped(cut(start.rest, '?')[0])) return undefined
  return { scheme, host, path: escapedPath(path), query: queryOf(query) }
}

export function hostNameOf(host: string): string {
  if (host.startsWith('[')) return host.slice(1, host.indexOf(']'))
  const colon = host.indexOf(':')
  return colon < 0 ? host : host.slice(0, colon)
}

export function portOf(host: string): string {
  return /:(\d*)$/.exec(host.slice(host.lastIndexOf(']') + 1))?.[1] ?? ''
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}

function cut(text: string, by: string): [string, string] {
  const at = text.indexOf(by)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function splitScheme(text: string): { scheme: string; rest: string } | undefined {
  if (text.startsWith(':')) return undefined
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)
  return match ? { scheme: (match[1] as string).toLowerCase(), rest: text.slice(match[0].length) } : { scheme: '', rest: text }
}

const userInfo = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/
const hostName = /^(?:[A-Za-z0-9\-._~!$&'()*+,;="<>]|[^\u0000-\u007f]|%[89A-Fa-f][0-9A-Fa-f])*$/
const bracketed = /^\[[0-9A-Fa-f:.]*(?:%25[A-Za-z0-9\-._~%]+)?\]$/

/** undefined when the authority has something that a host may not. */
function hostOf(authority: string): string | undefined {
  const at = authority.lastIndexOf('@')
  if (at >= 0 && !userInfo.test(authority.slice(0, at))) return undefined
  const host = authority.slice(at + 1)
  const match = /^(\[.*\]|[^:]*)(?::(\d*))?$/.exec(host)
  if (!match) return undefined
  const name = match[1] as string
  return (name.startsWith('[') ? bracketed : hostName).test(name) ? host : undefined
}

const isWellEscaped = (text: string) => !/%(?![0-9A-Fa-f]{2})/.test(text)
const mayStand = /^[A-Za-z0-9\-_.~$&+,/:;=@!'()*[\]%]*$/
const plainInPath = /[A-Za-z0-9\-_.~$&+,/:;=@]/

function escapedPath(path: string): string {
  if (mayStand.test(path)) return path
  let escaped = ''
  for (const byte of unescapedBytes(path)) {
    const char = String.fromCharCode(byte)
    escaped += byte < 0x80 && plainInPath.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return escaped
}

function unescapedBytes(text: string): number[] {
  const bytes = new TextEncoder().encode(text)
  const found: number[] = []
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    if (byte === 0x25) {
      found.push(Number.parseInt(String.fromCharCode(bytes[i + 1] as number, bytes[i + 2] as number), 16))
      i += 2
    } else found.push(byte)
  }
  return found
}

/** What cannot be read is left out. */
function queryOf(text: string): Map<string, string[]> {
  const query = new Map<string, string[]>()
  for (const pair of text.split('&')) {
    if (pair === '' || pair.includes(';')) continue
    const [key, value] = cut(pair, '=').map((part) => (isWellEscaped(part) ? decoded(part) : undefined))
    if (key === undefined || value === undefined) continue
    const found = query.get(key)
    if (found) found.push(value)
    else query.set(key, [value])
  }
  return query
}

const decoded = (text: string) => new TextDecoder().decode(Uint8Array.from(unescapedBytes(text.replaceAll('+', ' '))))
