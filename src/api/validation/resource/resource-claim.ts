/** Claims of devices and classes of them (resource.k8s.io/v1, KEP-4381). Expressions are judged where they are run. */
import type {
  DeviceClass,
  DeviceClassConfiguration,
  DeviceClaim,
  DeviceRequest,
  DeviceSelector,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceClaimTemplate,
} from '../../types/resource-v1.js'
import { csiDriverNameFaults } from '../core/volume-sources.js'
import { sameJson } from '../../same-json.js'
import { type Faults, immutable } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { mustBeAnnotations, mustBeLabel, mustBeLabels, mustBeSubdomain } from '../names.js'

const allocationModes = new Set(['All', 'ExactCount'])
const listMax = 32
const alternativesMax = 8
const expressionLengthMax = 10 * 1024

function claimFaults(faults: Faults, path: string, { requests, constraints = [], config = [] }: DeviceClaim): void {
  const given = requests ?? []
  if (given.length > listMax) faults.tooMany(`${path}.requests`, given.length, listMax)
  const names = new Set<string>()
  for (const [i, request] of given.entries()) {
    const at = `${path}.requests[${i}]`
    if (names.has(request.name)) faults.duplicate(at, request.name)
    names.add(request.name)
    for (const { name } of request.firstAvailable ?? []) names.add(`${request.name}/${name}`)
    requestFaults(faults, at, request)
  }
  if (constraints.length > listMax) faults.tooMany(`${path}.constraints`, constraints.length, listMax)
  for (const [i, { requests: of = [], matchAttribute, distinctAttribute }] of constraints.entries()) {
    const at = `${path}.constraints[${i}]`
    namesFaults(faults, `${at}.requests`, of, names)
    if (matchAttribute === undefined && distinctAttribute === undefined) faults.required(`${at}.matchAttribute`)
    else if (matchAttribute !== undefined && !matchAttribute.includes('/'))
      faults.invalid(`${at}.matchAttribute`, matchAttribute, 'must include a domain')
  }
  if (config.length > listMax) faults.tooMany(`${path}.config`, config.length, listMax)
  for (const [i, { requests: of = [], opaque }] of config.entries()) {
    namesFaults(faults, `${path}.config[${i}].requests`, of, names)
    opaqueFaults(faults, `${path}.config[${i}]`, { ...(opaque ? { opaque } : {}) })
  }
}

function namesFaults(faults: Faults, path: string, given: readonly string[], known: ReadonlySet<string>): void {
  for (const [i, name] of given.entries()) {
    if (!known.has(name)) faults.invalid(`${path}[${i}]`, name, 'must be the name of a request in the claim')
    if (given.indexOf(name) < i) faults.duplicate(`${path}[${i}]`, name)
  }
}

function requestFaults(faults: Faults, path: string, { name, exactly, firstAvailable }: DeviceRequest): void {
  if (!name) faults.required(`${path}.name`)
  else mustBeLabel(faults, `${path}.name`, name)
  const alternatives = firstAvailable ?? []
  if (!exactly && alternatives.length === 0) return faults.required(path, 'exactly one of `exactly` or `firstAvailable` is required')
  if (exactly && alternatives.length > 0) return faults.invalid(path, undefined, 'exactly one of `exactly` or `firstAvailable` is required')
  if (exactly) deviceFaults(faults, `${path}.exactly`, exactly)
  if (alternatives.length > alternativesMax) faults.tooMany(`${path}.firstAvailable`, alternatives.length, alternativesMax)
  const names = new Set<string>()
  for (const [i, one] of alternatives.entries()) {
    const at = `${path}.firstAvailable[${i}]`
    if (!one.name) faults.required(`${at}.name`)
    else mustBeLabel(faults, `${at}.name`, one.name)
    if (names.has(one.name)) faults.duplicate(at, one.name)
    names.add(one.name)
    deviceFaults(faults, at, one)
  }
}

