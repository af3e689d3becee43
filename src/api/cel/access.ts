/** Members, keys and indexes of values, plain and optional. */
import { noSuchOverload } from './functions.js'
import { CelDouble, CelError, CelList, CelMap, CelObject, CelOptional, CelUint, type CelValue, noOptional } from './values.js'

const noSuchKey = (key: CelValue) => new CelError(`no such key: ${typeof key === 'object' ? '' : String(key)}`)

/** undefined: it is not set; an error when there can be none. */
function find(value: CelValue, field: string): CelValue | undefined {
  if (value instanceof CelObject || value instanceof CelMap) return value.get(field)
  return value instanceof CelError ? value : noSuchOverload
}

export function fieldOf(value: CelValue, field: string): CelValue {
  if (value instanceof CelOptional) return optionalField(value, field)
  return find(value, field) ?? noSuchKey(field)
}

export function hasField(value: CelValue, field: string): CelValue {
  if (value instanceof CelOptional) return value.value === undefined ? false : hasField(value.value, field)
  if (value instanceof CelMap) return value.has(field)
  const found = find(value, field)
  return found instanceof CelError ? found : found !== undefined
}

/** `value.?field` */
export function optionalField(value: CelValue, field: string): CelValue {
  const inner = value instanceof CelOptional ? value.value : value
  if (inner === undefined) return noOptional
  const found = find(inner, field)
  if (found === undefined) return noOptional
  return found instanceof CelError ? found : new CelOptional(found)
}

/** The place that a number is; undefined when it is none. */
function placeOf(index: CelValue): number | undefined {
  if (typeof index === 'number') return index
  if (index instanceof CelUint) return Number(index.value)
  if (index instanceof CelDouble && Number.isInteger(index.value)) return index.value
  return typeof index === 'bigint' ? Number(index) : undefined
}

function lookUp(value: CelValue, index: CelValue): CelValue | undefined {
  if (value instanceof CelList) {
    const place = placeOf(index)
    if (place === undefined) return new CelError('unsupported index type in list')
    return place >= 0 && place < value.size ? value.at(place) : undefined
  }
  if (value instanceof CelMap) return value.get(index)
  if (value instanceof CelObject && typeof index === 'string') return value.get(index)
  return noSuchOverload
}

export function indexOf(value: CelValue, index: CelValue): CelValue {
  if (value instanceof CelOptional) return optionalIndex(value, index)
  const found = lookUp(value, index)
  if (found !== undefined) return found
  return value instanceof CelList ? new CelError(`index out of bounds: ${placeOf(index)}`) : noSuchKey(index)
}

/** `value[?index]` */
export function optionalIndex(value: CelValue, index: CelValue): CelValue {
  const inner = value instanceof CelOptional ? value.value : value
  if (inner === undefined) return noOptional
  const found = lookUp(inner, index)
  if (found === undefined) return noOptional
  return found instanceof CelError ? found : new CelOptional(found)
}
