/** Where a rule says its fault lies: ".spec.x", ".map['a.key']" (KEP-4008 fieldPath). */
import type { JSONSchemaProps } from '../../types/apiextensions-v1.js'
import { additionalOf } from '../members.js'

const step = /\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\]/y
const escapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
}

/** As faults write it, "spec.x" or "map[a.key]"; undefined when it leads nowhere. */
export function ruleFieldPath(path: string, schema: JSONSchemaProps): string | undefined {
  let at: JSONSchemaProps | undefined = schema
  let text = ''
  step.lastIndex = 0
  while (step.lastIndex < path.length) {
    const match = step.exec(path)
    if (!match || !at) return undefined
    const name = match[1] ?? unescaped(match[2] as string)
    if (name === undefined) return undefined
    if (at.properties) {
      text += text === '' ? name : `.${name}`
      at = Object.hasOwn(at.properties, name) ? (at.properties as Record<string, JSONSchemaProps>)[name] : undefined
    } else {
      text += `[${name}]`
      at = additionalOf(at)
    }
    if (!at) return undefined
  }
  return text === '' ? undefined : text
}

function unescaped(text: string): string | undefined {
  let isGood = true
  const plain = text.replace(/\\(.)/g, (_, char: string) => {
    const code = escapes[char]
    if (code === undefined) isGood = false
    return code ?? ''
  })
  return isGood ? plain : undefined
}
