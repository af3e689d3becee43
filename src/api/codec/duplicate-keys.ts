/**
 * Members that are twice in one object of a JSON text: JSON.parse takes the last and says nothing. The text must be sound JSON.
 * A text without such members costs little: it has as many names as its value has members, and both are only counted.
 */
const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const colon = 0x3a

interface Level {
  /** undefined in a list. */
  readonly names: Set<string> | undefined
  name: string
  index: number
}

/** The paths of all that are there more than once, like "spec.containers[0].name". `value` is what JSON.parse made of the text. */
export function duplicateKeys(text: string, value: unknown): string[] {
  return countNames(text) === countMembers(value) ? [] : findDuplicates(text)
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') count += countMembers(item)
    return count
  }
  for (const name of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[name]
    count += typeof member === 'object' ? 1 + countMembers(member) : 1
  }
  return count
}

function countNames(text: string): number {
  let count = 0
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) {
    at = endOfString(text, at)
    if (isName(text, at)) count++
  }
  return count
}

function findDuplicates(text: string): string[] {
  const found: string[] = []
  const levels: Level[] = []
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const level = levels[levels.length - 1]
    if (code === quote) {
      const end = endOfString(text, at)
      if (level?.names && isName(text, end)) enterMember(level, textOf(text, at, end), levels, found)
      at = end
    } else if (code === openBrace) levels.push({ names: new Set(), name: '', index: -1 })
    else if (code === openBracket) levels.push({ names: undefined, name: '', index: 0 })
    else if (code === closeBrace || code === closeBracket) levels.pop()
    else if (code === 0x2c && level && !level.names) level.index++
  }
  return found
}

function enterMember(level: Level, name: string, levels: readonly Level[], found: string[]): void {
  level.name = name
  if (level.names?.has(name)) found.push(pathOf(levels))
  else level.names?.add(name)
}

function endOfString(text: string, from: number): number {
  let end = text.indexOf('"', from + 1)
  while (text.charCodeAt(end - 1) === backslash && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0
  while (text.charCodeAt(at - 1 - slashes) === backslash) slashes++
  return slashes % 2 === 1
}

function isName(text: string, end: number): boolean {
  let at = end + 1
  while (text.charCodeAt(at) <= 0x20) at++
  return text.charCodeAt(at) === colon
}

function textOf(text: string, from: number, end: number): string {
  const raw = text.slice(from + 1, end)
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw
}

function pathOf(levels: readonly Level[]): string {
  let path = ''
  for (const { names, name, index } of levels) path += names ? (path === '' ? name : `.${name}`) : `[${index}]`
  return path
}
