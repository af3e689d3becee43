/** Equality, order, membership, size, indexes. */
import { indexOf, optionalIndex } from '../access.js'
import { comparisonCost, equalityCost, membershipCost } from '../cost.js'
import { compare, equals } from '../equality.js'
import { fn, type FunctionDeclaration, global, member, type Overload } from '../functions.js'
import {
  boolType,
  bytesType,
  doubleType,
  durationType,
  dynType,
  intType,
  listOf,
  mapOf,
  optionalOf,
  stringType,
  timestampType,
  type Type,
  typeParameter,
  uintType,
} from '../types.js'
import { CelError, type CelList, type CelMap, type CelValue, sizeOf } from '../values.js'

const T = typeParameter('T')
const K = typeParameter('K')
const V = typeParameter('V')

const ordered: readonly (readonly [name: string, type: Type])[] = [
  ['int64', intType],
  ['uint64', uintType],
  ['double', doubleType],
  ['string', stringType],
  ['bytes', bytesType],
  ['bool', boolType],
  ['timestamp', timestampType],
  ['duration', durationType],
]
const numeric = ordered.slice(0, 3)

function order(name: string, id: string, holds: (order: number) => boolean): FunctionDeclaration {
  const call = (a: CelValue, b: CelValue) => {
    const order = compare(a, b)
    return order instanceof CelError ? order : order !== undefined && holds(order)
  }
  const same = ordered.map(([of, type]): Overload => {
    const cost = of === 'string' || of === 'bytes' ? comparisonCost : undefined
    return global(`${id}_${of}`, [type, type], boolType, call, cost)
  })
  const across = numeric.flatMap(([left, leftType]) =>
    numeric
      .filter(([right]) => right !== left)
      .map(([right, rightType]) => global(`${id}_${left}_${right}`, [leftType, rightType], boolType, call)),
  )
  return fn(name, ...same, ...across)
}

const includes = (value: CelValue, list: CelList) => {
  for (let i = 0; i < list.size; i++) if (equals(value, list.at(i))) return true
  return false
}

const sized: readonly (readonly [name: string, type: Type])[] = [
  ['string', stringType],
  ['bytes', bytesType],
  ['list', listOf(T)],
  ['map', mapOf(K, V)],
]

export const comparison = [
  fn(
    '_==_',
    global('equals', [T, T], boolType, (a: CelValue, b: CelValue) => equals(a, b), equalityCost),
  ),
  fn(
    '_!=_',
    global('not_equals', [T, T], boolType, (a: CelValue, b: CelValue) => !equals(a, b), comparisonCost),
  ),
  order('_<_', 'less', (order) => order < 0),
  order('_<=_', 'less_equals', (order) => order <= 0),
  order('_>_', 'greater', (order) => order > 0),
  order('_>=_', 'greater_equals', (order) => order >= 0),
  fn(
    '@in',
    global('in_list', [T, listOf(T)], boolType, includes, membershipCost),
    global('in_map', [K, mapOf(K, V)], boolType, (key: CelValue, map: CelMap) => map.has(key)),
  ),
  fn(
    'size',
    ...sized.map(([name, type]) => global(`size_${name}`, [type], intType, sizeOf)),
    ...sized.map(([name, type]) => member(`${name}_size`, [type], intType, sizeOf)),
  ),
  fn(
    '_[_]',
    global('index_list', [listOf(T), intType], T, indexOf),
    global('index_map', [mapOf(K, V), K], V, indexOf),
    global('optional_list_index_int', [optionalOf(listOf(T)), intType], optionalOf(T), indexOf),
    global('optional_map_index_value', [optionalOf(mapOf(K, V)), K], optionalOf(V), indexOf),
  ),
  fn(
    '_[?_]',
    global('list_optindex_optional_int', [listOf(T), intType], optionalOf(T), optionalIndex),
    global('optional_list_optindex_optional_int', [optionalOf(listOf(T)), intType], optionalOf(T), optionalIndex),
    global('map_optindex_optional_value', [mapOf(K, V), K], optionalOf(V), optionalIndex),
    global('optional_map_optindex_optional_value', [optionalOf(mapOf(K, V)), K], optionalOf(V), optionalIndex),
  ),
  fn(
    '!_',
    global('logical_not', [boolType], boolType, (value: boolean) => !value),
  ),
  fn('_&&_', logical('logical_and')),
  fn('_||_', logical('logical_or')),
  fn('_?_:_', global('conditional', [boolType, T, T], T, untaken)),
  fn('@not_strictly_false', global('not_strictly_false', [boolType], boolType, untaken)),
  fn(
    'cel.@mapInsert',
    global('@mapInsert_map_key_value', [mapOf(K, V), K, V], mapOf(K, V), untaken),
    global('@mapInsert_map_map', [mapOf(K, V), mapOf(K, V)], mapOf(K, V), insertAll),
  ),
  fn(
    'dyn',
    global('to_dyn', [T], dynType, (value: CelValue) => value),
  ),
]

function logical(id: string): Overload {
  return global(id, [boolType, boolType], boolType, untaken)
}

/** The compiler evaluates these itself: not all of their arguments are always looked at. */
function untaken(): CelValue {
  return new CelError('no such overload')
}

function insertAll(into: CelMap, from: CelMap): CelValue {
  const into2 = into as CelMap & { set?(key: CelValue, value: CelValue): void }
  if (!into2.set) return untaken()
  for (const key of from.keys()) {
    if (into.has(key)) return new CelError(`insert failed: key ${String(key)} already exists`)
    into2.set(key, from.get(key) as CelValue)
  }
  return into
}
