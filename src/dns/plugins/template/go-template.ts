/**
 * The part of Go's text/template that answers are written with: fields, `index`, `parseInt` and `printf` of plain values. What else
 * there is (if, range, variables, pipelines) is refused by its text when the Corefile is read.
 */

/** Throws a plain Error. */
export type Template = (data: TemplateData) => string

export interface TemplateData {
  readonly Zone: string
  readonly Name: string
  readonly Class: string
  readonly Type: string
  readonly Remote: string
  readonly Match: readonly string[]
  readonly Group: ReadonlyMap<string, string>
  readonly Question: { readonly Name: string }
  readonly Message: { readonly Id: number }
}

type Value = string | number | readonly string[] | ReadonlyMap<string, string>
type Expression = (data: TemplateData) => Value

export function compileTemplate(text: string): Template {
  const parts = text.split(/(\{\{[^}]*\}\})/).map((part): string | Expression => {
    const action = /^\{\{-?\s*([^}]*?)\s*-?\}\}$/.exec(part)?.[1]
    return action === undefined ? part : expression(action)
  })
  if (parts.some((part) => typeof part === 'string' && part.includes('{{'))) throw new Error(`unclosed action in ${JSON.stringify(text)}`)
  return (data) => parts.map((part) => (typeof part === 'string' ? part : textOf(part(data)))).join('')
}

function textOf(value: Value): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  throw new Error('a list or map is no text; use index')
}

const fields: Readonly<Record<string, Expression>> = {
  '.Zone': (data) => data.Zone,
  '.Name': (data) => data.Name,
  '.Class': (data) => data.Class,
  '.Type': (data) => data.Type,
  '.Remote': (data) => data.Remote,
  '.Match': (data) => data.Match,
  '.Group': (data) => data.Group,
  '.Question.Name': (data) => data.Question.Name,
  '.Message.Id': (data) => data.Message.Id,
}

function expression(action: string): Expression {
  const words = action.match(/"[^"]*"|[^\s()]+|[()]/g) ?? []
  const reader = { words, at: 0 }
  const value = call(reader, action)
  if (reader.at < words.length) throw refused(action)
  return value
}

const refused = (action: string) => new Error(`the template action {{${action}}} is not implemented by Quorate`)

interface Words {
  readonly words: readonly string[]
  at: number
}

function call(reader: Words, action: string): Expression {
  const name = reader.words[reader.at]
  const args = () => {
    reader.at++
    const found: Expression[] = []
    while (reader.at < reader.words.length && reader.words[reader.at] !== ')') found.push(operand(reader, action))
    return found
  }
  if (name === 'index') {
    const [of, ...keys] = args()
    if (!of || keys.length !== 1) throw refused(action)
    return (data) => at(of(data), (keys[0] as Expression)(data))
  }
  if (name === 'parseInt') {
    const [text, base, bits] = args()
    if (!text || !base || !bits) throw refused(action)
    return (data) => {
      const value = Number.parseInt(String(text(data)), Number(base(data)))
      if (!Number.isInteger(value) || value >= 2 ** Number(bits(data))) throw new Error(`parseInt: ${String(text(data))} is no such number`)
      return value
    }
  }
  return operand(reader, action)
}

function operand(reader: Words, action: string): Expression {
  const word = reader.words[reader.at++] ?? ''
  if (word === '(') {
    const inner = call(reader, action)
    if (reader.words[reader.at++] !== ')') throw refused(action)
    return inner
  }
  if (/^\d+$/.test(word)) return () => Number(word)
  if (word.startsWith('"')) return () => word.slice(1, -1)
  const field = Object.hasOwn(fields, word) ? fields[word] : undefined
  if (field) return field
  const group = /^\.Group\.(\w+)$/.exec(word)?.[1]
  // Go prints an absent key of a map of strings as nothing.
  if (group) return (data) => data.Group.get(group) ?? ''
  throw refused(action)
}

function at(value: Value, key: Value): string {
  if (value instanceof Map) return value.get(String(key)) ?? ''
  const item = Array.isArray(value) ? (value as readonly string[])[Number(key)] : undefined
  if (item === undefined) throw new Error(`index out of range: ${String(key)}`)
  return item
}
