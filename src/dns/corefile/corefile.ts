/**
 * Reads a Corefile into server blocks: who is served where, and by which plugins in which order they are written. Snippets and
 * files are imported here; what a plugin's lines mean is the plugin's to say. Every fault names file, line and word.
 */
import { type ServerKey, serverKeys } from './address.js'
import { CorefileError, type Place } from './error.js'
import { type Environment, type Token, tokensOf } from './lexer.js'

/** A line: a word, its arguments, and lines in braces. */
export interface Directive extends Place {
  readonly name: string
  readonly args: readonly string[]
  /** undefined: no braces. */
  readonly block: readonly Directive[] | undefined
}

export interface ServerBlock extends Place {
  readonly keys: readonly ServerKey[]
  readonly directives: readonly Directive[]
}

export interface CorefileOptions {
  readonly file: string
  readonly text: string
  readonly environment: Environment
  /** -dns.port */
  readonly port: number
  /** The files that an import's pattern names, with their texts. */
  readFiles(pattern: string, from: string): readonly { readonly file: string; readonly text: string }[]
}

/** A snippet or file that imports itself would go on for ever. */
const importsMax = 500
const rowsPerImport = 1_000_000

export function parseCorefile(options: CorefileOptions): ServerBlock[] {
  const tokens = tokensOf(options.text, options.file, options.environment)
  return new Parser(tokens, options).blocks()
}

class Parser {
  #tokens: Token[]
  #at = 0
  readonly #options: CorefileOptions
  readonly #snippets = new Map<string, Token[]>()
  #imported = 0

  constructor(tokens: Token[], options: CorefileOptions) {
    this.#tokens = tokens
    this.#options = options
  }

  blocks(): ServerBlock[] {
    const blocks: ServerBlock[] = []
    while (this.#at < this.#tokens.length) {
      const block = this.#block()
      if (block) blocks.push(block)
    }
    return blocks
  }

  /** undefined: it was a snippet, or an import that has been put in place. */
  #block(): ServerBlock | undefined {
    const first = this.#tokens[this.#at] as Token
    if (isWord(first, 'import')) {
      this.#import()
      return undefined
    }
    const names: Token[] = []
    let row = first.row
    while (this.#at < this.#tokens.length) {
      const token = this.#tokens[this.#at] as Token
      if (isOpen(token)) break
      // Without braces the first line is the keys and the rest of the file is the block.
      if (token.row !== row && !names.at(-1)?.text.endsWith(',')) break
      if (isClose(token)) throw new CorefileError(token, "unexpected '}'")
      names.push(token)
      row = token.row
      this.#at++
    }
    if (names.length === 0) throw new CorefileError(first, "a server block's address is expected before '{'")
    const [name] = names
    const isSnippet = names.length === 1 && /^\(.+\)$/.test(name?.text ?? '')
    const braced = isOpen(this.#tokens[this.#at])
    if (isSnippet) {
      if (!braced) throw new CorefileError(first, `the snippet ${first.text} has no '{'`)
      this.#snippets.set(first.text.slice(1, -1), this.#skipBlock())
      return undefined
    }
    if (braced) this.#at++
    const directives = this.#directives(braced, first)
    return { file: first.file, line: first.line, keys: this.#keys(names), directives }
  }

  #keys(names: readonly Token[]): ServerKey[] {
    return names.flatMap((token) => {
      try {
        return token.text
          .split(',')
          .filter((text) => text !== '')
          .flatMap((text) => serverKeys(text, this.#options.port))
      } catch (error) {
        throw new CorefileError(token, (error as Error).message)
      }
    })
  }

  /** The tokens between the braces that begin here. */
  #skipBlock(): Token[] {
    const open = this.#tokens[this.#at] as Token
    const from = ++this.#at
    for (let depth = 1; this.#at < this.#tokens.length; this.#at++) {
      const token = this.#tokens[this.#at] as Token
      if (isOpen(token)) depth++
      else if (isClose(token) && --depth === 0) return this.#tokens.slice(from, this.#at++)
    }
    throw new CorefileError(open, "Unexpected EOF: '{' has no '}'")
  }

  #directives(braced: boolean, open: Place): Directive[] {
    const directives: Directive[] = []
    while (this.#at < this.#tokens.length) {
      const token = this.#tokens[this.#at] as Token
      if (isClose(token)) {
        if (!braced) throw new CorefileError(token, "unexpected '}'")
        this.#at++
        return directives
      }
      if (isOpen(token)) throw new CorefileError(token, "unexpected '{' on a line of its own")
      if (isWord(token, 'import')) {
        this.#import()
        continue
      }
      directives.push(this.#directive(token))
    }
    if (braced) throw new CorefileError(open, "Unexpected EOF: '{' has no '}'")
    return directives
  }

  #directive(name: Token): Directive {
    const args: string[] = []
    this.#at++
    while (this.#at < this.#tokens.length) {
      const token = this.#tokens[this.#at] as Token
      if (token.row !== name.row || isClose(token)) break
      this.#at++
      if (isOpen(token)) return { name: name.text, file: name.file, line: name.line, args, block: this.#directives(true, token) }
      args.push(token.text)
    }
    return { name: name.text, file: name.file, line: name.line, args, block: undefined }
  }

  /** Puts the lines of a snippet or of files in the import's place. */
  #import(): void {
    const word = this.#tokens[this.#at] as Token
    const line: Token[] = []
    while (this.#at + 1 + line.length < this.#tokens.length) {
      const token = this.#tokens[this.#at + 1 + line.length] as Token
      if (token.row !== word.row || isClose(token)) break
      line.push(token)
    }
    const [name] = line
    if (!name || line.length > 1) throw new CorefileError(word, "Wrong argument count or unexpected line ending after 'import'")
    if (this.#imported >= importsMax) throw new CorefileError(word, `too many imports; does ${name.text} import itself?`)
    this.#tokens.splice(this.#at, 2, ...this.#tokensOfImport(name))
  }

  #tokensOfImport(name: Token): Token[] {
    const snippet = this.#snippets.get(name.text)
    if (snippet) return this.#onRowsOfItsOwn(snippet)
    const files = this.#options.readFiles(name.text, name.file)
    if (files.length === 0 && !/[*?[]/.test(name.text)) throw new CorefileError(name, `File to import not found: ${name.text}`)
    return files.flatMap(({ file, text }) => this.#onRowsOfItsOwn(tokensOf(text, file, this.#options.environment)))
  }

  /** Two uses of one snippet must not run together into one line. */
  #onRowsOfItsOwn(tokens: readonly Token[]): Token[] {
    const base = ++this.#imported * rowsPerImport
    return tokens.map((token) => ({ ...token, row: base + (token.row % rowsPerImport) }))
  }
}

function isWord(token: Token, text: string): boolean {
  return !token.quoted && token.text === text
}

function isOpen(token: Token | undefined): boolean {
  return token !== undefined && isWord(token, '{')
}

function isClose(token: Token): boolean {
  return isWord(token, '}')
}
