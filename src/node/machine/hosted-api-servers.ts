/** The API servers of one process, by the address that they serve. */
import type { HostedApiServer, HostedApiServers } from '../components/component.js'

export function hostedApiServers(): HostedApiServers {
  const servers = new Map<string, HostedApiServer>()
  return {
    add(address, server) {
      servers.set(address, server)
      return () => {
        // A successor may have taken the address already.
        if (servers.get(address) === server) servers.delete(address)
      }
    },
    find: (address) => servers.get(address),
  }
}
