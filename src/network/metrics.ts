import type { Metrics } from '../base/metrics.js'

interface Size {
  readonly sets: number
  readonly elements: number
  readonly chains: number
  readonly policies: number
  readonly pods: number
  readonly isolatedPods: number
}

export interface NetworkState {
  nodes(): number
  tunnels(): number
  ruleset(): Size | undefined
}

/** Figures of the network, read when they are asked for. */
export function networkMetrics(metrics: Metrics, state: NetworkState): void {
  const gauge = (name: string, help: string, read: () => number | undefined) =>
    metrics.gaugeOf(name, help, [], () => {
      const value = read()
      return value === undefined ? [] : [[[], value]]
    })
  gauge('quorate_network_nodes', 'Nodes that are known.', state.nodes)
  gauge('quorate_network_tunnels', 'Nodes that are reached through the overlay.', state.tunnels)
  gauge('quorate_network_policies', 'NetworkPolicies that are known.', () => state.ruleset()?.policies)
  gauge('quorate_network_pods', 'Pods with an address that policies may name.', () => state.ruleset()?.pods)
  gauge('quorate_network_isolated_pods', 'Pods of this node that policies isolate.', () => state.ruleset()?.isolatedPods)
  gauge('quorate_network_ruleset_sets', 'Sets and maps of the nftables table.', () => state.ruleset()?.sets)
  gauge('quorate_network_ruleset_elements', 'Elements of those sets.', () => state.ruleset()?.elements)
  gauge('quorate_network_ruleset_chains', 'Chains of the nftables table.', () => state.ruleset()?.chains)
}
