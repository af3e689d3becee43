/** String and bytes literals: quotes, raw ones, escapes (cel-spec "String and Bytes Values"). */
import { SyntaxFault } from './issue.js'

interface Read {
  readonly text: string
  readonly bytes?: Uint8Array
  readonly end: number
}

const escapes: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 }
const literal = new Set(['"', "'", '\\', '?', '`'])
const encoder = new TextEncoder()

/** Of the literal that starts at `start` with this prefix and quote. */
export function readText(source: string, start: number, prefix: string, quote: string): Read {
  const isRaw = /r/i.test(prefix)
  const isBytes = /b/i.test(prefix)
  const text: string[] = []
  const bytes: number[] = []
  const add = (code: number, isByte: boolean) => {
    if (!isBytes) text.push(String.fromCodePoint(code))
    else if (isByte) bytes.push(code)
    else bytes.push(...encoder.encode(String.fromCodePoint(code)))
  }
  let at = start + prefix.length + quote.length
  while (!source.startsWith(quote, at)) {
    const code = source.codePointAt(at)
    const isLineEnd = code === 10 || code === 13
    if (code === undefined || (isLineEnd && quote.length === 1))
      throw new SyntaxFault({ at: start, message: `Syntax error: token recognition error at: '${source.slice(start, at)}'` })
    if (code === 92 && !isRaw) {
      const escape = readEscape(source, at)
      add(escape.code, escape.isByte)
      at = escape.end
    } else {
      add(code, false)
      at += code > 0xffff ? 2 : 1
    }
  }
  const end = at + quote.length
  return isBytes ? { text: '', bytes: Uint8Array.from(bytes), end } : { text: text.join(''), end }
}

function readEscape(source: string, at: number): { code: number; isByte: boolean; end: number } {
  const fail = (): never => {
    throw new SyntaxFault({ at, message: `Syntax error: token recognition error at: '${source.slice(at, at + 2)}'` })
  }
  const letter = source[at + 1] ?? fail()
  const single = escapes[letter] ?? (literal.has(letter) ? letter.charCodeAt(0) : undefined)
  if (single !== undefined) return { code: single, isByte: false, end: at + 2 }
  const octal = /^[0-3][0-7]{2}/.exec(source.slice(at + 1, at + 4))
  if (octal) return { code: Number.parseInt(octal[0], 8), isByte: true, end: at + 4 }
  const digits = { x: 2, X: 2, u: 4, U: 8 }[letter] ?? fail()
  const hex = source.slice(at + 2, at + 2 + digits)
  if (hex.length !== digits || !/^[0-9a-fA-F]+$/.test(hex)) fail()
  const code = Number.parseInt(hex, 16)
  const isByte = digits === 2
  // A byte's value says nothing of code points in a text, where \x41 is "A".
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) fail()
  return { code, isByte, end: at + 2 + digits }
}
