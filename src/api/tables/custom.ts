/** The columns of a custom resource's Table, from its additionalPrinterColumns. */
import { type JsonPath, parseJsonPath } from '../json-path.js'
import type { Column } from '../kinds.js'
import type { UnknownObject } from '../object.js'
import type { CustomResourceColumnDefinition } from '../types/apiextensions-v1.js'
import { ageOf } from './human-duration.js'

const standard: readonly CustomResourceColumnDefinition[] = [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }]

export interface CustomPrinter {
  readonly columns: readonly Column[]
  readonly print: (object: UnknownObject, nowMs: number) => unknown[]
}

export function customPrinter(definitions: readonly CustomResourceColumnDefinition[] | undefined): CustomPrinter {
  const chosen = definitions?.length ? definitions : standard
  let paths: (JsonPath | undefined)[] | undefined
  return {
    columns: chosen.map(({ name, type, format = '', priority = 0, description = '' }) => ({ name, type, format, priority, description })),
    print(object, nowMs) {
      paths ??= chosen.map(({ jsonPath }) => pathOf(jsonPath))
      return [object.metadata.name ?? '', ...chosen.map(({ type }, i) => cell(type, paths?.[i]?.find(object)[0], nowMs))]
    },
  }
}

/** A path that cannot be read shows nothing: the definition was refused, or came from a laxer server. */
function pathOf(text: string): JsonPath | undefined {
  try {
    return parseJsonPath(text)
  } catch {
    return undefined
  }
}

function cell(type: string, value: unknown, nowMs: number): unknown {
  if (value === undefined || value === null) return null
  switch (type) {
    case 'string':
      return typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | boolean)
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null
    case 'number':
      return typeof value === 'number' ? value : null
    case 'boolean':
      return typeof value === 'boolean' ? value : null
    case 'date':
      if (typeof value !== 'string') return null
      return Number.isNaN(Date.parse(value)) ? '<invalid>' : ageOf(value, nowMs)
    default:
      return null
  }
}
