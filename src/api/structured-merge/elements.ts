/** The names that members and items have in a set of fields (FieldsV1): "f:name", "k:{keys}", "v:value". */
import type { ListType, MergeKey } from './merge-type.js'

export type Members = Readonly<Record<string, unknown>>

export function isMap(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isEmptyMap(map: Members): boolean {
  for (const _ in map) return false
  return true
}

const fieldElements = new Map<string, string>()
/** Names of fields are few; keys of labels and data are not, and are not remembered beyond this. */
const fieldElementsMax = 4096

export function fieldElement(name: string): string {
  let element = fieldElements.get(name)
  if (element === undefined) {
    element = `f:${name}`
    if (fieldElements.size < fieldElementsMax) fieldElements.set(name, element)
  }
  return element
}

/** The name of an item, or (a string that begins with "!") what is wrong with it. */
export function itemElement(list: ListType, item: unknown): string {
  return list.relation === 'set' ? setElement(item) : keyElement(list.keys, item)
}

export function isFaulty(element: string): boolean {
  return element.startsWith('!')
}

function setElement(item: unknown): string {
  if (item === null) return "!associative list without keys has an element that's an explicit null"
  if (typeof item === 'object')
    return Array.isArray(item)
      ? '!not supported: associative list with lists as elements'
      : "!associative list without keys has an element that's a map type"
  return `v:${JSON.stringify(item)}`
}

function keyElement(keys: readonly MergeKey[], item: unknown): string {
  if (item === null) return '!associative list with keys may not contain null elements'
  if (!isMap(item)) return '!associative list with keys may not contain non-map elements'
  let text = ''
  for (const { name, default: standard } of keys) {
    const own = item[name]
    const value = own === undefined ? standard : own
    if (value !== undefined) text += `${text === '' ? 'k:{' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`
  }
  if (text === '') return '!associative list with keys has an element that omits all key fields'
  return `${text}}`
}

/** The element as paths in messages have it: ".name", `[name="web"]`, `[="value"]`. */
export function elementText(element: string): string {
  const value = element.slice(2)
  switch (element.slice(0, 2)) {
    case 'f:':
      return `.${value}`
    case 'v:':
      return `[=${value}]`
    case 'k:': {
      const keys = JSON.parse(value) as Record<string, unknown>
      const parts = Object.keys(keys).map((name) => `${name}=${JSON.stringify(keys[name])}`)
      return `[${parts.join(',')}]`
    }
    default:
      return `[${value}]`
  }
}
