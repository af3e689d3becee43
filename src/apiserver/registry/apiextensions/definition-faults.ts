/**
 * What makes a CustomResourceDefinition invalid. Paths are those of upstream's internal form, which real servers report: what all
 * versions share (schema, columns, subresources, selectable fields) stands at the top of spec.
 */
import type { Fault } from '../../../api/status.js'
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '../../../api/types/apiextensions-v1.js'
import { sameJson } from '../../../api/same-json.js'
import { defaultFaults } from './default-faults.js'
import { ruleFaults } from './rule-faults.js'
import { schemaFaults } from './schema-faults.js'

type Definition = CustomResourceDefinition
type Version = CustomResourceDefinitionVersion

const label = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/
const shortLabel = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/
const subdomain = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)+$/
const labelRule =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
const protectedGroup = /(?:^|\.)(?:k8s|kubernetes)\.io$/
const approval = 'metadata.annotations[api-approved.kubernetes.io]'

const invalid = (path: string, value: unknown, detail: string): Fault => ({ path, reason: 'FieldValueInvalid', value, detail })
const required = (path: string, detail = ''): Fault => ({ path, reason: 'FieldValueRequired', detail })

export function definitionFaults(definition: Definition, old: Definition | undefined): Fault[] {
  const { spec } = definition
  return [
    ...nameFaults(definition),
    ...groupFaults(definition, old),
    ...scopeFaults(spec.scope, old?.spec.scope),
    ...(spec.preserveUnknownFields === true
      ? [
          invalid(
            'spec.preserveUnknownFields',
            true,
            'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
          ),
        ]
      : []),
    ...acceptedKindFaults(definition),
    ...storageFaults(definition),
    ...versionFaults(spec.versions ?? []),
    ...conversionFaults(spec),
  ]
}

function nameFaults({ metadata, spec }: Definition): Fault[] {
  const wanted = `${spec.names?.plural ?? ''}.${spec.group}`
  return metadata.name === wanted ? [] : [invalid('metadata.name', metadata.name, `must be spec.names.plural+"."+spec.group`)]
}

