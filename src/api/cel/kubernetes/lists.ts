/** Kubernetes' own list functions, and those of cel-go's ext.Lists (version 3) and ext.Sets. */
import {
  type CallCost,
  type CostedNode,
  exactly,
  listCost,
  plus,
  type Range,
  scaled,
  times,
  traversalFactor,
  unknownSize,
} from '../cost.js'
import { compare, equals } from '../equality.js'
import { fn, type FunctionDeclaration, global, type Library, member } from '../functions.js'
import { indexCost } from '../library/list-costs.js'
import { bindingOf, mapMacro } from '../macros.js'
import { durationOf } from '../time.js'
import {
  boolType,
  bytesType,
  doubleType,
  durationType,
  dynType,
  intType,
  listOf,
  stringType,
  timestampType,
  type Type,
  typeParameter,
  uintType,
} from '../types.js'
import {
  ArrayList,
  CelDouble,
  CelDuration,
  CelError,
  type CelInt,
  CelList,
  CelUint,
  type CelValue,
  intOrError,
  isInt,
  sizeOf,
  uintOrError,
} from '../values.js'

const T = typeParameter('T')
const of = listOf(T)
const ordered: readonly (readonly [string, Type])[] = [
  ['int', intType],
  ['uint', uintType],
  ['double', doubleType],
  ['bool', boolType],
  ['duration', durationType],
  ['timestamp', timestampType],
  ['string', stringType],
  ['bytes', bytesType],
]

const addends: readonly (readonly [string, Type, CelValue])[] = [
  ['int', intType, 0],
  ['uint', uintType, new CelUint(0n)],
  ['double', doubleType, new CelDouble(0)],
  ['duration', durationType, new CelDuration(0n)],
]
const overflow = new CelError('integer overflow')
const mixed = new CelError('no such overload')

function add(a: CelValue, b: CelValue): CelValue {
  if (isInt(a) && isInt(b)) return intOrError(BigInt(a) + BigInt(b), overflow)
  if (a instanceof CelUint && b instanceof CelUint) return uintOrError(a.value + b.value, overflow)
  if (a instanceof CelDouble && b instanceof CelDouble) return new CelDouble(a.value + b.value)
  return a instanceof CelDuration && b instanceof CelDuration ? durationOf(a.nanos + b.nanos) : mixed
}

const sum = (zero: CelValue) => (list: CelList) => {
  const [first = zero, ...more] = list.values()
  let total = first
  for (const each of more) if (!(total instanceof CelError)) total = add(total, each)
  return total
}

function isSorted(list: CelList): CelValue {
  const items = list.values()
  for (let i = 1; i < items.length; i++) {
    const order = compare(items[i - 1] as CelValue, items[i] as CelValue)
    if (order instanceof CelError) return order
    if (order === undefined || order > 0) return false
  }
  return true
}

const extreme = (name: string, isBetter: (order: number) => boolean) => (list: CelList) => {
  const [first, ...more] = list.values()
  if (first === undefined) return new CelError(`${name} called on empty list`)
  let best: CelValue = first
  for (const each of more) {
    const order = compare(each, best)
    if (order instanceof CelError) return order
    if (order !== undefined && isBetter(order)) best = each
  }
  return best
}

/** Kubernetes' "lists" library. */
export const kubernetesLists: Library = {
  functions: [
    fn('isSorted', ...ordered.map(([name, type]) => member(`list_${name}_is_sorted_bool`, [listOf(type)], boolType, isSorted, indexCost))),
    fn('sum', ...addends.map(([name, type, zero]) => member(`list_${name}_sum_${name}`, [listOf(type)], type, sum(zero), indexCost))),
    ...(['max', 'min'] as const).map((which) =>
      fn(
        which,
        ...ordered.map(([name, type]) => {
          const find = extreme(which, (order) => (which === 'max' ? order > 0 : order < 0))
          return member(`list_${name}_${which}_${name}`, [listOf(type)], type, find, indexCost)
        }),
      ),
    ),
    fn(
      'indexOf',
      member(
        'list_a_index_of_int',
        [of, T],
        intType,
        (list: CelList, value: CelValue) => list.values().findIndex((each) => equals(each, value)),
        indexCost,
      ),
    ),
    fn(
      'lastIndexOf',
      member(
        'list_a_last_index_of_int',
        [of, T],
        intType,
        (list: CelList, value: CelValue) => {
          const items = list.values()
          for (let i = items.length - 1; i >= 0; i--) if (equals(items[i] as CelValue, value)) return i
          return -1
        },
        indexCost,
      ),
    ),
  ],
}

