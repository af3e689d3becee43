/** contains, startsWith, endsWith, matches of the standard. */
import { containsCost, patternCost, traversalCost } from '../cost.js'
import { fn, global, member } from '../functions.js'
import { patternOf } from '../patterns.js'
import { boolType, stringType } from '../types.js'
import { CelError } from '../values.js'

const matches = (text: string, source: string) => {
  const pattern = patternOf(source)
  return typeof pattern === 'string' ? new CelError(pattern) : pattern.test(text)
}
const texts = [stringType, stringType]

export const text = [
  fn(
    'contains',
    member('contains_string', texts, boolType, (text: string, part: string) => text.includes(part), containsCost),
  ),
  fn(
    'startsWith',
    member('starts_with_string', texts, boolType, (text: string, part: string) => text.startsWith(part), traversalCost(1)),
  ),
  fn(
    'endsWith',
    member('ends_with_string', texts, boolType, (text: string, part: string) => text.endsWith(part), traversalCost(1)),
  ),
  fn(
    'matches',
    // As a function it costs one, which upstream's definitions count on.
    global('matches', texts, boolType, matches),
    member('matches_string', texts, boolType, matches, patternCost()),
  ),
]
