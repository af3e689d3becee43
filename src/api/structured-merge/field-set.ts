/** The fields that an object has, as a set: what an applied configuration speaks about. */
import { fieldElement, isEmptyMap, isFaulty, isMap, itemElement, type Members } from './elements.js'
import { type FieldTree, leaf } from './field-tree.js'
import type { ListType, MapType, MergeType, ScalarType } from './merge-type.js'

/** The object does not fit its schema. The message begins with the path, as upstream's does. */
export class TypedError extends Error {
  override readonly name = 'TypedError'
}

interface Walk {
  /** A configuration must fit its schema, and name an item once; an object that is there is taken as it is. */
  readonly strict: boolean
  /** Kept only for a message. */
  readonly path: string[] | undefined
}

/** The fields of an applied configuration. Throws TypedError when it has members that the schema does not know, or items twice. */
export function fieldsOfConfiguration(type: MergeType, object: Members): FieldTree | undefined {
  try {
    return fieldsOf(type, object, { strict: true, path: undefined }, false)
  } catch (error) {
    // Once more, keeping the path, for the message.
    if (error instanceof TypedError) fieldsOf(type, object, { strict: true, path: [] }, false)
    throw error
  }
}

const lenient: Walk = { strict: false, path: undefined }

/** The fields of an object as it is. */
export function fieldsOfObject(type: MergeType, object: Members): FieldTree | undefined {
  return fieldsOf(type, object, lenient, false)
}

function refuse({ path }: Walk, why: string): TypedError {
  return new TypedError(`${path?.join('') ?? ''}: ${why}`)
}

/** `own`: the value is a field itself, besides what it holds. */
function fieldsOf(type: MergeType, value: unknown, walk: Walk, own: boolean): FieldTree | undefined {
  if (typeof value === 'object' && value !== null) {
    if (Array.isArray(value)) {
      if (type.list) return listFields(type.list, value, walk, own)
    } else if (type.map) return mapFields(type.map, value as Members, walk, own)
  } else if (value === null) {
    return own ? leaf : nullFields(type)
  } else if (type.scalar && fits(type.scalar, value)) return leaf
  if (walk.strict) throw refuse(walk, describeMisfit(type, value))
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

function listFields(list: ListType, items: readonly unknown[], walk: Walk, own: boolean): FieldTree | undefined {
  const { strict, path } = walk
  const itemType = list.item()
  if (list.relation === 'atomic') {
    if (!strict) return leaf
    for (let index = 0; index < items.length; index++) {
      path?.push(`[${index}]`)
      fieldsOf(itemType, items[index], walk, false)
      path?.pop()
    }
    return leaf
  }
  let result: FieldTree | undefined
  let twice: Set<string> | undefined
  for (let index = 0; index < items.length; index++) {
    const item = items[index]
    const element = itemElement(list, item)
    if (isFaulty(element)) {
      if (strict) throw refuse(walk, `element ${index}: ${element.slice(1)}`)
      continue
    }
    result ??= own ? { '.': leaf } : {}
    if (result[element] === undefined) {
      path?.push(`[${index}]`)
      result[element] = fieldsOf(itemType, item, walk, true) ?? leaf
      path?.pop()
    } else {
      if (strict) throw refuse(walk, `duplicate entries for key ${element.slice(2)}`)
      ;(twice ??= new Set()).add(element)
    }
  }
  // Of an item that is there more than once only the item itself can be owned.
  if (result && twice) for (const element of twice) result[element] = leaf
  return result ?? (own ? leaf : undefined)
}

function mapFields(map: MapType, members: Members, walk: Walk, own: boolean): FieldTree | undefined {
  const { strict, path } = walk
  if (map.isAtomic && !strict) return leaf
  let result: FieldTree | undefined
  for (const name in members) {
    const value = members[name]
    if (value === undefined) continue
    const declared = map.declared(name)
    const type = declared ?? map.others()
    path?.push(`.${name}`)
    if (!type) {
      if (strict) throw refuse(walk, 'field not declared in schema')
      continue
    }
    const isOwn = !declared || value === null || (isMap(value) && isEmptyMap(value))
    const field = fieldsOf(type, value, walk, isOwn)
    path?.pop()
    if (field) (result ??= own ? { '.': leaf } : {})[fieldElement(name)] = field
  }
  return map.isAtomic ? leaf : (result ?? (own ? leaf : undefined))
}
