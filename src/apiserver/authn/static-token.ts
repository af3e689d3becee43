import { QuorateError } from '../../base/errors.js'
import type { UserInfo } from './authenticator.js'
import { agnosticAudiences, type TokenAuthenticator } from './token-authenticator.js'

/**
 * The file of --token-auth-file: lines of `token,user,uid,"group1,group2"` (the groups may be left out).
 * Throws with the line's number, never with its text: it holds a secret.
 */
export function parseTokenFile(text: string): Map<string, UserInfo> {
  const users = new Map<string, UserInfo>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const fields = csvFields(line)
    if (!fields || fields.length < 3) throw fault(index, 'needs at least the columns token, user name and user uid')
    const [token = '', name = '', uid = '', groups = ''] = fields.map((field) => field.trim())
    if (token === '' || name === '') throw fault(index, 'has an empty token or user name')
    const list = groups
      .split(',')
      .map((group) => group.trim())
      .filter(Boolean)
    users.set(token, { name, groups: list, ...(uid ? { uid } : {}) })
  }
  return users
}

function fault(index: number, what: string): QuorateError {
  return new QuorateError('TokenFileInvalid', `line ${index + 1} of the token file ${what}`, {
    remedy: 'Write one `token,user,uid,"group1,group2"` a line.',
  })
}

/** One CSV record (RFC 4180 without line breaks inside quotes); undefined when a quote is not closed. */
function csvFields(line: string): string[] | undefined {
  const fields: string[] = []
  let field = ''
  let quoted = false
  for (let at = 0; at < line.length; at++) {
    const char = line[at]
    if (quoted) {
      if (char !== '"') field += char
      else if (line[at + 1] === '"') {
        field += '"'
        at++
      } else quoted = false
    } else if (char === '"') quoted = true
    else if (char === ',') {
      fields.push(field)
      field = ''
    } else field += char
  }
  if (quoted) return undefined
  fields.push(field)
  return fields
}

/** Tokens that are known when the server starts. */
export function staticTokens(users: ReadonlyMap<string, UserInfo>, ownAudiences: readonly string[]): TokenAuthenticator {
  return {
    name: 'static tokens',
    authenticateToken(token, asked) {
      const user = users.get(token)
      const audiences = user && agnosticAudiences(asked, ownAudiences)
      return user && audiences ? { user, audiences } : undefined
    },
  }
}
