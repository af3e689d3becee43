/** cel-go's ext.Strings up to version 2, the one that Kubernetes enables; positions count code points. */
import {
  type CallCost,
  conversionCost,
  type CostedNode,
  plus,
  type Range,
  scaled,
  times,
  traversalCost,
  traversalFactor,
  unknownSize,
} from '../cost.js'
import { fn, global, type Library, member } from '../functions.js'
import { dynType, intType, listOf, stringType } from '../types.js'
import { ArrayList, CelError, type CelInt, type CelList, type CelValue, isInt, sizeMax, sizeOf, textLength, TooLarge } from '../values.js'
import { indexCost } from './list-costs.js'
import { formatText, plainPower, type PowerText, raisedPower } from './string-format.js'

const isPlain = (text: string) => textLength(text) === text.length
const outOfRange = (index: CelInt) => new CelError(`index out of range: ${index}`)

/** Units before the code point at `index`. */
function offsetAt(text: string, index: number): number {
  if (isPlain(text)) return index
  let offset = 0
  for (let i = 0; i < index; i++) offset += (text.codePointAt(offset) as number) > 0xffff ? 2 : 1
  return offset
}

const codePointsBefore = (text: string, offset: number) => textLength(text.slice(0, offset))

function charAt(text: string, index: CelInt): CelValue {
  const at = Number(index)
  const length = textLength(text)
  if (at < 0 || at > length) return outOfRange(index)
  if (at === length) return ''
  return String.fromCodePoint(text.codePointAt(offsetAt(text, at)) as number)
}

function indexOf(text: string, part: string, from: CelInt = 0): CelValue {
  const start = Number(from)
  if (start < 0) return outOfRange(from)
  const length = textLength(text)
  if (part === '') return Math.min(start, length)
  const found = start >= length ? -1 : text.indexOf(part, offsetAt(text, start))
  return found < 0 ? -1 : codePointsBefore(text, found)
}

function lastIndexOf(text: string, part: string, from?: CelInt): CelValue {
  const length = textLength(text)
  const start = from === undefined ? length - 1 : Number(from)
  if (from !== undefined && start < 0) return outOfRange(from)
  if (part === '') return from === undefined ? length : Math.min(start, length)
  const found = start >= length ? -1 : text.lastIndexOf(part, offsetAt(text, start))
  return found < 0 ? -1 : codePointsBefore(text, found)
}

function substring(text: string, from: CelInt, to?: CelInt): CelValue {
  const length = textLength(text)
  const start = Number(from)
  const end = to === undefined ? length : Number(to)
  if (start < 0 || start > length) return outOfRange(from)
  if (end < 0 || end > length) return outOfRange(to ?? end)
  if (end < start) return new CelError(`invalid substring range. start: ${start}, end: ${end}`)
  return text.slice(offsetAt(text, start), offsetAt(text, end))
}

function replace(text: string, old: string, by: string, times: CelInt = -1): CelValue {
  const max = Number(times)
  const places = old === '' ? text.length + 1 : Math.ceil(text.length / old.length)
  if (text.length + (max < 0 ? places : Math.min(places, max)) * by.length > sizeMax) throw new TooLarge()
  if (max < 0) return text.replaceAll(old, () => by)
  let rest = text
  let done = ''
  for (let i = 0; i < max; i++) {
    const at = old === '' ? (i === 0 ? 0 : rest === '' ? -1 : (rest.codePointAt(0) as number) > 0xffff ? 2 : 1) : rest.indexOf(old)
    if (at < 0) break
    done += rest.slice(0, at) + by
    rest = rest.slice(at + old.length)
  }
  return done + rest
}

function split(text: string, by: string, limit: CelInt = -1): CelValue {
  const max = Number(limit)
  if (max === 0) return new ArrayList([])
  const parts = by === '' ? Array.from(text) : text.split(by)
  if (max > 0 && parts.length > max) return new ArrayList([...parts.slice(0, max - 1), parts.slice(max - 1).join(by)])
  return new ArrayList(parts)
}

function join(list: CelList, by = ''): CelValue {
  const parts = list.values()
  if (parts.length * by.length > sizeMax) throw new TooLarge()
  return parts.every((part) => typeof part === 'string') ? parts.join(by) : new CelError('no such overload')
}

/** Unicode's white space, as Go's strings.TrimSpace sees it. */
const space = '\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const around = new RegExp(`^[${space}]+|[${space}]+$`, 'g')

