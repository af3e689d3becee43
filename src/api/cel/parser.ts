/**
 * Text → expression (cel-spec "Syntax"). Bounded: a source that is too long or too deep is refused, so nothing that walks an
 * expression afterwards can exhaust the stack.
 */
import type { Call, Expr, MapEntry, StructField } from './ast.js'
import { type Issue, SyntaxFault } from './issue.js'
import { type Token, tokens } from './lexer.js'
import type { Macros } from './macros.js'
import { CelDouble, CelUint, normalInt, uintMax } from './values.js'

export interface ParseOptions {
  readonly macros: Macros
  /** `a.?b`, `a[?b]`, `{?k: v}` (cel-go's optional types). */
  readonly optionalSyntax: boolean
  /** `a.`b-c`` */
  readonly escapedFields: boolean
}

export type Parsed = { readonly expr: Expr } | { readonly issues: readonly Issue[] }

/** cel-go's limits. */
const codePointsMax = 100_000
const depthMax = 250

/** Names that are kept for languages CEL is embedded in. */
const reserved = new Set('as break const continue else for function if import let loop package namespace return var void while'.split(' '))

export function parse(source: string, options: ParseOptions): Parsed {
  if (source.length > codePointsMax)
    return { issues: [{ at: 0, message: `expression code point size exceeds limit: size: ${source.length}, limit ${codePointsMax}` }] }
  try {
    return { expr: new Parser(tokens(source), options).whole() }
  } catch (error) {
    if (error instanceof SyntaxFault) return { issues: [error.issue] }
    throw error
  }
}

const relations = new Set(['<', '<=', '>=', '>', '==', '!=', 'in'])
const relationFunctions: Readonly<Record<string, string>> = { in: '@in' }
const sums = new Set(['+', '-'])
const products = new Set(['*', '/', '%'])
const constants: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null }

class Parser {
  readonly #tokens: readonly Token[]
  readonly #options: ParseOptions
  #next = 0
  #depth = 0

  constructor(all: readonly Token[], options: ParseOptions) {
    this.#tokens = all
    this.#options = options
  }

  whole(): Expr {
    const expr = this.#expr()
    if (this.#token.kind !== 'end') this.#unexpected()
    return expr
  }

  get #token(): Token {
    return this.#tokens[this.#next] as Token
  }

