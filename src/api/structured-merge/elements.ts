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

const faulty = 0x21

/** The name of an item, or (a string that begins with "!") what is wrong with it. */
export function itemElement(list: ListType, item: unknown): string {
  return list.relation === 'set' ? setElement(item) : keyElement(list.keys, item)
}

export function isFaulty(element: string): boolean {
  return element.charCodeAt(0) === faulty
}

function setElement(item: unknown): string {
  if (item === null) return "!associative list without keys has an element that's an explicit null"
  if (typeof item === 'object')
    return Array.isArray(item)
      ? '!not supported: associative list with lists as elements'
      : "!associative list without keys has an element that's a map type"
  return `v:${JSON.stringify(item)}`
}

/** Keys are mostly one string, and mostly the same ones. */
const remembered = new WeakMap<readonly MergeKey[], Map<string, string>>()
const rememberedMax = 1024

function keyElement(keys: readonly MergeKey[], item: unknown): string {
  if (item === null) return '!associative list with keys may not contain null elements'
  if (!isMap(item)) return '!associative list with keys may not contain non-map elements'
  const [only] = keys
  const value = only && keys.length === 1 ? item[only.name] : undefined
  if (typeof value !== 'string') return newKeyElement(keys, item)
  let known = remembered.get(keys)
  if (!known) remembered.set(keys, (known = new Map()))
  let element = known.get(value)
  if (element === undefined) {
    element = newKeyElement(keys, item)
    if (known.size < rememberedMax) known.set(value, element)
  }
  return element
}

function newKeyElement(keys: readonly MergeKey[], item: Members): string {
  let text = ''
  for (const { name, default: standard } of keys) {
    const own = item[name]
    const value = own === undefined ? standard : own
    if (value !== undefined) text += `${text === '' ? 'k:{' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`
  }
  if (text === '') return '!associative list with keys has an element that omits all key fields'
  return `${text}}`
}

/** Whether two items have the same name, without making it. */
export function isSameItem(list: ListType, a: unknown, b: unknown): boolean {
  if (list.relation === 'set') return a === b && typeof a !== 'object'
  if (!isMap(a) || !isMap(b)) return false
  let count = 0
  for (const { name, default: standard } of list.keys) {
    const value = a[name] ?? standard
    if (value !== (b[name] ?? standard) || typeof value === 'object') return false
    if (value !== undefined) count++
  }
  return count > 0
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