const escapes: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
}
const quote = (text: string) => `"${text}"`.replace(/(?!^)[\u0007\b\f\n\r\t\v\\"](?!$)/g, (char) => escapes[char] as string)

const sizeAt = (args: readonly CostedNode[], i: number): Range => args[i]?.size ?? unknownSize

/** Goes through the text and makes another. */
const twice = (resize: (args: readonly CostedNode[]) => Range): CallCost => ({
  actual: (args) => Math.ceil(sizeOf(args[0] as CelValue) * 2 * traversalFactor),
  estimate: (args) => ({ cost: scaled(sizeAt(args, 0), 2 * traversalFactor), size: resize(args) }),
})

/** The longest and shortest that replacing can leave. */
function replacedSize(args: readonly CostedNode[]): Range {
  const [text, old, by] = [sizeAt(args, 0), sizeAt(args, 1), sizeAt(args, 2)]
  let [countMax, keptMax] = [0, 0]
  if (old.min === 0) [countMax, keptMax] = [text.max + 1, text.max]
  else if (by.max <= old.min) keptMax = text.max
  else countMax = Math.ceil(text.max / old.min)
  let [countMin, keptMin] = [0, 0]
  if (old.max === 0) [countMin, keptMin] = [text.min + 1, text.min]
  else if (old.max <= by.min) keptMin = text.min
  else countMin = Math.ceil(text.min / old.max)
  return plus(times({ min: countMin, max: countMax }, by), { min: keptMin, max: keptMax })
}

/** At worst every character is a part of its own. */
function partCount(args: readonly CostedNode[]): Range {
  const limit = args[2]?.literal
  return { min: 0, max: limit !== undefined && isInt(limit) && Number(limit) >= 0 ? Number(limit) : sizeAt(args, 0).max }
}

const joinCost: CallCost = {
  actual: (_, result) => Math.ceil(sizeOf(result) * 2 * traversalFactor),
  estimate: (args) => {
    const count = sizeAt(args, 0)
    const element = args[0]?.element()
    let size: Range = element ? times(count, element.size ?? unknownSize) : { min: 0, max: 0 }
    if (args.length > 1) size = plus(size, times(sizeAt(args, 1), { min: Math.max(0, count.min - 1), max: Math.max(0, count.max - 1) }))
    return { cost: scaled(size, traversalFactor), size }
  },
}

const [text, whole] = [stringType, intType]
const through = traversalCost(0, { keepsSize: true })
const quoteCost = conversionCost(({ min, max }) => ({ min: min + 2, max: max * 2 + 2 }))

const stringsWith = (powerText: PowerText): Library => ({
  functions: [
    fn('charAt', member('string_char_at_int', [text, whole], text, charAt)),
    fn(
      'indexOf',
      member('string_index_of_string', [text, text], whole, indexOf, indexCost),
      member('string_index_of_string_int', [text, text, whole], whole, indexOf, indexCost),
    ),
    fn(
      'lastIndexOf',
      member('string_last_index_of_string', [text, text], whole, lastIndexOf, indexCost),
      member('string_last_index_of_string_int', [text, text, whole], whole, lastIndexOf, indexCost),
    ),
    fn(
      'lowerAscii',
      member('string_lower_ascii', [text], text, (value: string) => value.replace(/[A-Z]+/g, (part) => part.toLowerCase()), through),
    ),
    fn(
      'upperAscii',
      member('string_upper_ascii', [text], text, (value: string) => value.replace(/[a-z]+/g, (part) => part.toUpperCase()), through),
    ),
    fn(
      'replace',
      member('string_replace_string_string', [text, text, text], text, replace, twice(replacedSize)),
      member('string_replace_string_string_int', [text, text, text, whole], text, replace, twice(replacedSize)),
    ),
    fn(
      'split',
      member('string_split_string', [text, text], listOf(text), split, twice(partCount)),
      member('string_split_string_int', [text, text, whole], listOf(text), split, twice(partCount)),
    ),
    fn(
      'substring',
      member('string_substring_int', [text, whole], text, substring, through),
      member('string_substring_int_int', [text, whole, whole], text, substring, through),
    ),
    fn(
      'trim',
      member('string_trim', [text], text, (value: string) => value.replace(around, ''), through),
    ),
    fn(
      'join',
      member('list_join', [listOf(text)], text, join, joinCost),
      member('list_join_string', [listOf(text), text], text, join, joinCost),
    ),
    fn(
      'format',
      member(
        'string_format',
        [text, listOf(dynType)],
        text,
        (format: string, args: CelList) => formatText(format, args, powerText),
        traversalCost(0),
      ),
    ),
    fn('strings.quote', global('strings_quote', [text], text, quote, quoteCost)),
  ],
})

export const stringsLibrary = stringsWith(plainPower)
/** Version 2, which Kubernetes has. */
export const olderStringsLibrary = stringsWith(raisedPower)
