/** A Corefile as words with their places: blanks separate, quotes join, # begins a comment, {$NAME} is the environment's. */
import { CorefileError } from './error.js'

export interface Token {
  readonly text: string
  readonly file: string
  readonly line: number
  /** What is on one line has one number. */
  readonly row: number
  /** A quoted brace is a word. */
  readonly quoted: boolean
}

export type Environment = (name: string) => string | undefined

/** Throws CorefileError on a quote without its end. */
export function tokensOf(text: string, file: string, environment: Environment): Token[] {
  const tokens: Token[] = []
  let line = 1
  let at = 0
  const push = (raw: string, startLine: number, quoted: boolean) =>
    tokens.push({ text: substitute(raw, environment), file, line: startLine, row: startLine, quoted })
  while (at < text.length) {
    const char = text[at] as string
    if (char === '\n') line++
    if (/\s/.test(char) || char === '\uFEFF') at++
    else if (char === '#') at = endOfLine(text, at)
    else if (char === '"') {
      const startLine = line
      let word = ''
      at++
      while (at < text.length && text[at] !== '"') {
        if (text[at] === '\n') line++
        // Only the quote needs an escape; every other backslash is one (regular expressions are written this way).
        if (text[at] === '\\' && text[at + 1] === '"') at++
        word += text[at] as string
        at++
      }
      if (at >= text.length)
        throw new CorefileError({ file, line: startLine }, `the quote before ${JSON.stringify(word.slice(0, 20))} has no end`)
      at++
      push(word, startLine, true)
    } else {
      const from = at
      while (at < text.length && !/\s/.test(text[at] as string)) at++
      push(text.slice(from, at), line, false)
    }
  }
  return tokens
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}

/** {$NAME} and {%NAME%}; one that is not set is nothing. */
function substitute(text: string, environment: Environment): string {
  if (!text.includes('{')) return text
  return text.replace(/\{\$([^{}\s]+)\}|\{%([^{}%\s]+)%\}/g, (_, unix: string | undefined, windows: string | undefined) => {
    return environment((unix ?? windows) as string) ?? ''
  })
}
