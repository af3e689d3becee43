/**
 * Values while an expression runs. The frequent ones are plain: bool, string and null are JavaScript's, an int is a number while
 * it is safe and a bigint beyond (so that `===` of two ints is their equality), everything else is an instance of a class below.
 * Errors are values: whoever gets one hands it on, except `&&`, `||` and `?:`, which may do without it.
 */
import type { ObjectType, Type } from './types.js'

export type CelInt = number | bigint
export type CelValue =
  | boolean
  | CelInt
  | string
  | null
  | CelDouble
  | CelUint
  | Uint8Array
  | CelList
  | CelMap
  | CelObject
  | CelOpaque
  | CelTimestamp
  | CelDuration
  | CelOptional
  | CelTypeValue
  | CelError

export class CelError {
  constructor(readonly message: string) {}
}
export class CelDouble {
  constructor(readonly value: number) {}
}
export class CelUint {
  constructor(readonly value: bigint) {}
}
/** Since 1970, in nanoseconds. */
export class CelTimestamp {
  constructor(readonly nanos: bigint) {}
}
export class CelDuration {
  constructor(readonly nanos: bigint) {}
}
export class CelOptional {
  constructor(readonly value: CelValue | undefined) {}
}
export class CelTypeValue {
  constructor(readonly type: Type) {}
}
export const noOptional = new CelOptional(undefined)

/** A value of an opaque type. */
export abstract class CelOpaque {
  abstract readonly type: Type
  abstract equals(other: CelValue): boolean
  /** For costs; 1 unless there is more to look at. */
  get size(): number {
    return 1
  }
}

export abstract class CelList {
  abstract readonly size: number
  abstract at(index: number): CelValue
  /** Sets and map lists join in a way of their own. */
  concat(other: CelList): CelList {
    return new JoinedList(this, other)
  }
  /** undefined: compared item by item, in order. */
  equalsOwn(_other: CelList): boolean | undefined {
    return undefined
  }
  values(): CelValue[] {
    return Array.from({ length: this.size }, (_, i) => this.at(i))
  }
}

export class ArrayList extends CelList {
  constructor(readonly items: CelValue[]) {
    super()
  }
  get size(): number {
    return this.items.length
  }
  at(index: number): CelValue {
    return this.items[index] as CelValue
  }
  override values(): CelValue[] {
    return this.items
  }
}

/** Doubling is cheap: a few steps would make more than memory has. */
export const sizeMax = 10_000_000

/** Ends an evaluation that makes something of more elements or characters than any request can hold. */
export class TooLarge extends Error {
  constructor() {
    super(`a value has more than ${sizeMax} elements or characters`)
  }
}

/** Two lists one after the other, copied only when somebody goes through them. */
class JoinedList extends CelList {
  #items: CelValue[] | undefined
  readonly size: number
  constructor(
    readonly first: CelList,
    readonly second: CelList,
  ) {
    super()
    this.size = first.size + second.size
  }
  at(index: number): CelValue {
    return JoinedList.#find(this, index)
  }
  static #find(joined: JoinedList, index: number): CelValue {
    let list: CelList = joined
    let place = index
    while (list instanceof JoinedList) {
      if (list.#items) return list.#items[place] as CelValue
      const { size } = list.first
      if (place < size) list = list.first
      else {
        place -= size
        list = list.second
      }
    }
    return list.at(place)
  }
  override values(): CelValue[] {
    if (this.#items) return this.#items
    if (this.size > sizeMax) throw new TooLarge()
    const items: CelValue[] = []
    const open: CelList[] = [this]
    for (let list = open.pop(); list; list = open.pop()) {
      if (list instanceof JoinedList && !list.#items) open.push(list.second, list.first)
      else for (const item of list.values()) items.push(item)
    }
    return (this.#items = items)
  }
}

export abstract class CelMap {
  abstract readonly size: number
  /** undefined: there is no such key. */
  abstract get(key: CelValue): CelValue | undefined
  abstract has(key: CelValue): boolean
  abstract keys(): CelValue[]
}

export class KeyedMap extends CelMap {
  readonly #entries = new Map<unknown, [key: CelValue, value: CelValue]>()
  get size(): number {
    return this.#entries.size
  }
  get(key: CelValue): CelValue | undefined {
    return this.#entries.get(mapKey(key))?.[1]
  }
  has(key: CelValue): boolean {
    return this.#entries.has(mapKey(key))
  }
  keys(): CelValue[] {
    return Array.from(this.#entries.values(), ([key]) => key)
  }
  set(key: CelValue, value: CelValue): void {
    this.#entries.set(mapKey(key), [key, value])
  }
}

/** Numbers of different types are the same key when they are the same number. */
export function mapKey(key: CelValue): unknown {
  if (key instanceof CelUint) return normalInt(key.value)
  if (key instanceof CelDouble) return Number.isInteger(key.value) ? normalInt(BigInt(key.value)) : key
  return key
}

/** A value whose members are declared. */
export abstract class CelObject {
  abstract readonly type: ObjectType
  /** undefined: the member is not set. */
  abstract get(field: string): CelValue | undefined
  abstract equals(other: CelValue): boolean
  /** Its members when they can be gone through. */
  fields(): readonly string[] {
    return []
  }
}

const intMin = -(2n ** 63n)
const intMax = 2n ** 63n - 1n
export const uintMax = 2n ** 64n - 1n
const safeMax = BigInt(Number.MAX_SAFE_INTEGER)

/** An int's one form. */
export function normalInt(value: bigint): CelInt {
  return value <= safeMax && value >= -safeMax ? Number(value) : value
}

export function intOrError(value: bigint, error: CelError): CelInt | CelError {
  return value < intMin || value > intMax ? error : normalInt(value)
}

export function uintOrError(value: bigint, error: CelError): CelUint | CelError {
  return value < 0n || value > uintMax ? error : new CelUint(value)
}

export const isInt = (value: CelValue): value is CelInt => typeof value === 'number' || typeof value === 'bigint'

/** Code points of a text, which are what CEL counts. */
export function textLength(text: string): number {
  let surrogates = 0
  for (let i = 0; i < text.length - 1; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) surrogates++
  }
  return text.length - surrogates
}

/** cel-go's Sizer: what costs are reckoned from. */
export function sizeOf(value: CelValue): number {
  if (typeof value === 'string') return textLength(value)
  if (typeof value !== 'object' || value === null) return 1
  if (value instanceof CelList || value instanceof CelMap || value instanceof CelOpaque) return value.size
  return value instanceof Uint8Array ? value.length : 1
}
