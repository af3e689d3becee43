/** Names and amounts of resources: requests, limits, capacities, quotas (core/v1: resource names, KEP-2837 for pod level). */
import { amountOf } from '../resource-usage/amount.js'
import type { ResourceRequirements } from '../types/core-v1.js'
import type { Faults } from './faults.js'
import { isLabel, isQualifiedName, mustBeQualified } from './names.js'

type Amounts = Readonly<Record<string, string>>

const containerResources = new Set(['cpu', 'memory', 'ephemeral-storage'])
const quotaResources = new Set([
  ...['cpu', 'memory', 'ephemeral-storage', 'requests.cpu', 'requests.memory', 'requests.storage', 'requests.ephemeral-storage'],
  ...['limits.cpu', 'limits.memory', 'limits.ephemeral-storage', 'pods', 'resourcequotas', 'services', 'replicationcontrollers'],
  ...['secrets', 'persistentvolumeclaims', 'configmaps', 'services.nodeports', 'services.loadbalancers'],
])
const standardResources = new Set([...quotaResources, 'storage'])
/** Counted in whole pieces. */
const wholeResources = new Set([
  ...['pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'configmaps', 'persistentvolumeclaims'],
  ...['services.nodeports', 'services.loadbalancers'],
])
const podResources = new Set(['cpu', 'memory'])
const second = 1_000_000_000n
const hugePages = 'hugepages-'

export const isHugePages = (name: string): boolean => name.startsWith(hugePages)
export const isNativeResource = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/')
export const isExtendedResource = (name: string): boolean =>
  !isNativeResource(name) && !name.startsWith('requests.') && isQualifiedName(`requests.${name}`)
const mayOvercommit = (name: string) => isNativeResource(name) && !isHugePages(name)
const isStandard = (name: string) => standardResources.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-')

export function resourceNameFaults(faults: Faults, path: string, name: string): boolean {
  const before = faults.count
  mustBeQualified(faults, path, name)
  if (faults.count === before && !name.includes('/') && !isStandard(name))
    faults.invalid(path, name, 'must be a standard resource type or fully qualified')
  return faults.count === before
}

export function containerResourceNameFaults(faults: Faults, path: string, name: string): void {
  resourceNameFaults(faults, path, name)
  if (!name.includes('/')) {
    if (!containerResources.has(name) && !isHugePages(name)) faults.invalid(path, name, 'must be a standard resource for containers')
  } else if (!isNativeResource(name) && !isExtendedResource(name))
    faults.invalid(path, name, "doesn't follow extended resource name standard")
}

export function quotaResourceNameFaults(faults: Faults, path: string, name: string): void {
  resourceNameFaults(faults, path, name)
  if (!name.includes('/') && !quotaResources.has(name) && !isHugePages(name) && !name.startsWith('requests.hugepages-'))
    faults.invalid(path, name, 'must be a standard resource for quota')
}

function podResourceNameFaults(faults: Faults, path: string, name: string): void {
  resourceNameFaults(faults, path, name)
  if (!podResources.has(name) && !isHugePages(name)) faults.notSupported(path, name, [...podResources, hugePages])
}

/** An amount must not be negative, and of countable things whole. */
export function amountFaults(faults: Faults, path: string, name: string, value: string): void {
  const { nanos } = amountOf(value)
  if (nanos < 0n) faults.invalid(path, value, 'must be greater than or equal to 0')
  if ((wholeResources.has(name) || isExtendedResource(name)) && nanos % second !== 0n) faults.invalid(path, value, 'must be an integer')
}

export function nonNegativeAmount(faults: Faults, path: string, value: string): void {
  if (value.startsWith('-') && amountOf(value).nanos < 0n) faults.invalid(path, value, 'must be greater than or equal to 0')
}
export function positiveAmount(faults: Faults, path: string, value: string): void {
  if (amountOf(value).nanos <= 0n) faults.invalid(path, value, 'must be greater than zero')
}

/** The pages that an amount is made of must be whole: "hugepages-2Mi". */
function hugePageFaults(faults: Faults, path: string, name: string, value: string): void {
  const size = amountOf(name.slice(hugePages.length)).nanos
  if (size > 0n && amountOf(value).nanos % size !== 0n)
    faults.invalid(path, value, `is not positive integer multiple of ${name.slice(hugePages.length)}`)
}

export type NameRule = (faults: Faults, path: string, name: string) => void

export interface RequirementOptions {
  readonly claimNames?: ReadonlySet<string>
  readonly podLevel?: boolean
}

export function requirementsFaults(
  faults: Faults,
  path: string,
  requirements: ResourceRequirements | undefined,
  { claimNames, podLevel = false }: RequirementOptions = {},
): void {
  if (!requirements) return
  const { limits, requests, claims } = requirements
  const nameRule = podLevel ? podResourceNameFaults : containerResourceNameFaults
  let hasHugePages = false
  let hasCompute = false
  for (const name in limits) {
    const at = `${path}.limits[${name}]`
    const value = limits[name] ?? ''
    nameRule(faults, at, name)
    amountFaults(faults, at, name, value)
    if (isHugePages(name)) {
      hasHugePages = true
      hugePageFaults(faults, at, name, value)
    } else if (podResources.has(name)) hasCompute = true
  }
  for (const name in requests) {
    const at = `${path}.requests[${name}]`
    const value = requests[name] ?? ''
    nameRule(faults, at, name)
    amountFaults(faults, at, name, value)
    requestWithinLimit(faults, path, name, value, limits)
    if (isHugePages(name)) {
      hasHugePages = true
      hugePageFaults(faults, at, name, value)
    } else if (podResources.has(name)) hasCompute = true
  }
  if (hasHugePages && !hasCompute) faults.forbidden(path, 'HugePages require cpu or memory')
  if (claims) claimFaults(faults, `${path}.claims`, claims, claimNames ?? new Set())
}

function requestWithinLimit(faults: Faults, path: string, name: string, value: string, limits: Amounts | undefined): void {
  const limit = limits?.[name]
  if (limit === undefined) {
    if (!mayOvercommit(name)) faults.required(`${path}.limits`, 'Limit must be set for non overcommitable resources')
    return
  }
  if (limit === value) return
  const [asked, most] = [amountOf(value).nanos, amountOf(limit).nanos]
  if (asked !== most && !mayOvercommit(name)) faults.invalid(`${path}.requests`, value, `must be equal to ${name} limit of ${limit}`)
  else if (asked > most) faults.invalid(`${path}.requests`, value, `must be less than or equal to ${name} limit of ${limit}`)
}

function claimFaults(
  faults: Faults,
  path: string,
  claims: readonly { readonly name?: string; readonly request?: string }[],
  known: ReadonlySet<string>,
): void {
  const seen = new Set<string>()
  for (const [i, { name = '', request = '' }] of claims.entries()) {
    const at = `${path}[${i}]`
    if (name === '') faults.required(at)
    else {
      const key = request ? `${name}/${request}` : name
      // A claim as a whole and a request of it are the same devices twice.
      if (seen.has(key) || seen.has(name)) faults.duplicate(at, key)
      else if (request === '' && [...seen].some((each) => each.startsWith(`${name}/`))) faults.duplicate(at, key)
      if (request && !isLabel(request)) faults.invalid(`${at}.request`, request, 'must be a DNS label')
      if (!known.has(name)) faults.notFound(at, name)
      seen.add(key)
    }
  }
}
