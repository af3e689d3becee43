import { patternCost } from '../cost.js'
import { fn, type Library, member } from '../functions.js'
import { type Pattern, patternOf } from '../patterns.js'
import { intType, listOf, stringType } from '../types.js'
import { ArrayList, CelError, type CelInt, type CelValue } from '../values.js'

function withPattern(source: string, use: (pattern: Pattern) => CelValue): CelValue {
  const pattern = patternOf(source)
  return typeof pattern === 'string' ? new CelError(`Illegal regex: ${pattern}`) : use(pattern)
}

const findAll = (text: string, source: string, max: CelInt = -1) =>
  withPattern(source, (pattern) => new ArrayList(pattern.find(text, Number(max))))
const texts = [stringType, stringType]

/** text.find(pattern), text.findAll(pattern, count). */
export const regexLibrary: Library = {
  functions: [
    fn(
      'find',
      member(
        'string_find_string',
        texts,
        stringType,
        (text: string, source: string) => withPattern(source, (pattern) => pattern.find(text, 1)[0] ?? ''),
        patternCost(true),
      ),
    ),
    fn(
      'findAll',
      member('string_find_all_string', texts, listOf(stringType), findAll, patternCost(true)),
      member('string_find_all_string_int', [...texts, intType], listOf(stringType), findAll, patternCost(true)),
    ),
  ],
}