const sizeAt = (args: readonly CostedNode[], i: number): Range => args[i]?.size ?? unknownSize

function making(
  actual: CallCost['actual'],
  factor: number | ((args: readonly CostedNode[]) => number),
  size: (args: readonly CostedNode[]) => Range,
): CallCost {
  return {
    actual: (args, result) => Math.floor(actual(args, result)) + 1 + listCost,
    estimate: (args) => {
      const sized = size(args)
      const cost = scaled(sized, typeof factor === 'number' ? factor : factor(args))
      return { cost: plus(cost, exactly(1 + listCost)), size: sized }
    },
  }
}

const wholeOf = (node: CostedNode | undefined, otherwise: number) =>
  node?.literal !== undefined && isInt(node.literal) ? Number(node.literal) : otherwise
const resultSize: CallCost['actual'] = (_, result) => sizeOf(result)

/** Every element against every other. */
const allPairs = (index: number, isText: boolean): CallCost => ({
  upfront: true,
  ...making(
    (args) => {
      const list = args[index]
      if (!(list instanceof CelList)) return 0
      const isOfTexts = typeof list.at(0) === 'string' || list.at(0) instanceof Uint8Array
      return list.size ** 2 * (isOfTexts ? 2 + traversalFactor : 2)
    },
    isText ? 2 + traversalFactor : 2,
    (args) => times(sizeAt(args, index), sizeAt(args, index)),
  ),
})

function slice(list: CelList, from: CelInt, to: CelInt): CelValue {
  const [start, end] = [Number(from), Number(to)]
  if (start < 0 || end < 0) return new CelError(`cannot slice(${start}, ${end}), negative indexes not supported`)
  if (start > end) return new CelError(`cannot slice(${start}, ${end}), start index must be less than or equal to end index`)
  if (list.size < end) return new CelError(`cannot slice(${start}, ${end}), list is length ${list.size}`)
  return new ArrayList(list.values().slice(start, end))
}

function flatten(list: CelList, depth: CelInt = 1): CelValue {
  if (depth < 0) return new CelError('level must be non-negative')
  const items: CelValue[] = []
  const walk = (inner: CelList, left: number) => {
    for (const each of inner.values()) {
      if (each instanceof CelList && left > 0) walk(each, left - 1)
      else items.push(each)
    }
  }
  walk(list, Number(depth))
  return new ArrayList(items)
}

function sortedBy(list: CelList, keys: CelList): CelValue {
  if (list.size !== keys.size) return new CelError('@sortByAssociatedKeys() expected a list of the same size as the associated keys list')
  let fault: CelError | undefined
  const items = list
    .values()
    .map((item, i) => ({ item, key: keys.at(i) }))
    .sort((a, b) => {
      const order = compare(a.key, b.key)
      if (order instanceof CelError) fault = order
      return typeof order === 'number' ? order : 0
    })
    .map(({ item }) => item)
  return fault ?? new ArrayList(items)
}

/** Equal values are few distinct texts and numbers in most lists: those are told apart by hash. */
function distinct(list: CelList): CelValue {
  const found: CelValue[] = []
  const plain = new Set<CelValue>()
  for (const each of list.values()) {
    const isPlain = typeof each === 'string' || typeof each === 'boolean'
    if (isPlain ? plain.has(each) : found.some((other) => equals(each, other))) continue
    if (isPlain) plain.add(each)
    found.push(each)
  }
  return new ArrayList(found)
}

/** A list as long as a rule may be dear is far beyond any use. */
const rangeMax = 1_000_000

