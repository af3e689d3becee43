/** Source → tokens (cel-spec "Syntax"). Every position is told in UTF-16 units. */
import { SyntaxFault } from './issue.js'
import { readText } from './string-literal.js'

export type TokenKind = 'ident' | 'escaped' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'op' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** An operator's or identifier's own text, a number's digits, a string's decoded text. */
  readonly text: string
  readonly at: number
  readonly bytes?: Uint8Array
}

const skipped = /(?:[\t \r\n\f]+|\/\/[^\n]*)+/y
const double = /(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)/y
const integer = /(?:0x[0-9a-fA-F]+|\d+)([uU])?/y
const identifier = /[A-Za-z_][A-Za-z0-9_]*/y
const escaped = /`([A-Za-z0-9_.\-/ ]+)`/y
const quoted = /([bB]?[rR]?|[rR][bB])("""|'''|"|')/y
const operator = /(?:==|!=|<=|>=|&&|\|\||[<>[\]{}().,\-!?:+*/%])/y
/** Words that are operators or literals. */
const words = new Set(['in', 'true', 'false', 'null'])

export function tokens(source: string): Token[] {
  const found: Token[] = []
  let at = 0
  const match = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    return pattern.exec(source) ?? undefined
  }
  for (;;) {
    at += match(skipped)?.[0].length ?? 0
    if (at >= source.length) break
    const start = at
    const string = match(quoted)
    if (string && !/^rb$/i.test(string[1] as string)) {
      const read = readText(source, start, string[1] as string, string[2] as string)
      at = read.end
      found.push({ kind: read.bytes ? 'bytes' : 'string', text: read.text, at: start, ...(read.bytes ? { bytes: read.bytes } : {}) })
      continue
    }
    const [kind, text, length] = next(match, source, start)
    at += length
    found.push({ kind, text, at: start })
  }
  found.push({ kind: 'end', text: '<EOF>', at: source.length })
  return found
}

function next(
  match: (pattern: RegExp) => RegExpExecArray | undefined,
  source: string,
  at: number,
): [kind: TokenKind, text: string, length: number] {
  const number = match(double)
  if (number) return ['double', number[0], number[0].length]
  const whole = match(integer)
  if (whole) return whole[1] ? ['uint', whole[0].slice(0, -1), whole[0].length] : ['int', whole[0], whole[0].length]
  const name = match(identifier)
  if (name) return [words.has(name[0]) ? 'op' : 'ident', name[0], name[0].length]
  const quotedName = match(escaped)
  if (quotedName) return ['escaped', quotedName[1] as string, quotedName[0].length]
  const sign = match(operator)
  if (sign) return ['op', sign[0], sign[0].length]
  const char = String.fromCodePoint(source.codePointAt(at) as number)
  throw new SyntaxFault({ at, message: `Syntax error: token recognition error at: '${char}'` })
}
