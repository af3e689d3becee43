/** The fields that an object has, as a set: what an applied configuration speaks about. */
import { fieldElement, isEmptyMap, isFaulty, isMap, itemElement, type Members } from './elements.js'
import { type FieldTree, leaf, withSelf } from './field-tree.js'
import type { ListType, MapType, MergeType, ScalarType } from './merge-type.js'

/** The object does not fit its schema. The message begins with the path, as upstream's does. */
export class TypedError extends Error {
  override readonly name = 'TypedError'
}

interface Walk {
  /** A configuration must fit its schema, and name an item once; an object that is there is taken as it is. */
  readonly strict: boolean
}

/** The fields of an applied configuration. Throws TypedError when it has members that the schema does not know, or items twice. */
export function fieldsOfConfiguration(type: MergeType, object: Members): FieldTree | undefined {
  return fieldsOf(type, object, { strict: true }, '')
}

/** The fields of an object as it is. */
export function fieldsOfObject(type: MergeType, object: Members): FieldTree | undefined {
  return fieldsOf(type, object, { strict: false }, '')
}

function fieldsOf(type: MergeType, value: unknown, walk: Walk, path: string): FieldTree | undefined {
  if (Array.isArray(value)) {
    if (type.list) return listFields(type.list, value, walk, path)
  } else if (typeof value === 'object' && value !== null) {
    if (type.map) return mapFields(type.map, value as Members, walk, path)
  } else if (value === null) {
    return nullFields(type)
  } else if (type.scalar && fits(type.scalar, value)) return leaf
  if (walk.strict) throw new TypedError(`${path}: ${describeMisfit(type, value)}`)
  return leaf
}

/** A container that falls apart has no field of its own when it is null: its parent says that it is there. */
function nullFields(type: MergeType): FieldTree | undefined {
  if (type.map) return type.map.isAtomic ? leaf : undefined
  if (type.scalar) return leaf
  return type.list?.relation === 'atomic' ? leaf : undefined
}

function fits(scalar: ScalarType, value: unknown): boolean {
  return scalar === 'any' || typeof value === scalar
}

function describeMisfit({ map, list, scalar }: MergeType, value: unknown): string {
  const wanted = map && !scalar ? 'map' : list && !scalar ? 'list' : scalar === 'any' ? 'any scalar' : (scalar ?? 'value')
  return `expected ${wanted === 'number' ? 'numeric' : wanted}, got ${JSON.stringify(value)}`
}

function listFields(list: ListType, items: readonly unknown[], walk: Walk, path: string): FieldTree | undefined {
  if (list.relation === 'atomic') {
    if (walk.strict) for (const [index, item] of items.entries()) fieldsOf(list.item(), item, walk, `${path}[${index}]`)
    return leaf
  }
  let result: FieldTree | undefined
  let twice: Set<string> | undefined
  for (const [index, item] of items.entries()) {
    const element = itemElement(list, item)
    if (isFaulty(element)) {
      if (walk.strict) throw new TypedError(`${path}: element ${index}: ${element.slice(1)}`)
      continue
    }
    result ??= {}
    if (element in result) {
      if (walk.strict) throw new TypedError(`${path}: duplicate entries for key ${element.slice(2)}`)
      ;(twice ??= new Set()).add(element)
    } else result[element] = withSelf(fieldsOf(list.item(), item, walk, `${path}[${index}]`))
  }
  // Of an item that is there more than once only the item itself can be owned.
  if (result && twice) for (const element of twice) result[element] = leaf
  return result
}

function mapFields(map: MapType, members: Members, walk: Walk, path: string): FieldTree | undefined {
  if (map.isAtomic && !walk.strict) return leaf
  let result: FieldTree | undefined
  for (const name in members) {
    const value = members[name]
    if (value === undefined) continue
    const declared = map.declared(name)
    const type = declared ?? map.others()
    if (!type) {
      if (walk.strict) throw new TypedError(`${path}.${name}: field not declared in schema`)
      continue
    }
    const inner = fieldsOf(type, value, walk, walk.strict ? `${path}.${name}` : '')
    const isOwn = !declared || value === null || (isMap(value) && isEmptyMap(value))
    const field = isOwn ? withSelf(inner) : inner
    if (field) (result ??= {})[fieldElement(name)] = field
  }
  return map.isAtomic ? leaf : result
}
