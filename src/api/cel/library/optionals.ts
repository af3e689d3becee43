/** Optional values: `optional.of(x)`, `a.?b.orValue(c)` (cel-go's optional types). */
import { fn, global, type Library, member } from '../functions.js'
import { optionalMacros } from '../macros.js'
import { boolType, dynType, listOf, optionalOf, typeParameter } from '../types.js'
import {
  ArrayList,
  CelDouble,
  CelDuration,
  CelError,
  CelList,
  CelMap,
  CelObject,
  CelOptional,
  CelTimestamp,
  CelUint,
  type CelValue,
  noOptional,
} from '../values.js'

const T = typeParameter('T')
const of = optionalOf(T)

/** 0001-01-01T00:00:00Z: what Go takes for no time. */
const firstMoment = -62_135_596_800n * 1_000_000_000n

/** What a member that was never set would be. */
function isZero(value: CelValue): boolean {
  if (value === null || value === false || value === 0 || value === '') return true
  if (value instanceof CelList || value instanceof CelMap) return value.size === 0
  if (value instanceof Uint8Array) return value.length === 0
  if (value instanceof CelDouble) return value.value === 0
  if (value instanceof CelUint) return value.value === 0n
  if (value instanceof CelDuration) return value.nanos === 0n
  if (value instanceof CelTimestamp) return value.nanos === firstMoment
  if (value instanceof CelOptional) return value.value === undefined
  return value instanceof CelObject && value.fields().length === 0
}

const evaluatedByCompiler = () => new CelError('no such overload')

export const optionalLibrary: Library = {
  optionalSyntax: true,
  macros: optionalMacros,
  types: { optional_type: optionalOf(dynType) },
  functions: [
    fn(
      'optional.of',
      global('optional_of', [T], of, (value: CelValue) => new CelOptional(value)),
    ),
    fn(
      'optional.ofNonZeroValue',
      global('optional_ofNonZeroValue', [T], of, (value: CelValue) => (isZero(value) ? noOptional : new CelOptional(value))),
    ),
    fn(
      'optional.none',
      global('optional_none', [], of, () => noOptional),
    ),
    fn('optional.unwrap', global('optional_unwrap', [listOf(of)], listOf(T), unwrapAll)),
    fn('unwrapOpt', member('optional_unwrapOpt', [listOf(of)], listOf(T), unwrapAll)),
    fn(
      'value',
      member('optional_value', [of], T, ({ value }: CelOptional) => value ?? new CelError('optional.none() dereference')),
    ),
    fn(
      'hasValue',
      member('optional_hasValue', [of], boolType, ({ value }: CelOptional) => value !== undefined),
    ),
    fn('or', member('optional_or_optional', [of, of], of, evaluatedByCompiler)),
    fn('orValue', member('optional_orValue_value', [of, T], T, evaluatedByCompiler)),
    fn('_?._', global('select_optional_field', [dynType, dynType], optionalOf(dynType), evaluatedByCompiler)),
  ],
}

function unwrapAll(list: CelList): CelValue {
  const values: CelValue[] = []
  for (const each of list.values()) {
    if (!(each instanceof CelOptional)) return new CelError('no such overload')
    if (each.value !== undefined) values.push(each.value)
  }
  return new ArrayList(values)
}
