/** Records as text (RFC 1035, 5.1): "name. 60 IN A 10.0.0.1". Throws a plain Error that says what is wrong. */
import { classes, classOf, typeName, typeOf, types } from './constants.js'
import { absolute, isName } from './name.js'
import { addressData, characterString, type Rr, shorts, soa } from './record.js'

const defaultTtl = 3600

export function parseRecord(text: string): Rr {
  const words = wordsOf(text)
  const [name, ...rest] = words
  if (name === undefined || !isName(absolute(name.text))) throw new Error(`no record: ${JSON.stringify(text)}`)
  let ttl = defaultTtl
  let cls: number = classes.IN
  // Time to live and class are in either order, or left out.
  while (rest.length > 0) {
    const word = rest[0]?.text as string
    if (/^\d+$/.test(word)) ttl = Number(word)
    else if (classOf(word) !== undefined && typeOf(word) === undefined) cls = classOf(word) as number
    else break
    rest.shift()
  }
  const typeWord = rest.shift()?.text ?? ''
  const type = typeOf(typeWord)
  if (type === undefined) throw new Error(`unknown type ${JSON.stringify(typeWord)} in ${JSON.stringify(text)}`)
  const data = dataOf(
    type,
    rest.map((word) => word.text),
    text,
  )
  return { name: absolute(name.text), type, class: cls, ttl, data }
}

function dataOf(type: number, words: readonly string[], text: string): (Uint8Array | string)[] {
  const wrong = () => new Error(`bad ${typeName(type)} record: ${JSON.stringify(text)}`)
  const name = (at: number) => {
    const word = words[at]
    if (word === undefined || !isName(absolute(word))) throw wrong()
    return absolute(word)
  }
  const short = (at: number) => {
    const word = words[at]
    if (word === undefined || !/^\d+$/.test(word) || Number(word) > 65_535) throw wrong()
    return Number(word)
  }
  const exactly = (count: number) => {
    if (words.length !== count) throw wrong()
  }
  switch (type) {
    case types.A:
    case types.AAAA: {
      exactly(1)
      const data = addressData(words[0] as string)
      if (data?.type !== type) throw wrong()
      return [data.bytes]
    }
    case types.NS:
    case types.CNAME:
    case types.DNAME:
    case types.PTR:
      exactly(1)
      return [name(0)]
    case types.MX:
      exactly(2)
      return [shorts(short(0)), name(1)]
    case types.SRV:
      exactly(4)
      return [shorts(short(0), short(1), short(2)), name(3)]
    case types.TXT:
    case types.SPF:
      if (words.length === 0) throw wrong()
      return words.map(characterString)
    case types.HINFO:
      exactly(2)
      return words.map(characterString)
    case types.SOA: {
      exactly(7)
      const [serial, refresh, retry, expire, minimum] = words.slice(2).map(Number) as [number, number, number, number, number]
      if (![serial, refresh, retry, expire, minimum].every(Number.isInteger)) throw wrong()
      return [...soa('.', 0, { mname: name(0), rname: name(1), serial, refresh, retry, expire, minimum }).data]
    }
    case types.CAA: {
      exactly(3)
      return [Uint8Array.of(short(0) & 255), characterString(words[1] as string), new TextEncoder().encode(words[2])]
    }
    default:
      return genericData(words, wrong)
  }
}

/** RFC 3597: \# LENGTH HEX */
function genericData(words: readonly string[], wrong: () => Error): Uint8Array[] {
  const [mark, length, ...hex] = words
  const digits = hex.join('')
  if (mark !== '\\#' || !/^([0-9a-f]{2})*$/i.test(digits) || digits.length / 2 !== Number(length)) throw wrong()
  return [Uint8Array.from(digits.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))]
}

function wordsOf(text: string): { readonly text: string }[] {
  const bare = text.replace(/[()]/g, ' ')
  return [...bare.matchAll(/"((?:[^"\\]|\\.)*)"|[^\s"]+/g)].map(([whole, quoted]) => ({
    text: quoted === undefined ? whole : quoted.replace(/\\(.)/g, '$1'),
  }))
}
