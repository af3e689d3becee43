/** JSON as CEL values, made when they are looked at: nothing is copied, and what no expression touches costs nothing. */
import { sameJson } from '../../same-json.js'
import { equals } from '../equality.js'
import type { ObjectType, Type } from '../types.js'
import { CelDouble, CelError, CelList, CelMap, CelObject, type CelValue, normalInt } from '../values.js'

export type Adapter = (raw: unknown) => CelValue

/** A number whose type nobody has told: whole ones are ints, as Kubernetes reads JSON. */
export function numberValue(raw: number | bigint): CelValue {
  if (typeof raw === 'bigint') return normalInt(raw)
  if (!Number.isInteger(raw)) return new CelDouble(raw)
  if (Number.isSafeInteger(raw)) return raw + 0
  return Math.abs(raw) < 2 ** 63 ? BigInt(raw) : new CelDouble(raw)
}

/** Without a schema. */
export function dynamicValue(raw: unknown): CelValue {
  if (raw === null || raw === undefined) return null
  if (typeof raw === 'string' || typeof raw === 'boolean') return raw
  if (typeof raw === 'number' || typeof raw === 'bigint') return numberValue(raw)
  return Array.isArray(raw) ? new JsonList(raw, dynamicValue) : new JsonMap(raw as Record<string, unknown>, dynamicValue)
}

export class JsonList extends CelList {
  constructor(
    readonly raw: readonly unknown[],
    protected readonly adapt: Adapter,
  ) {
    super()
  }
  get size(): number {
    return this.raw.length
  }
  at(index: number): CelValue {
    return this.adapt(this.raw[index])
  }
  override values(): CelValue[] {
    return this.raw.map((each) => this.adapt(each))
  }
}

/** Of what was made by joining, which is a set or map as before. */
const asIs: Adapter = (value) => value as CelValue

/** x-kubernetes-list-type: set. Order does not count, and joining adds what is new. */
export class JsonSet extends JsonList {
  override equalsOwn(other: CelList): boolean {
    const others = other.values()
    return this.size === others.length && this.values().every((each) => others.some((value) => equals(each, value)))
  }
  override concat(other: CelList): CelList {
    const joined = [...this.values()]
    for (const value of other.values()) if (!joined.some((each) => equals(each, value))) joined.push(value)
    return new JsonSet(joined, asIs)
  }
}

/** x-kubernetes-list-type: map. Elements are told apart by their keys. */
export class JsonMapList extends JsonList {
  constructor(
    raw: readonly unknown[],
    adapt: Adapter,
    readonly keys: readonly string[],
  ) {
    super(raw, adapt)
  }
  #key(value: unknown): string {
    const raw = value instanceof JsonObject || value instanceof JsonMap ? value.raw : value
    return JSON.stringify(this.keys.map((key) => (raw as Record<string, unknown> | null)?.[key] ?? null))
  }
  override equalsOwn(other: CelList): boolean {
    if (this.size !== other.size) return false
    const others = new Map(other.values().map((value) => [this.#key(value), value]))
    return this.raw.every((each) => {
      const found = others.get(this.#key(each))
      return found !== undefined && equals(this.adapt(each), found)
    })
  }
  override concat(other: CelList): CelList {
    const joined = new Map(this.values().map((value) => [this.#key(value), value]))
    for (const value of other.values()) joined.set(this.#key(value), value)
    return new JsonMapList([...joined.values()], asIs, this.keys)
  }
}

export class JsonMap extends CelMap {
  constructor(
    readonly raw: Readonly<Record<string, unknown>>,
    readonly adapt: Adapter,
  ) {
    super()
  }
  get size(): number {
    return Object.keys(this.raw).length
  }
  get(key: CelValue): CelValue | undefined {
    return this.has(key) ? this.adapt(this.raw[key as string]) : undefined
  }
  has(key: CelValue): boolean {
    return typeof key === 'string' && Object.hasOwn(this.raw, key)
  }
  keys(): CelValue[] {
    return Object.keys(this.raw)
  }
}

/** A member of an object: how it is called in JSON, and what it is. */
export interface JsonField {
  readonly type: Type
  readonly name: string
  readonly adapt: Adapter
}

export interface JsonObjectType extends ObjectType {
  readonly fields: ReadonlyMap<string, JsonField>
}

export class JsonObject extends CelObject {
  constructor(
    readonly type: JsonObjectType,
    readonly raw: Readonly<Record<string, unknown>>,
  ) {
    super()
  }
  get(field: string): CelValue | undefined {
    const found = this.type.fields.get(field)
    if (!found) return new CelError(`no such field: ${field}`)
    const raw = Object.hasOwn(this.raw, found.name) ? this.raw[found.name] : undefined
    // A member that is null is one that is not there.
    return raw === undefined || raw === null ? undefined : found.adapt(raw)
  }
  override fields(): readonly string[] {
    return [...this.type.fields].filter(([, { name }]) => Object.hasOwn(this.raw, name)).map(([field]) => field)
  }
  equals(other: CelValue): boolean {
    if (!(other instanceof JsonObject)) return false
    const names = Object.keys(this.raw)
    if (names.length !== Object.keys(other.raw).length) return false
    const adapters = new Map([...this.type.fields.values()].map(({ name, adapt }) => [name, adapt]))
    return names.every((name) => {
      if (!Object.hasOwn(other.raw, name)) return false
      const adapt = adapters.get(name)
      return adapt ? equals(adapt(this.raw[name]), adapt(other.raw[name])) : sameJson(this.raw[name], other.raw[name])
    })
  }
}
