/**
 * The forms of names in the API (apimachinery's validation rules, RFC 1035 and 1123): whether a text has one, and the fault
 * when it has not. Patterns are compiled once and are only tried on texts that are short enough.
 */
import { parseCidr, parseIp } from '../ip.js'
import type { Faults } from './faults.js'

const label = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/
const label1035 = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/
const subdomain = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/
const underscoredSubdomain = /^[a-z0-9_](?:[-_a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?)*$/
const qualifiedPart = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const portName = /^[a-z0-9-]+$/
const configKey = /^[-._a-zA-Z0-9]+$/
const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/
const headerName = /^[-A-Za-z0-9]+$/
const printable = /^[\x20-\x3c\x3e-\x7e]+$/
const urlPath = /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/

const labelDetail =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
const subdomainDetail =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
const label1035Detail =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character"
const qualifiedDetail =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character, after an optional DNS subdomain prefix and '/'"
const labelValueDetail =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character, at most 63 of them"
const portDetail = 'must be between 1 and 65535, inclusive'
const portNameDetail =
  "must be no more than 15 characters, lower case alphanumeric characters or '-', with a letter and no '-' at an end or beside another"
const ipDetail = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
const cidrDetail = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'

export const isLabel = (text: string): boolean => text.length <= 63 && label.test(text)
export const isLabel1035 = (text: string): boolean => text.length <= 63 && label1035.test(text)
export const isSubdomain = (text: string): boolean => text.length <= 253 && subdomain.test(text)
export const isWildcardSubdomain = (text: string): boolean => text.startsWith('*.') && isSubdomain(text.slice(2))
export const isLabelValue = (text: string): boolean => text === '' || (text.length <= 63 && qualifiedPart.test(text))
export const isConfigKey = (text: string): boolean => text.length <= 253 && configKey.test(text) && text !== '.' && !text.startsWith('..')
export const isIdentifier = (text: string): boolean => identifier.test(text)
export const isHeaderName = (text: string): boolean => headerName.test(text)
/** Environment variables may have every printable ASCII character but '=' (KEP-4369). */
export const isEnvName = (text: string): boolean => printable.test(text)
export const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65535
export const isPortName = (text: string): boolean =>
  text.length <= 15 && portName.test(text) && /[a-z]/.test(text) && !text.includes('--') && !text.startsWith('-') && !text.endsWith('-')

export function isQualifiedName(text: string): boolean {
  const slash = text.indexOf('/')
  if (slash < 0) return text.length <= 63 && qualifiedPart.test(text)
  const name = text.slice(slash + 1)
  return isSubdomain(text.slice(0, slash)) && name.length <= 63 && qualifiedPart.test(name)
}

/** "a.b.c": at least so many parts, each a label. */
export function isFullyQualified(name: string, partsMin: number): boolean {
  return isSubdomain(name) && name.split('.').length >= partsMin
}

/** "example.com/path" (finalizers of VolumeAttachments, managers of Jobs). */
export function isDomainPrefixedPath(text: string): boolean {
  const slash = text.indexOf('/')
  if (slash <= 0) return false
  const path = text.slice(slash + 1)
  return isSubdomain(text.slice(0, slash)) && path !== '' && urlPath.test(path)
}

export function mustBeLabel(faults: Faults, path: string, text: string): void {
  if (!isLabel(text)) faults.invalid(path, text, text.length > 63 ? 'must be no more than 63 characters' : labelDetail)
}
export function mustBeLabel1035(faults: Faults, path: string, text: string): void {
  if (!isLabel1035(text)) faults.invalid(path, text, label1035Detail)
}
export function mustBeSubdomain(faults: Faults, path: string, text: string): void {
  if (!isSubdomain(text)) faults.invalid(path, text, text.length > 253 ? 'must be no more than 253 characters' : subdomainDetail)
}
/** Search domains may have underscores (KEP-4427). */
export function mustBeSearchDomain(faults: Faults, path: string, given: string): void {
  if (given === '.') return
  const text = given.endsWith('.') ? given.slice(0, -1) : given
  if (text.length > 253 || !underscoredSubdomain.test(text)) faults.invalid(path, given, subdomainDetail)
}
export function mustBeQualified(faults: Faults, path: string, text: string): void {
  if (!isQualifiedName(text)) faults.invalid(path, text, qualifiedDetail)
}
export function mustBeLabelValue(faults: Faults, path: string, text: string): void {
  if (!isLabelValue(text)) faults.invalid(path, text, labelValueDetail)
}
export function mustBePort(faults: Faults, path: string, port: number): void {
  if (!isPort(port)) faults.invalid(path, port, portDetail)
}
export function mustBePortName(faults: Faults, path: string, text: string): void {
  if (!isPortName(text)) faults.invalid(path, text, portNameDetail)
}
export function mustBePortOrName(faults: Faults, path: string, port: number | string | undefined): void {
  if (typeof port === 'string') mustBePortName(faults, path, port)
  else mustBePort(faults, path, port ?? 0)
}
export function mustBeIp(faults: Faults, path: string, text: string): void {
  if (!parseIp(text)) faults.invalid(path, text, ipDetail)
}
export function mustBeCidr(faults: Faults, path: string, text: string): void {
  if (!parseCidr(text)) faults.invalid(path, text, cidrDetail)
}
/** Names that stand in a URL's path: RBAC's, for one, have colons. */
export function mustBePathSegment(faults: Faults, path: string, text: string): void {
  if (text === '.' || text === '..') faults.invalid(path, text, `may not be '${text}'`)
  else if (text.includes('/') || text.includes('%')) faults.invalid(path, text, "may not contain '/' or '%'")
}

/** Labels of a selector by equality, of a node selector: names and values of labels at one path. */
export function mustBeLabels(faults: Faults, path: string, labels: Readonly<Record<string, string>> | undefined): void {
  if (!labels) return
  for (const key in labels) {
    mustBeQualified(faults, path, key)
    const value = labels[key] ?? ''
    if (!isLabelValue(value)) faults.invalid(path, value, labelValueDetail)
  }
}

const annotationBytesMax = 256 * 1024

export function mustBeAnnotations(faults: Faults, path: string, annotations: Readonly<Record<string, string>> | undefined): void {
  if (!annotations) return
  let bytes = 0
  for (const key in annotations) {
    // Annotation keys are judged in lower case.
    if (!isQualifiedName(key) && !isQualifiedName(key.toLowerCase())) faults.invalid(path, key, qualifiedDetail)
    bytes += utf8Length(key) + utf8Length(annotations[key] ?? '')
  }
  if (bytes > annotationBytesMax) faults.tooLong(path, annotationBytesMax)
}

export function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) bytes += 1
    else {
      // Two units of a surrogate pair are four bytes, other units three.
      if (unit >= 0xd800 && unit < 0xdc00) i++
      bytes += 2
    }
  }
  return bytes
}

export function mustBeRelativePath(faults: Faults, path: string, text: string): void {
  if (text.startsWith('/')) faults.invalid(path, text, 'must be a relative path')
  mustNotStepBack(faults, path, text)
}
export function stepsBack(text: string): boolean {
  return text.includes('..') && text.split('/').includes('..')
}
export function mustNotStepBack(faults: Faults, path: string, text: string): void {
  if (stepsBack(text)) faults.invalid(path, text, "must not contain '..'")
}
/** A relative path whose first part does not begin with two dots: those names are the kubelet's own. */
export function mustBeFreePath(faults: Faults, path: string, text: string): void {
  mustBeRelativePath(faults, path, text)
  if (text.startsWith('..') && !text.startsWith('../') && text !== '..') faults.invalid(path, text, "must not start with '..'")
}
