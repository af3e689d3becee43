/** format.dns1123Label().validate(text): the named formats of Kubernetes' names and of OpenAPI. */
import { stringFormats } from '../../structural/formats.js'
import { type CallCost, fixedCost, scaled, traversalFactor, unknownSize } from '../cost.js'
import { fn, global, type Library, member } from '../functions.js'
import { listOf, opaqueType, optionalOf, stringType } from '../types.js'
import { ArrayList, CelOptional, type CelValue, noOptional, sizeOf } from '../values.js'
import { Compared } from './opaque.js'
import { parseUrl } from './url-parse.js'

const formatType = opaqueType('kubernetes.NamedFormat')

class Format extends Compared<string> {
  readonly type = formatType
  constructor(
    readonly identity: string,
    readonly faults: (text: string) => string[],
    /** Of the pattern that the format is taken to be. */
    readonly patternSize: number,
  ) {
    super()
  }
}

const label = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/
const oldLabel = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/
const subdomain = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/
const qualifiedPart = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const labelValue = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/

const matching = (pattern: RegExp, max: number, rule: string) => (text: string) => [
  ...(text.length > max ? [`must be no more than ${max} bytes`] : []),
  ...(pattern.test(text) ? [] : [rule]),
]
/** A name of which the end is still to come may end in a dash. */
const prefixOf = (faults: (text: string) => string[]) => (text: string) => faults(text.length > 1 ? text.replace(/.-$/, 'a') : text)
const always = (name: string, rule: string) => (text: string) => (stringFormats[name]?.(text) ? [] : [rule])

function qualifiedName(text: string): string[] {
  const parts = text.split('/')
  if (parts.length > 2)
    return ["a qualified name must consist of alphanumeric characters, '-', '_' or '.', with an optional DNS subdomain prefix"]
  const [prefix, name = ''] = parts.length === 2 ? parts : [undefined, text]
  return [
    ...(prefix === undefined ? [] : prefix === '' ? ['prefix part must be non-empty'] : subdomainFaults(prefix)),
    ...(name === '' ? ['name part must be non-empty'] : matching(qualifiedPart, 63, 'name part is not a qualified name')(name)),
  ]
}

const labelFaults = matching(
  label,
  63,
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
)
const subdomainFaults = matching(
  subdomain,
  253,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
)
const oldLabelFaults = matching(
  oldLabel,
  63,
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
)

const formats: Readonly<Record<string, Format>> = {
  dns1123Label: new Format('DNS1123Label', labelFaults, 30),
  dns1123Subdomain: new Format('DNS1123Subdomain', subdomainFaults, 60),
  dns1035Label: new Format('DNS1035Label', oldLabelFaults, 30),
  qualifiedName: new Format('QualifiedName', qualifiedName, 60),
  dns1123LabelPrefix: new Format('DNS1123LabelPrefix', prefixOf(labelFaults), 30),
  dns1123SubdomainPrefix: new Format('DNS1123SubdomainPrefix', prefixOf(subdomainFaults), 60),
  dns1035LabelPrefix: new Format('DNS1035LabelPrefix', prefixOf(oldLabelFaults), 30),
  labelValue: new Format('LabelValue', matching(labelValue, 63, 'not a label value'), 40),
  uri: new Format('URI', (text) => (parseUrl(text) ? [] : ['invalid URI for request']), 1103),
  uuid: new Format('uuid', always('uuid', 'does not match the UUID format'), 79),
  byte: new Format('byte', always('byte', 'invalid base64'), 84),
  date: new Format('date', always('date', 'invalid date'), 131),
  datetime: new Format('datetime', always('datetime', 'invalid datetime'), 131),
}

const patternFactor = 0.25
/** What the longest pattern of a name is taken to be beforehand. */
const patternSizeMax = 128

const validationCost: CallCost = {
  actual: ([format, text]) =>
    Math.ceil((1 + sizeOf(text as CelValue)) * traversalFactor) * Math.ceil((format as Format).patternSize * patternFactor),
  estimate: (args) => ({ cost: scaled(scaled(args[1]?.size ?? unknownSize, traversalFactor), patternSizeMax * patternFactor) }),
}

function validate({ faults }: Format, text: string): CelValue {
  const found = faults(text)
  return found.length === 0 ? noOptional : new CelOptional(new ArrayList(found))
}

export const formatLibrary: Library = {
  types: { 'kubernetes.NamedFormat': formatType },
  functions: [
    ...Object.entries(formats).map(([name, format]) =>
      fn(
        `format.${name}`,
        global(`format.${name}`, [], formatType, () => format),
      ),
    ),
    fn(
      'format.named',
      global(
        'format-named',
        [stringType],
        optionalOf(formatType),
        (name: string) => (Object.hasOwn(formats, name) ? new CelOptional(formats[name] as Format) : noOptional),
        fixedCost(1),
      ),
    ),
    fn('validate', member('format-validate', [formatType, stringType], optionalOf(listOf(stringType)), validate, validationCost)),
  ],
}
