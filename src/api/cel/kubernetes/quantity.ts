import { addAmounts, type Amount, compareAmounts, countAmount, parseAmount, subtractAmounts } from '../../resource-usage/amount.js'
import { fixedCost, traversalCost } from '../cost.js'
import { fn, global, type Library, member } from '../functions.js'
import { boolType, doubleType, intType, opaqueType, stringType } from '../types.js'
import { CelDouble, CelError, type CelInt, intOrError } from '../values.js'
import { Compared } from './opaque.js'

const quantityType = opaqueType('kubernetes.Quantity')
const unit = 1_000_000_000n
const fits = (nanos: bigint) => nanos % unit === 0n && nanos / unit <= 2n ** 63n - 1n && nanos / unit >= -(2n ** 63n)

class Quantity extends Compared<bigint> {
  readonly type = quantityType
  constructor(readonly amount: Amount) {
    super()
  }
  get identity(): bigint {
    return this.amount.nanos
  }
}

/** Exact ints are counted one by one. */
const whole = (count: CelInt): Amount => (typeof count === 'number' ? countAmount(count) : { nanos: count * unit, format: 'decimal' })
const noInteger = new CelError('cannot convert value to integer')
const nominal = fixedCost(1)
const two = [quantityType, quantityType]

export const quantityLibrary: Library = {
  types: { 'kubernetes.Quantity': quantityType },
  functions: [
    fn(
      'quantity',
      global(
        'string_to_quantity',
        [stringType],
        quantityType,
        (text: string) => {
          const amount = parseAmount(text)
          return amount
            ? new Quantity(amount)
            : new CelError(`quantity ${JSON.stringify(text)}: quantities must match the regular expression`)
        },
        traversalCost(0),
      ),
    ),
    fn(
      'isQuantity',
      global('is_quantity_string', [stringType], boolType, (text: string) => parseAmount(text) !== undefined, traversalCost(0)),
    ),
    fn(
      'sign',
      global('quantity_sign', [quantityType], intType, ({ identity }: Quantity) => (identity > 0n ? 1 : identity < 0n ? -1 : 0), nominal),
    ),
    fn(
      'isGreaterThan',
      member('quantity_is_greater_than', two, boolType, (a: Quantity, b: Quantity) => a.identity > b.identity, nominal),
    ),
    fn(
      'isLessThan',
      member('quantity_is_less_than', two, boolType, (a: Quantity, b: Quantity) => a.identity < b.identity, nominal),
    ),
    fn(
      'compareTo',
      member('quantity_compare_to', two, intType, (a: Quantity, b: Quantity) => compareAmounts(a.amount, b.amount), nominal),
    ),
    fn(
      'asApproximateFloat',
      member('quantity_get_float', [quantityType], doubleType, ({ identity }: Quantity) => new CelDouble(Number(identity) / 1e9), nominal),
    ),
    fn(
      'asInteger',
      member(
        'quantity_get_int',
        [quantityType],
        intType,
        ({ identity }: Quantity) => (fits(identity) ? intOrError(identity / unit, noInteger) : noInteger),
        nominal,
      ),
    ),
    fn(
      'isInteger',
      member('quantity_is_integer', [quantityType], boolType, ({ identity }: Quantity) => fits(identity), nominal),
    ),
    fn(
      'add',
      member('quantity_add', two, quantityType, (a: Quantity, b: Quantity) => new Quantity(addAmounts(a.amount, b.amount)), nominal),
      member(
        'quantity_add_int',
        [quantityType, intType],
        quantityType,
        (a: Quantity, b: CelInt) => new Quantity(addAmounts(a.amount, whole(b))),
        nominal,
      ),
    ),
    fn(
      'sub',
      member('quantity_sub', two, quantityType, (a: Quantity, b: Quantity) => new Quantity(subtractAmounts(a.amount, b.amount)), nominal),
      member(
        'quantity_sub_int',
        [quantityType, intType],
        quantityType,
        (a: Quantity, b: CelInt) => new Quantity(subtractAmounts(a.amount, whole(b))),
        nominal,
      ),
    ),
  ],
}
