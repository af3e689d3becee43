/** The CNI configuration of this node's end of the network: the standard plugins, from the node's pod ranges. Pure. */
import type { PodCidr } from '../network-node.js'

export const conflistName = '10-quorate.conflist'
/** Plugins that the configuration names, and the one that runtimes add themselves. */
export const pluginsNeeded: readonly string[] = ['bridge', 'host-local', 'portmap', 'loopback']

export interface ConflistOptions {
  readonly bridge: string
  readonly podCidrs: readonly PodCidr[]
  readonly mtu: number
  /** Where addresses in use are kept: on a file system that a reboot empties, as it empties the network. */
  readonly leases: string
}

/** The text of the file; equal options have equal texts. */
export function conflist({ bridge, podCidrs, mtu, leases }: ConflistOptions): string {
  const list = {
    cniVersion: '1.0.0',
    name: 'quorate',
    plugins: [
      {
        type: 'bridge',
        bridge,
        isGateway: true,
        isDefaultGateway: true,
        // The bridge may be there from a range that the node had before.
        forceAddress: true,
        // A pod that reaches itself by its Service comes back through its own port.
        hairpinMode: true,
        // What leaves the cluster is masqueraded by the node's own table.
        ipMasq: false,
        mtu,
        ipam: {
          type: 'host-local',
          dataDir: leases,
          ranges: podCidrs.map(({ text }) => [{ subnet: text }]),
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  }
  return `${JSON.stringify(list, null, 2)}\n`
}

/**
 * The file of somebody else's network that a runtime would take instead of ours: runtimes take the first by name. undefined: none.
 */
export function otherNetwork(files: readonly string[]): string | undefined {
  return files.filter((file) => /\.(conf|conflist|json)$/.test(file) && file < conflistName).sort()[0]
}
