import { badRequest } from '../../api/status.js'
import type { FieldRequirement } from '../../api/selectors/field.js'
import type { Selector } from '../../api/selectors/label.js'
import { type Cell, type Layout, nameOfKey } from './cell.js'

/** Which objects a reader wants. */
export interface Scope {
  /** '' for all namespaces and for cluster-scoped resources. */
  readonly namespace: string
  readonly labels?: Selector
  readonly fields?: readonly FieldRequirement[]
}

/** A compiled scope. */
export interface Filter {
  /** Keys outside this prefix are out of the question. */
  readonly prefix: string
  /** Equal for equal scopes: watchers that share it share their frames. */
  readonly text: string
  /** undefined: everything under the prefix. */
  readonly matches: ((cell: Cell) => boolean) | undefined
}

/** Throws BadRequest for a field that the kind does not select by. */
export function compileFilter(layout: Layout, scope: Scope): Filter {
  const prefix = scope.namespace ? `${scope.namespace}/` : ''
  const { labels, fields = [] } = scope
  const tests: ((cell: Cell) => boolean)[] = []
  if (labels && !labels.empty) tests.push((cell) => labels.matches(cell.labels))
  for (const requirement of fields) tests.push(fieldTest(layout, requirement))
  const text = `${prefix}|${labels?.text ?? ''}|${fields.map(({ field, equal, value }) => `${field}${equal ? '=' : '!='}${value}`).join(',')}`
  if (tests.length === 0) return { prefix, text, matches: undefined }
  const [first, second] = tests
  if (first && !second) return { prefix, text, matches: first }
  return { prefix, text, matches: (cell) => tests.every((test) => test(cell)) }
}

function fieldTest(layout: Layout, { field, value, equal }: FieldRequirement): (cell: Cell) => boolean {
  if (field === 'metadata.name') return ({ key }) => (nameOfKey(key).name === value) === equal
  if (field === 'metadata.namespace') return ({ key }) => (nameOfKey(key).namespace === value) === equal
  const index = layout.fieldNames.indexOf(field)
  if (index < 0) throw badRequest(`field label not supported: ${field}`)
  return ({ fields }) => (fields[index] === value) === equal
}
