/** The rules of metadata that every kind shares: names, labels, annotations, owners (apimachinery object names, labels). */
import type { ResourceInfo } from '../../api/kinds.js'
import type { UnknownObject } from '../../api/object.js'
import type { Fault } from '../../api/status.js'

const label = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/
const subdomain = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/
const qualifiedPart = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const labelValue = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/
const annotationBytesMax = 256 * 1024

const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const labelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"

interface NameForm {
  readonly max: number
  readonly form: RegExp | undefined
  readonly rule: string
}

const subdomainForm: NameForm = { max: 253, form: subdomain, rule: subdomainRule }
const labelForm: NameForm = { max: 63, form: label, rule: labelRule }
/** Whatever fits into a path: RBAC's names, for one, have colons. */
const pathForm: NameForm = { max: Number.POSITIVE_INFINITY, form: undefined, rule: '' }
/** Services become DNS names of the old kind. */
const serviceForm: NameForm = labelForm

const forms: Readonly<Record<string, NameForm>> = {
  '/namespaces': labelForm,
  '/services': serviceForm,
  'rbac.authorization.k8s.io/roles': pathForm,
  'rbac.authorization.k8s.io/rolebindings': pathForm,
  'rbac.authorization.k8s.io/clusterroles': pathForm,
  'rbac.authorization.k8s.io/clusterrolebindings': pathForm,
  '/events': subdomainForm,
  'networking.k8s.io/ipaddresses': pathForm,
  'apiregistration.k8s.io/apiservices': pathForm,
  'certificates.k8s.io/certificatesigningrequests': pathForm,
}

export function metadataFaults(info: ResourceInfo, object: UnknownObject): Fault[] {
  const { metadata } = object
  return [
    ...nameFaults(forms[`${info.group}/${info.resource}`] ?? subdomainForm, metadata.name),
    ...labelFaults(metadata.labels),
    ...annotationFaults(metadata.annotations),
    ...ownerFaults(object),
    ...(metadata.finalizers ?? []).flatMap((finalizer, i) => finalizerFaults(info, `metadata.finalizers[${i}]`, finalizer)),
  ]
}

function nameFaults({ max, form, rule }: NameForm, name = ''): Fault[] {
  if (name === '') return [{ path: 'metadata.name', reason: 'FieldValueRequired', detail: 'name or generateName is required' }]
  const faults: Fault[] = []
  const fault = (detail: string) => faults.push({ path: 'metadata.name', reason: 'FieldValueInvalid', value: name, detail })
  if (form === undefined) {
    if (name === '.' || name === '..') fault(`may not be '${name}'`)
    for (const char of ['/', '%']) if (name.includes(char)) fault(`may not contain '${char}'`)
    return faults
  }
  if (name.length > max) fault(`must be no more than ${max} characters`)
  if (!form.test(name)) fault(rule)
  return faults
}

function labelFaults(labels: Readonly<Record<string, string>> = {}): Fault[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...qualifiedNameFaults('metadata.labels', key),
    ...(value.length > 63 || !labelValue.test(value)
      ? [
          {
            path: 'metadata.labels',
            reason: 'FieldValueInvalid' as const,
            value,
            detail:
              value.length > 63
                ? 'must be no more than 63 characters'
                : "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
          },
        ]
      : []),
  ])
}

function annotationFaults(annotations: Readonly<Record<string, string>> = {}): Fault[] {
  let bytes = 0
  const faults = Object.entries(annotations).flatMap(([key, value]) => {
    bytes += key.length + value.length
    // Annotation keys are compared in lower case, as upstream does.
    return qualifiedNameFaults('metadata.annotations', key.toLowerCase())
  })
  if (bytes > annotationBytesMax)
    faults.push({ path: 'metadata.annotations', reason: 'FieldValueTooLong', detail: `may not be more than ${annotationBytesMax} bytes` })
  return faults
}

/** "prefix/name" or "name": the form of label keys, annotation keys and finalizers. */
export function qualifiedNameFaults(path: string, key: string): Fault[] {
  const slash = key.indexOf('/')
  const prefix = slash < 0 ? undefined : key.slice(0, slash)
  const name = key.slice(slash + 1)
  const fault = (detail: string): Fault => ({ path, reason: 'FieldValueInvalid', value: key, detail })
  const faults: Fault[] = []
  if (prefix === '') faults.push(fault('prefix part must be non-empty'))
  else if (prefix !== undefined && (prefix.length > 253 || !subdomain.test(prefix))) faults.push(fault(`prefix part ${subdomainRule}`))
  if (name === '') faults.push(fault('name part must be non-empty'))
  else if (name.length > 63) faults.push(fault('name part must be no more than 63 characters'))
  if (!qualifiedPart.test(name)) {
    faults.push(
      fault(
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      ),
    )
  }
  return faults
}

/** Groups whose validation is the general one, which wants no domain. */
const laxGroups = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io'])
/** Finalizers that came before names had domains. */
const standardFinalizers = new Set(['foregroundDeletion', 'orphan', 'kubernetes'])

function finalizerFaults(info: ResourceInfo, path: string, finalizer: string): Fault[] {
  const faults = qualifiedNameFaults(path, finalizer)
  const isOwn = info.typeId === 'custom' || laxGroups.has(info.group) || finalizer.includes('/') || standardFinalizers.has(finalizer)
  if (isOwn) return faults
  const detail = 'name is neither a standard finalizer name nor is it fully qualified'
  return [...faults, { path, reason: 'FieldValueInvalid', value: finalizer, detail }]
}

function ownerFaults({ metadata }: UnknownObject): Fault[] {
  const owners = metadata.ownerReferences ?? []
  const faults = owners.flatMap((owner): Fault[] => {
    if (owner.kind === 'Event' && (owner.apiVersion === 'v1' || owner.apiVersion === 'events.k8s.io/v1'))
      return [
        {
          path: 'metadata.ownerReferences',
          reason: 'FieldValueInvalid',
          value: owner,
          detail: `${owner.apiVersion}, Kind=Event is disallowed from being an owner`,
        },
      ]
    const missing = (['apiVersion', 'kind', 'name', 'uid'] as const).filter((field) => !owner[field])
    return missing.map((field) => ({
      path: `metadata.ownerReferences.${field}`,
      reason: 'FieldValueInvalid',
      value: '',
      detail: `${field} must not be empty`,
    }))
  })
  const controllers = owners.filter((owner) => owner.controller === true)
  if (controllers.length > 1) {
    const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controllers.map((owner) => `${owner.kind}/${owner.name}`).join(' and ')}`
    faults.push({ path: 'metadata.ownerReferences', reason: 'FieldValueInvalid', detail })
  }
  return faults
}
