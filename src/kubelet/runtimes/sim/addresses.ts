/**
 * Addresses of simulated pods: of each pod network (a node's podCIDR) the lowest one that is free and was not used last, as a
 * host-local allocator does. Pure but for its own state.
 */
export class PodAddresses {
  readonly #networks = new Map<string, Network>()

  /** Undefined when the network is used up or is no IPv4 network. */
  allocate(cidr: string): string | undefined {
    let network = this.#networks.get(cidr)
    if (!network) {
      const made = networkOf(cidr)
      if (!made) return undefined
      this.#networks.set(cidr, (network = made))
    }
    const { base, size, used } = network
    // The first address is the network's, the second the node's own (its bridge), the last the broadcast address.
    for (let tries = 0; tries < size - 3; tries++) {
      network.next = network.next >= size - 2 ? 2 : network.next + 1
      if (used.has(network.next)) continue
      used.add(network.next)
      return addressText(base + network.next)
    }
    return undefined
  }

  /** Takes an address that is in use already. */
  claim(cidr: string, address: string): void {
    const network = this.#networks.get(cidr) ?? networkOf(cidr)
    if (!network) return
    this.#networks.set(cidr, network)
    const at = addressValue(address) - network.base
    if (at > 0 && at < network.size) network.used.add(at)
  }

  release(cidr: string, address: string): void {
    const network = this.#networks.get(cidr)
    network?.used.delete(addressValue(address) - network.base)
  }
}

interface Network {
  readonly base: number
  readonly size: number
  readonly used: Set<number>
  next: number
}

function networkOf(cidr: string): Network | undefined {
  const [address = '', bits = ''] = cidr.split('/')
  const length = Number(bits)
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(address) || !Number.isInteger(length) || length < 8 || length > 29) return undefined
  const size = 2 ** (32 - length)
  return { base: Math.floor(addressValue(address) / size) * size, size, used: new Set(), next: 1 }
}

function addressValue(address: string): number {
  return address.split('.').reduce((value, part) => value * 256 + Number(part), 0)
}

function addressText(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}