function groupFaults({ metadata, spec }: Definition, old: Definition | undefined): Fault[] {
  const { group } = spec
  if (!group) return [required('spec.group')]
  if (old && old.spec.group !== group) return [invalid('spec.group', group, 'field is immutable')]
  if (!subdomain.test(group)) return [invalid('spec.group', group, 'should be a domain with at least one dot')]
  if (!protectedGroup.test(group) || old) return []
  const value = metadata.annotations?.['api-approved.kubernetes.io'] ?? ''
  if (value === '')
    return [
      required(
        approval,
        'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      ),
    ]
  if (value.startsWith('unapproved') || /^https?:\/\/[^/\s]+/.test(value)) return []
  return [
    invalid(
      approval,
      value,
      'protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved"',
    ),
  ]
}

function scopeFaults(scope: string | undefined, old: string | undefined): Fault[] {
  if (!scope) return [required('spec.scope')]
  if (scope !== 'Cluster' && scope !== 'Namespaced')
    return [{ path: 'spec.scope', reason: 'FieldValueNotSupported', value: scope, detail: 'supported values: "Cluster", "Namespaced"' }]
  return old !== undefined && old !== scope ? [invalid('spec.scope', scope, 'field is immutable')] : []
}

function acceptedKindFaults({ spec }: Definition): Fault[] {
  const { plural, singular, kind, listKind, shortNames = [], categories = [] } = spec.names ?? {}
  const faults: Fault[] = []
  const check = (field: string, value: string | undefined, text = value) => {
    const path = `spec.names.${field}`
    if (!value) faults.push(required(path))
    else if (value.length > 63 || !label.test(text ?? '')) faults.push(invalid(path, value, labelRule))
  }
  check('plural', plural)
  check('singular', singular)
  // A kind in lower case must be a label as well.
  check('kind', kind, kind?.toLowerCase())
  check('listKind', listKind, listKind?.toLowerCase())
  if (kind && kind === listKind) faults.push(invalid('spec.names.listKind', listKind, 'kind and listKind may not be the same'))
  for (const [field, values] of [
    ['shortNames', shortNames],
    ['categories', categories],
  ] as const)
    for (const [i, value] of values.entries())
      if (value.length > 63 || !label.test(value)) faults.push(invalid(`spec.names.${field}[${i}]`, value, labelRule))
  return faults
}

function storageFaults({ spec, status }: Definition): Fault[] {
  const versions = spec.versions ?? []
  const faults: Fault[] = []
  const storages = versions.filter(({ storage }) => storage)
  if (storages.length !== 1)
    faults.push(
      invalid(
        'spec.versions',
        versions.map(({ name }) => name),
        'must have exactly one version marked as storage version',
      ),
    )
  const stored = status?.storedVersions ?? []
  if (stored.length === 0) faults.push(invalid('status.storedVersions', stored, 'must have at least one stored version'))
  else {
    const missing = storages.find(({ name }) => !stored.includes(name))
    if (missing) faults.push(invalid('status.storedVersions', stored, `must have the storage version ${missing.name}`))
    for (const [i, name] of stored.entries())
      if (!versions.some((version) => version.name === name))
        faults.push(invalid(`status.storedVersions[${i}]`, name, 'must appear in spec.versions'))
  }
  return faults
}

/** What all versions have alike is reported once, at the top of spec. */
function versionFaults(versions: readonly Version[]): Fault[] {
  const faults: Fault[] = []
  const seen = new Set<string>()
  for (const [i, { name = '' }] of versions.entries()) {
    const bad = name.length > 63 || !shortLabel.test(name) || !label.test(name)
    if (bad && i === 0 && name !== '') faults.push(invalid('spec.version', name, labelRule))
    if (bad) faults.push(invalid(`spec.versions[${i}].name`, name, labelRule))
    if (seen.has(name)) faults.push(invalid('spec.versions', name, 'must contain unique version names'))
    seen.add(name)
  }
  const alike = <T>(read: (version: Version) => T) =>
    versions.length > 0 && versions.every((version) => sameJson(read(version) ?? null, read(versions[0] as Version) ?? null))
  const each = <T>(
    read: (version: Version) => T | undefined,
    name: string,
    topName: string,
    check: (value: T, path: string) => Fault[],
  ) => {
    if (alike(read)) {
      const value = read(versions[0] as Version)
      if (value !== undefined) faults.push(...check(value, `spec.${topName}`))
      return
    }
    for (const [i, version] of versions.entries()) {
      const value = read(version)
      if (value !== undefined) faults.push(...check(value, `spec.versions[${i}].${name}`))
    }
  }
  each(
    (version) => version.schema,
    'schema',
    'validation',
    ({ openAPIV3Schema }, path) => {
      if (!openAPIV3Schema) return []
      const at = `${path}.openAPIV3Schema`
      const shape = schemaFaults(openAPIV3Schema, at)
      const faults = shape.length > 0 ? shape : defaultFaults(openAPIV3Schema, at)
      return [...faults, ...ruleFaults(openAPIV3Schema, at, faults.length === 0)]
    },
  )
  for (const [i, { schema }] of versions.entries())
    if (!schema?.openAPIV3Schema) faults.push(required(`spec.versions[${i}].schema.openAPIV3Schema`, 'schemas are required'))
  each((version) => version.additionalPrinterColumns, 'additionalPrinterColumns', 'additionalPrinterColumns', columnFaults)
  each((version) => version.subresources, 'subresources', 'subresources', subresourceFaults)
  each((version) => version.selectableFields, 'selectableFields', 'selectableFields', selectableFaults)
  return faults
}

const columnTypes = ['integer', 'number', 'string', 'boolean', 'date']
const columnFormats = ['int32', 'int64', 'float', 'double', 'byte', 'date', 'date-time', 'password']

function columnFaults(columns: NonNullable<Version['additionalPrinterColumns']>, base: string): Fault[] {
  return columns.flatMap(({ name, type, format, jsonPath }, i) => {
    const path = `${base}[${i}]`
    const faults: Fault[] = []
    if (!name) faults.push(required(`${path}.name`))
    if (!type) faults.push(required(`${path}.type`))
    else if (!columnTypes.includes(type)) faults.push(invalid(`${path}.type`, type, `must be one of ${columnTypes.join(',')}`))
    if (format && !columnFormats.includes(format))
      faults.push(invalid(`${path}.format`, format, `must be one of ${columnFormats.join(',')}`))
    if (!jsonPath) faults.push(required(`${path}.JSONPath`))
    else if (!jsonPath.startsWith('.')) faults.push(invalid(`${path}.JSONPath`, jsonPath, 'is not a valid JSON path'))
    return faults
  })
}

/** Only names, from the root: no lists, no filters. */
const namesAlone = /^(?:\.[A-Za-z_][\w-]*|\['[^']+'\])+$/

function subresourceFaults({ scale }: NonNullable<Version['subresources']>, base: string): Fault[] {
  if (!scale) return []
  const faults: Fault[] = []
  const check = (field: keyof typeof scale, prefixes: readonly string[], optional = false) => {
    const value = scale[field]
    const path = `${base}.scale.${field}`
    if (!value) {
      if (!optional) faults.push(invalid(path, '', `must be a json path under ${prefixes.join(' or ')}`))
    } else if (!prefixes.some((prefix) => value.startsWith(`${prefix}.`)))
      faults.push(invalid(path, value, `should be a json path under ${prefixes.join(' or ')}`))
  }
  check('specReplicasPath', ['.spec'])
  check('statusReplicasPath', ['.status'])
  check('labelSelectorPath', ['.status', '.spec'], true)
  return faults
}

/** KEP-4358. */
function selectableFaults(fields: NonNullable<Version['selectableFields']>, base: string): Fault[] {
  const seen = new Set<string>()
  return fields.flatMap(({ jsonPath }, i): Fault[] => {
    const path = `${base}[${i}].jsonPath`
    if (!jsonPath) return [required(path)]
    if (seen.size === seen.add(jsonPath).size) return [{ path, reason: 'FieldValueDuplicate', value: jsonPath, detail: '' }]
    if (!namesAlone.test(jsonPath) || jsonPath.startsWith('.metadata')) return [invalid(path, jsonPath, 'is an invalid path')]
    return []
  })
}

function conversionFaults({ conversion }: Definition['spec']): Fault[] {
  if (!conversion || conversion.strategy === 'None') {
    return conversion?.webhook
      ? [
          {
            path: 'spec.conversion.webhookClientConfig',
            reason: 'FieldValueForbidden',
            detail: 'should not be set when strategy is not set to Webhook',
          },
        ]
      : []
  }
  if (conversion.strategy !== 'Webhook')
    return [
      {
        path: 'spec.conversion.strategy',
        reason: 'FieldValueNotSupported',
        value: conversion.strategy,
        detail: 'supported values: "None", "Webhook"',
      },
    ]
  const faults: Fault[] = []
  const { clientConfig, conversionReviewVersions } = conversion.webhook ?? {}
  if (!clientConfig || (!clientConfig.url && !clientConfig.service) || (clientConfig.url && clientConfig.service))
    faults.push(
      required('spec.conversion.webhookClientConfig', 'exactly one of url or service is required when strategy is set to Webhook'),
    )
  if (!conversionReviewVersions?.length) faults.push(required('spec.conversion.conversionReviewVersions'))
  return faults
}
