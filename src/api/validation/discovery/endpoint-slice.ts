/** EndpointSlices (discovery.k8s.io/v1). */
import type { Endpoint, EndpointPort, EndpointSlice } from '../../types/discovery-v1.js'
import { parseIp } from '../../ip.js'
import { protocols } from '../core/container-parts.js'
import { specialAddressFaults } from '../core/special-address.js'
import { type Faults, immutable } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { isLabel, mustBeLabel, mustBePort, mustBeQualified, mustBeSubdomain } from '../names.js'

const addressTypes = new Set(['FQDN', 'IPv4', 'IPv6'])
const endpointsMax = 1000
const addressesMax = 100
const portsMax = 20_000
const zonesMax = 8
const nodesMax = 8

function sliceFaults(faults: Faults, slice: EndpointSlice): void {
  const { addressType } = slice
  const endpoints = slice.endpoints ?? []
  const ports = slice.ports ?? []
  faults.word('addressType', addressType, addressTypes)
  if (endpoints.length > endpointsMax) faults.tooMany('endpoints', endpoints.length, endpointsMax)
  else for (const [i, endpoint] of endpoints.entries()) endpointFaults(faults, `endpoints[${i}]`, endpoint, addressType)
  if (ports.length > portsMax) return faults.tooMany('ports', ports.length, portsMax)
  const names = new Set<string>()
  for (const [i, port] of ports.entries()) portFaults(faults, `ports[${i}]`, port, names)
}

function endpointFaults(faults: Faults, path: string, endpoint: Endpoint, addressType: string): void {
  const { nodeName, hostname, hints, deprecatedTopology = {} } = endpoint
  const addresses = endpoint.addresses ?? []
  if (addresses.length === 0) faults.required(`${path}.addresses`, 'must contain at least 1 address')
  else if (addresses.length > addressesMax) faults.tooMany(`${path}.addresses`, addresses.length, addressesMax)
  for (const [i, address] of addresses.entries()) {
    const at = `${path}.addresses[${i}]`
    if (addressType === 'FQDN') {
      if (address.includes('.')) mustBeSubdomain(faults, at, address)
      else faults.invalid(at, address, 'should be a domain with at least two segments separated by dots')
    } else if (parseIp(address)?.family !== addressType) faults.invalid(at, address, `must be an ${addressType} address`)
    else specialAddressFaults(faults, at, address)
  }
  if (nodeName !== undefined) mustBeSubdomain(faults, `${path}.nodeName`, nodeName)
  if (hostname !== undefined) mustBeLabel(faults, `${path}.hostname`, hostname)
  const topology = Object.keys(deprecatedTopology)
  if (topology.length > 16) faults.tooMany(`${path}.deprecatedTopology`, topology.length, 16)
  for (const key of topology) mustBeQualified(faults, `${path}.deprecatedTopology`, key)
  if (hints) hintsFaults(faults, `${path}.hints`, hints)
}

function hintsFaults(faults: Faults, path: string, { forZones = [], forNodes = [] }: NonNullable<Endpoint['hints']>): void {
  for (const [kind, list, max] of [['forZones', forZones, zonesMax] as const, ['forNodes', forNodes, nodesMax] as const]) {
    if (list.length > max) faults.tooMany(`${path}.${kind}`, list.length, max)
    for (const [i, { name = '' }] of list.entries()) {
      if (list.findIndex((each) => each.name === name) < i) faults.duplicate(`${path}.${kind}[${i}].name`, name)
      else if (kind === 'forZones') {
        if (!/^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)$/.test(name) || name.length > 63)
          faults.invalid(`${path}.${kind}[${i}].name`, name, 'must be the value of a label')
      } else mustBeSubdomain(faults, `${path}.${kind}[${i}].name`, name)
    }
  }
}

function portFaults(faults: Faults, path: string, { name = '', protocol, port, appProtocol }: EndpointPort, names: Set<string>): void {
  if (name !== '' && !isLabel(name)) mustBeLabel(faults, `${path}.name`, name)
  if (names.has(name)) faults.duplicate(`${path}.name`, name)
  names.add(name)
  faults.word(`${path}.protocol`, protocol, protocols)
  if (port !== undefined) mustBePort(faults, `${path}.port`, port)
  if (appProtocol !== undefined) mustBeQualified(faults, `${path}.appProtocol`, appProtocol)
}

export const endpointSliceRules: KindRules<EndpointSlice> = {
  create: sliceFaults,
  update(faults, slice, old) {
    sliceFaults(faults, slice)
    if (slice.addressType !== old.addressType) faults.invalid('addressType', slice.addressType, immutable)
  },
}
