/** Endpoints (core/v1). */
import type { EndpointAddress, EndpointPort, Endpoints } from '../../types/core-v1.js'
import type { Faults } from '../faults.js'
import { sameRules } from '../kind-rules.js'
import { mustBeLabel, mustBePort, mustBeQualified, mustBeSubdomain } from '../names.js'
import { protocols } from './container-parts.js'
import { specialAddressFaults } from './special-address.js'

function endpointsFaults(faults: Faults, { subsets = [] }: Endpoints): void {
  for (const [i, { addresses = [], notReadyAddresses = [], ports = [] }] of subsets.entries()) {
    const at = `subsets[${i}]`
    if (addresses.length === 0 && notReadyAddresses.length === 0) faults.required(at, 'must specify `addresses` or `notReadyAddresses`')
    for (const [j, address] of addresses.entries()) addressFaults(faults, `${at}.addresses[${j}]`, address)
    for (const [j, address] of notReadyAddresses.entries()) addressFaults(faults, `${at}.notReadyAddresses[${j}]`, address)
    for (const [j, port] of ports.entries()) portFaults(faults, `${at}.ports[${j}]`, port, ports.length > 1)
  }
}

function addressFaults(faults: Faults, path: string, { ip = '', hostname, nodeName }: EndpointAddress): void {
  specialAddressFaults(faults, `${path}.ip`, ip)
  if (hostname) mustBeLabel(faults, `${path}.hostname`, hostname)
  if (nodeName !== undefined) mustBeSubdomain(faults, `${path}.nodeName`, nodeName)
}

function portFaults(faults: Faults, path: string, { name, port = 0, protocol, appProtocol }: EndpointPort, needsName: boolean): void {
  if (name) mustBeLabel(faults, `${path}.name`, name)
  else if (needsName) faults.required(`${path}.name`)
  mustBePort(faults, `${path}.port`, port)
  faults.word(`${path}.protocol`, protocol, protocols)
  if (appProtocol !== undefined) mustBeQualified(faults, `${path}.appProtocol`, appProtocol)
}

export const endpointsRules = sameRules(endpointsFaults)
