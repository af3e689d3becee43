/** Field selectors: "spec.nodeName=cp-1,status.phase!=Running". Which fields a kind offers is its strategy's business. */
import { badRequest } from '../status.js'

export interface FieldRequirement {
  readonly field: string
  readonly value: string
  /** false: `!=`. */
  readonly equal: boolean
}

/** Throws StatusError BadRequest. A backslash escapes a comma, an equals sign or a backslash in a value. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  return terms(text)
    .filter((term) => term !== '')
    .map((term) => {
      const match = /^([^=!]+)(!=|==|=)(.*)$/s.exec(term)
      if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`)
      return { field: match[1] as string, equal: match[2] !== '!=', value: unescape(match[3] as string, text) }
    })
}

function terms(text: string): string[] {
  const found: string[] = []
  let term = ''
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string
    if (char === '\\') term += char + (text[++i] ?? '')
    else if (char === ',') {
      found.push(term)
      term = ''
    } else term += char
  }
  found.push(term)
  return found
}

function unescape(value: string, text: string): string {
  return value.replace(/\\(.?)/gs, (_, char: string) => {
    if (char === '\\' || char === ',' || char === '=') return char
    throw badRequest(`invalid field selector: invalid escape sequence: \\${char} in "${text}"`)
  })
}