  #fail(message: string, at = this.#token.at): never {
    throw new SyntaxFault({ at, message })
  }

  #unexpected(): never {
    return this.#fail(`Syntax error: mismatched input '${this.#token.text}'`)
  }

  #is(op: string): boolean {
    return this.#token.kind === 'op' && this.#token.text === op
  }

  #take(op: string): boolean {
    if (!this.#is(op)) return false
    this.#next++
    return true
  }

  #expect(op: string): Token {
    const token = this.#token
    if (!this.#take(op)) this.#unexpected()
    return token
  }

  /** Runs one level deeper. */
  #nested<T>(parse: () => T): T {
    if (++this.#depth > depthMax) this.#fail(`expression recursion limit exceeded: ${depthMax}`)
    const result = parse()
    this.#depth--
    return result
  }

  #expr(): Expr {
    return this.#nested(() => {
      const condition = this.#logical('||', '_||_', () => this.#logical('&&', '_&&_', () => this.#binary(0)))
      const { at } = this.#token
      if (!this.#take('?')) return condition
      const yes = this.#logical('||', '_||_', () => this.#logical('&&', '_&&_', () => this.#binary(0)))
      this.#expect(':')
      return this.#call(at, '_?_:_', [condition, yes, this.#expr()])
    })
  }

  /** Terms of a chain make a balanced tree: a chain of a thousand is ten deep. */
  #logical(op: string, fn: string, term: () => Expr): Expr {
    const first = term()
    if (!this.#is(op)) return first
    const terms = [first]
    const places: number[] = []
    while (this.#is(op)) {
      places.push(this.#token.at)
      this.#next++
      terms.push(term())
    }
    const tree = (from: number, to: number): Expr => {
      const middle = Math.floor((from + to + 1) / 2)
      const left = middle === from ? (terms[from] as Expr) : tree(from, middle - 1)
      const right = middle === to ? (terms[to + 1] as Expr) : tree(middle + 1, to)
      return this.#call(places[middle] as number, fn, [left, right])
    }
    return tree(0, places.length - 1)
  }

  /** Relations, sums and products, each from the left. */
  #binary(level: number): Expr {
    if (level === 3) return this.#unary()
    const ops = level === 0 ? relations : level === 1 ? sums : products
    let left = this.#binary(level + 1)
    const before = this.#depth
    while (this.#token.kind === 'op' && ops.has(this.#token.text)) {
      const { text, at } = this.#token
      // Each makes the tree one deeper on its left.
      if (++this.#depth > depthMax) this.#fail(`expression recursion limit exceeded: ${depthMax}`)
      this.#next++
      left = this.#call(at, relationFunctions[text] ?? `_${text}_`, [left, this.#binary(level + 1)])
    }
    this.#depth = before
    return left
  }

  #unary(): Expr {
    const op = this.#is('!') ? '!' : this.#is('-') ? '-' : undefined
    if (!op) return this.#member(this.#primary())
    const { at } = this.#token
    const isLiteral = op === '-' && ['int', 'double'].includes(this.#tokens[this.#next + 1]?.kind ?? '')
    if (isLiteral) {
      this.#next++
      return this.#member(this.#number('-', at))
    }
    let times = 0
    while (this.#is(op)) {
      const following = this.#tokens[this.#next + 1]
      // The last minus before a number is the number's.
      if (op === '-' && times > 0 && (following?.kind === 'int' || following?.kind === 'double')) break
      this.#next++
      times++
    }
    const operand = this.#is('-') ? this.#unary() : this.#member(this.#primary())
    return times % 2 === 0 ? operand : this.#call(at, op === '!' ? '!_' : '-_', [operand])
  }

  #member(start: Expr): Expr {
    let expr = start
    const before = this.#depth
    for (;;) {
      const { at } = this.#token
      if (this.#take('.')) expr = this.#selection(expr, at)
      else if (this.#take('[')) {
        const optional = this.#optionalMark()
        const index = this.#expr()
        this.#expect(']')
        expr = this.#call(at, optional ? '_[?_]' : '_[_]', [expr, index])
      } else break
      if (++this.#depth > depthMax) this.#fail(`expression recursion limit exceeded: ${depthMax}`)
    }
    this.#depth = before
    return expr
  }

  #optionalMark(): boolean {
    const { at } = this.#token
    if (!this.#take('?')) return false
    if (!this.#options.optionalSyntax) this.#fail("unsupported syntax '?'", at)
    return true
  }

  #selection(operand: Expr, at: number): Expr {
    const optional = this.#optionalMark()
    const name = this.#fieldName()
    if (optional) return this.#call(at, '_?._', [operand, { kind: 'literal', at, value: name.text }])
    if (name.kind !== 'escaped' && this.#is('(')) {
      const open = this.#token.at
      return this.#call(open, name.text, this.#args(), operand)
    }
    return { kind: 'select', at, operand, field: name.text, test: false }
  }

  #fieldName(): Token {
    const token = this.#token
    if (token.kind === 'escaped' && !this.#options.escapedFields) this.#fail("unsupported syntax: '`'")
    if (token.kind !== 'ident' && token.kind !== 'escaped') this.#unexpected()
    this.#next++
    return token
  }

  #args(): Expr[] {
    this.#expect('(')
    const args: Expr[] = []
    if (!this.#is(')')) {
      do args.push(this.#expr())
      while (this.#take(','))
    }
    this.#expect(')')
    return args
  }

  #call(at: number, fn: string, args: readonly Expr[], target?: Expr): Expr {
    const macro = this.#options.macros.get(`${fn}/${args.length}`)
    const call: Call = { kind: 'call', at, fn, target, args }
    return macro?.(at, target, args) ?? call
  }

  #primary(): Expr {
    const token = this.#token
    switch (token.kind) {
      case 'int':
      case 'uint':
      case 'double':
        return this.#number('', token.at)
      case 'string':
      case 'bytes':
        this.#next++
        return { kind: 'literal', at: token.at, value: token.bytes ?? token.text }
      case 'ident':
        return this.#named()
      case 'op':
        return this.#bracketed(token)
      default:
        return this.#unexpected()
    }
  }

  #bracketed({ text, at }: Token): Expr {
    this.#next++
    if (Object.hasOwn(constants, text)) return { kind: 'literal', at, value: constants[text] as boolean | null }
    if (text === '(') {
      const expr = this.#expr()
      this.#expect(')')
      return expr
    }
    if (text === '[') return this.#list(at)
    if (text === '{') return { kind: 'map', at, entries: this.#entries() }
    this.#next--
    return text === '.' ? this.#named() : this.#unexpected()
  }

  #number(sign: '-' | '', at: number): Expr {
    const { kind, text } = this.#token
    this.#next++
    if (kind === 'double') {
      const value = Number(sign + text)
      if (!Number.isFinite(value)) this.#fail('invalid double literal', at)
      return { kind: 'literal', at, value: new CelDouble(value) }
    }
    const whole = BigInt(text)
    if (kind === 'uint') {
      if (whole > uintMax) this.#fail('invalid uint literal', at)
      return { kind: 'literal', at, value: new CelUint(whole) }
    }
    const value = sign === '-' ? -whole : whole
    if (value < -(2n ** 63n) || value > 2n ** 63n - 1n) this.#fail('invalid int literal', at)
    return { kind: 'literal', at, value: normalInt(value) }
  }

  #list(at: number): Expr {
    const elements: Expr[] = []
    const optional = new Set<number>()
    while (!this.#is(']')) {
      if (this.#optionalMark()) optional.add(elements.length)
      elements.push(this.#expr())
      if (!this.#take(',')) break
    }
    this.#expect(']')
    return { kind: 'list', at, elements, optional }
  }

  #entries(): MapEntry[] {
    const entries: MapEntry[] = []
    while (!this.#is('}')) {
      const optional = this.#optionalMark()
      const key = this.#expr()
      this.#expect(':')
      entries.push({ key, value: this.#expr(), optional })
      if (!this.#take(',')) break
    }
    this.#expect('}')
    return entries
  }

  #named(): Expr {
    const { at } = this.#token
    const dot = this.#take('.') ? '.' : ''
    const { kind, text } = this.#token
    if (kind !== 'ident') this.#unexpected()
    this.#next++
    if (reserved.has(text) && !this.#startsStruct()) this.#fail(`reserved identifier: ${text}`, at)
    if (this.#is('(')) {
      const open = this.#token.at
      return this.#call(open, dot + text, this.#args())
    }
    if (!this.#startsStruct()) return { kind: 'ident', at, name: dot + text }
    let type = dot + text
    while (this.#take('.')) {
      type += `.${this.#token.text}`
      this.#next++
    }
    const open = this.#expect('{')
    return { kind: 'struct', at: open.at, type, fields: this.#fields() }
  }

  /** ".name.name {" follows. */
  #startsStruct(): boolean {
    let i = this.#next
    while (this.#tokens[i]?.text === '.' && this.#tokens[i]?.kind === 'op' && this.#tokens[i + 1]?.kind === 'ident') i += 2
    return this.#tokens[i]?.kind === 'op' && this.#tokens[i]?.text === '{'
  }

  #fields(): StructField[] {
    const fields: StructField[] = []
    while (!this.#is('}')) {
      const optional = this.#optionalMark()
      const { text, at } = this.#fieldName()
      this.#expect(':')
      fields.push({ at, name: text, value: this.#expr(), optional })
      if (!this.#take(',')) break
    }
    this.#expect('}')
    return fields
  }
}
