/** CertificateSigningRequests (certificates.k8s.io/v1). What is inside a request is read where it is signed; here is its form. */
import type { CertificateSigningRequest } from '../../types/certificates-v1.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { isFullyQualified, isSubdomain, mustBePathSegment, utf8Length } from '../names.js'

type Request = CertificateSigningRequest

const usages = new Set([
  ...['any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment', 'decipher only'],
  ...['digital signature', 'email protection', 'encipher only', 'ipsec end system', 'ipsec tunnel', 'ipsec user', 'key agreement'],
  ...['key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing', 's/mime', 'server auth', 'signing', 'timestamping'],
])
const final = new Set(['Approved', 'Denied', 'Failed'])
const statuses = new Set(['False', 'True', 'Unknown'])
const expirationSecondsMin = 600
const signerLengthMax = 571

function createFaults(faults: Faults, { spec }: Request): void {
  const { request = '', signerName = '', expirationSeconds } = spec ?? {}
  if (!pemBlocks(request)?.some((type) => type === 'CERTIFICATE REQUEST'))
    faults.invalid('spec.request', request, 'PEM block type must be CERTIFICATE REQUEST')
  const given = spec?.usages ?? []
  if (given.length === 0) faults.required('spec.usages', 'at least one usage is required')
  for (const [i, usage] of given.entries()) {
    if (!usages.has(usage)) faults.notSupported(`spec.usages[${i}]`, usage, usages)
    if (given.indexOf(usage) < i) faults.duplicate(`spec.usages[${i}]`, usage)
  }
  signerFaults(faults, 'spec.signerName', signerName)
  if (expirationSeconds !== undefined && expirationSeconds < expirationSecondsMin)
    faults.invalid('spec.expirationSeconds', expirationSeconds, 'may not specify a duration less than 600 seconds (10 minutes)')
}

function signerFaults(faults: Faults, path: string, name: string): void {
  if (name === '') return faults.required(path)
  if (name === 'kubernetes.io/legacy-unknown')
    return faults.invalid(path, name, 'the legacy signerName is not allowed via this API version')
  const slash = name.indexOf('/')
  if (slash < 0) return faults.invalid(path, name, 'must be a fully qualified domain and path of the form "example.com/signer-name"')
  const domain = name.slice(0, slash)
  if (!isSubdomain(domain) || !isFullyQualified(domain, 2))
    faults.invalid(path, domain, 'should be a domain with at least two segments separated by dots')
  const rest = name.slice(slash + 1)
  if (rest === '') faults.invalid(path, name, 'validating path segment: must not be empty')
  for (const part of rest.split('.'))
    if (!/^[A-Za-z0-9](?:[-A-Za-z0-9_]*[A-Za-z0-9])?$/.test(part)) mustBePathSegment(faults, path, part || '.')
  if (utf8Length(name) > signerLengthMax) faults.tooLong(path, signerLengthMax)
}

function conditionsFaults(faults: Faults, { status }: Request): void {
  const conditions = status?.conditions ?? []
  const seen = new Set<string>()
  for (const [i, { type = '', status: is = '' }] of conditions.entries()) {
    const at = `status.conditions[${i}]`
    if (type === '') faults.required(`${at}.type`)
    faults.word(`${at}.status`, is, final.has(type) ? new Set(['True']) : statuses)
    if (seen.has(type)) faults.duplicate(`${at}.type`, type)
    seen.add(type)
  }
  if (seen.has('Approved') && seen.has('Denied'))
    faults.invalid('status.conditions', conditions, 'Approved and Denied conditions are mutually exclusive')
}

/** What was decided stays; who may decide is the subresource's matter. */
function decisionsUpdate(faults: Faults, request: Request, old: Request, mayDecide: boolean): void {
  conditionsFaults(faults, request)
  const types = (of: Request) => new Set((of.status?.conditions ?? []).map(({ type }) => type))
  const [now, before] = [types(request), types(old)]
  for (const type of final)
    if (before.has(type) && !now.has(type)) faults.forbidden('status.conditions', `updates may not remove a condition of type "${type}"`)
  if (mayDecide) return
  for (const type of ['Approved', 'Denied'])
    if (now.has(type) && !before.has(type)) faults.forbidden('status.conditions', `updates may not add a condition of type "${type}"`)
}

function certificateUpdate(faults: Faults, request: Request, old: Request): void {
  const { certificate } = request.status ?? {}
  if (certificate === old.status?.certificate) return
  if (old.status?.certificate) return faults.forbidden('status.certificate', 'updates may not change existing certificate content')
  if (!certificate) return
  const types = pemBlocks(certificate)
  if (!types || types.length === 0 || types.some((type) => type !== 'CERTIFICATE'))
    faults.invalid('status.certificate', '<certificate data>', 'must contain at least one CERTIFICATE PEM block, and no other data')
}

/** The types of the blocks of base64 of PEM; undefined when it is neither. */
function pemBlocks(base64: string): string[] | undefined {
  let text: string
  try {
    text = atob(base64)
  } catch {
    return undefined
  }
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\s]*?)-----END \1-----/g)]
  // Each holds a DER sequence.
  return blocks.every(([, , body = '']) => body.trim().startsWith('M')) ? blocks.map(([, type = '']) => type) : undefined
}

export const certificateSigningRequestRules: KindRules<Request> = {
  create(faults, request) {
    createFaults(faults, request)
    conditionsFaults(faults, request)
  },
  update: (faults, request, old) => decisionsUpdate(faults, request, old, false),
  status(faults, request, old) {
    decisionsUpdate(faults, request, old, false)
    certificateUpdate(faults, request, old)
  },
  subresources: { approval: (faults, request, old) => decisionsUpdate(faults, request, old, true) },
}