function deviceFaults(faults: Faults, path: string, request: Omit<ExactDeviceRequest, 'adminAccess'>): void {
  const { deviceClassName, selectors = [], allocationMode, count } = request
  if (!deviceClassName) faults.required(`${path}.deviceClassName`)
  else mustBeSubdomain(faults, `${path}.deviceClassName`, deviceClassName)
  selectorsFaults(faults, `${path}.selectors`, selectors)
  if (allocationMode === 'ExactCount') {
    if ((count ?? 0) <= 0) faults.invalid(`${path}.count`, count ?? 0, 'must be greater than zero')
  } else if (allocationMode === 'All') {
    if (count) faults.invalid(`${path}.count`, count, "must not be specified when allocationMode is 'All'")
  } else faults.notSupported(`${path}.allocationMode`, allocationMode ?? '', allocationModes)
}

function selectorsFaults(faults: Faults, path: string, selectors: readonly DeviceSelector[]): void {
  if (selectors.length > listMax) faults.tooMany(path, selectors.length, listMax)
  for (const [i, { cel }] of selectors.entries()) {
    if (!cel) faults.required(`${path}[${i}].cel`)
    else if (!cel.expression) faults.required(`${path}[${i}].cel.expression`)
    else if (cel.expression.length > expressionLengthMax) faults.tooLong(`${path}[${i}].cel.expression`, expressionLengthMax)
  }
}

function opaqueFaults(faults: Faults, path: string, { opaque }: DeviceClassConfiguration): void {
  if (!opaque) return faults.required(path, 'exactly one of: `opaque`')
  csiDriverNameFaults(faults, `${path}.opaque.driver`, opaque.driver)
  const parameters = opaque.parameters as unknown
  if (parameters === undefined || parameters === null) faults.required(`${path}.opaque.parameters`)
  else if (typeof parameters !== 'object') faults.invalid(`${path}.opaque.parameters`, '<value omitted>', 'must be an object')
}

const noDevices: DeviceClaim = {}

export const resourceClaimRules: KindRules<ResourceClaim> = {
  create: (faults, { spec }) => claimFaults(faults, 'spec.devices', spec?.devices ?? noDevices),
  update(faults, claim, old) {
    if (!sameJson(claim.spec, old.spec)) faults.invalid('spec', claim.spec, immutable)
  },
  status(faults, { status }, old) {
    const before = old.status?.allocation
    if (before && status?.allocation && !sameJson(status.allocation, before))
      faults.invalid('status.allocation', status.allocation, immutable)
    const reserved = status?.reservedFor ?? []
    if (reserved.length > 256) faults.tooMany('status.reservedFor', reserved.length, 256)
    if (reserved.length > 0 && !status?.allocation)
      faults.forbidden('status.reservedFor', 'may not be specified when `allocated` is not set')
    for (const [i, { resource, name, uid }] of reserved.entries()) {
      const at = `status.reservedFor[${i}]`
      if (reserved.findIndex((each) => each.uid === uid) < i) faults.duplicate(`${at}.uid`, uid)
      faults.text(`${at}.resource`, resource)
      faults.text(`${at}.name`, name)
      faults.text(`${at}.uid`, uid)
    }
  },
}

export const resourceClaimTemplateRules: KindRules<ResourceClaimTemplate> = {
  create(faults, { spec }) {
    mustBeLabels(faults, 'spec.metadata.labels', spec?.metadata?.labels)
    mustBeAnnotations(faults, 'spec.metadata.annotations', spec?.metadata?.annotations)
    claimFaults(faults, 'spec.spec.devices', spec?.spec?.devices ?? noDevices)
  },
  update(faults, template, old) {
    if (!sameJson(template.spec, old.spec)) faults.invalid('spec', template.spec, immutable)
  },
}

function classFaults(faults: Faults, { spec }: DeviceClass): void {
  selectorsFaults(faults, 'spec.selectors', spec?.selectors ?? [])
  const config = spec?.config ?? []
  if (config.length > listMax) faults.tooMany('spec.config', config.length, listMax)
  for (const [i, one] of config.entries()) opaqueFaults(faults, `spec.config[${i}]`, one)
}

export const deviceClassRules: KindRules<DeviceClass> = { create: classFaults, update: (faults, one) => classFaults(faults, one) }
