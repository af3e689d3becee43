import type { JSONSchemaProps } from '../types/apiextensions-v1.js'

/** The schema of the members that have none of their own; undefined: such members are not known. */
export function additionalOf({ additionalProperties }: JSONSchemaProps): JSONSchemaProps | undefined {
  if (additionalProperties === undefined || additionalProperties === null) return undefined
  if (additionalProperties === true) return {}
  return typeof additionalProperties === 'object' ? (additionalProperties as JSONSchemaProps) : undefined
}

export function itemsOf({ items }: JSONSchemaProps): JSONSchemaProps | undefined {
  return items && !Array.isArray(items) ? (items as JSONSchemaProps) : undefined
}

export function propertiesOf({ properties }: JSONSchemaProps): readonly (readonly [string, JSONSchemaProps])[] {
  return Object.entries(properties ?? {})
}
