/** What of one process serves an address. */
export function byAddress<T>(): { add(address: string, server: T): () => void; find(address: string): T | undefined } {
  const servers = new Map<string, T>()
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
