import type { Node, Service } from '../../api/types/core-v1.js'
import type { EndpointSlice } from '../../api/types/discovery-v1.js'
import { resources } from '../../client/resources.js'
import type { Family } from '../common/service-pods.js'
import type { View } from '../controller.js'
import { withHints } from './hints.js'
import type { SliceChanges } from './slices.js'
import { type Shares, withTopologyHints, zoneShares } from './topology.js'

const annotations = ['service.kubernetes.io/topology-mode', 'service.kubernetes.io/topology-aware-hints']

interface Routing {
  readonly service: Service
  readonly family: Family
  readonly changes: SliceChanges
  readonly unchanged: readonly EndpointSlice[]
}

/** Decides which hints a Service's slices get: by its annotation (which goes first) or by its trafficDistribution. */
export class TopologyRouting {
  readonly #view: View
  #shares: { readonly value: Shares | undefined } | undefined
  /** Services that ask for hints by the zones' CPU: whether each has them, last we looked. */
  readonly #isOn = new Map<string, boolean>()

  constructor(view: View) {
    this.#view = view
  }

  /** The Services whose hints depend on the nodes. */
  nodesChanged(): Iterable<string> {
    this.#shares = undefined
    return this.#isOn.keys()
  }

  hinted(key: string, { service, family, changes, unchanged }: Routing): SliceChanges {
    if (!asksForTopology(service)) {
      this.forget(key)
      return withHints(changes, unchanged, service.spec?.trafficDistribution)
    }
    this.#shares ??= { value: zoneShares(this.#view.lister<Node>(resources.nodes).list()) }
    const routed = withTopologyHints(changes, unchanged, this.#shares.value)
    this.#say(key, service, family, routed.off)
    return routed.changes
  }

  forget(key: string): void {
    this.#isOn.delete(key)
  }

  /** Once when hints come and once when they go. */
  #say(key: string, service: Service, family: Family, off: string | undefined): void {
    const isOn = off === undefined
    if (this.#isOn.get(key) === isOn) return
    this.#isOn.set(key, isOn)
    const about = { ...service, apiVersion: 'v1', kind: 'Service' }
    if (isOn) this.#view.events.event(about, 'Normal', 'TopologyAwareHintsEnabled', `Endpoints have hints by zone (${family})`)
    else this.#view.events.event(about, 'Warning', 'TopologyAwareHintsDisabled', `${off} (${family})`)
  }
}

function asksForTopology({ metadata }: Service): boolean {
  return annotations.some((name) => ['auto', 'Auto'].includes(metadata.annotations?.[name] ?? ''))
}