function range(count: CelInt): CelValue {
  if (count > rangeMax) return new CelError(`lists.range: ${count} is more than ${rangeMax}`)
  return new ArrayList(Array.from({ length: Math.max(0, Number(count)) }, (_, i) => i))
}

const sorts: FunctionDeclaration[] = [
  fn(
    'sort',
    ...ordered.map(([name, type]) =>
      member(
        `list_${name}_sort`,
        [listOf(type)],
        listOf(type),
        (list: CelList) => sortedBy(list, list),
        allPairs(0, name === 'string' || name === 'bytes'),
      ),
    ),
  ),
  fn(
    '@sortByAssociatedKeys',
    ...ordered.map(([name, type]) =>
      member(`list_${name}_sortByAssociatedKeys`, [of, listOf(type)], of, sortedBy, allPairs(1, name === 'string' || name === 'bytes')),
    ),
  ),
]

const sortInput = '@__sortBy_input__'

/** cel-go's ext.Lists. */
export const listsLibrary: Library = {
  macros: new Map([
    [
      'sortBy/2',
      (at, target, args) => {
        if (!target) return undefined
        const input = { kind: 'ident', at, name: sortInput } as const
        const keys = mapMacro(at, input, args)
        if (!keys) return undefined
        return bindingOf(at, sortInput, target, { kind: 'call', at, fn: '@sortByAssociatedKeys', target: { ...input }, args: [keys] })
      },
    ],
  ]),
  functions: [
    fn(
      'slice',
      member(
        'list_slice',
        [of, intType, intType],
        of,
        slice,
        making(resultSize, 1, (args) => exactly(Math.max(0, wholeOf(args[2], sizeAt(args, 0).max) - wholeOf(args[1], 0)))),
      ),
    ),
    fn(
      'flatten',
      member(
        'list_flatten',
        [listOf(of)],
        of,
        flatten,
        making(
          ([list]) => sizeOf(list as CelValue),
          1,
          (args) => sizeAt(args, 0),
        ),
      ),
      member(
        'list_flatten_int',
        [listOf(dynType), intType],
        listOf(dynType),
        flatten,
        making(
          ([list, depth]) => sizeOf(list as CelValue) * Number(depth),
          (args) => wholeOf(args[1], Number.POSITIVE_INFINITY),
          (args) => sizeAt(args, 0),
        ),
      ),
    ),
    ...sorts,
    fn(
      'lists.range',
      global(
        'lists_range',
        [intType],
        listOf(intType),
        range,
        making(resultSize, 1, (args) => exactly(wholeOf(args[0], Number.POSITIVE_INFINITY))),
      ),
    ),
    fn(
      'reverse',
      member(
        'list_reverse',
        [of],
        of,
        (list: CelList) => new ArrayList([...list.values()].reverse()),
        making(resultSize, 1, (args) => sizeAt(args, 0)),
      ),
    ),
    fn('distinct', member('list_distinct', [of], of, distinct, allPairs(0, false))),
  ],
}

const holds = (list: CelList, value: CelValue) => list.values().some((each) => equals(each, value))
const containsAll = (list: CelList, others: CelList) => others.values().every((each) => holds(list, each))

const setCost = (factor: number): CallCost => ({
  upfront: true,
  actual: (args) => 1 + sizeOf(args[0] as CelValue) * sizeOf(args[1] as CelValue) * factor,
  estimate: (args) => ({ cost: plus(scaled(times(sizeAt(args, 0), sizeAt(args, 1)), factor), exactly(1)) }),
})

/** cel-go's ext.Sets. */
export const setsLibrary: Library = {
  functions: [
    fn('sets.contains', global('list_sets_contains_list', [of, of], boolType, containsAll, setCost(1))),
    fn(
      'sets.equivalent',
      global(
        'list_sets_equivalent_list',
        [of, of],
        boolType,
        (a: CelList, b: CelList) => containsAll(a, b) && containsAll(b, a),
        setCost(2),
      ),
    ),
    fn(
      'sets.intersects',
      global(
        'list_sets_intersects_list',
        [of, of],
        boolType,
        (a: CelList, b: CelList) => b.values().some((each) => holds(a, each)),
        setCost(1),
      ),
    ),
  ],
}
