/** Nodes, running pods and the default profile without an API server: what the rules of placement are tested on. */
import type { Namespace, Node, Pod } from '../../api/types/core-v1.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { Cache } from '../cache/cache.js'
import { PodInfo } from '../cache/pod-info.js'
import { defaultConfig, type ProfileConfig } from '../config/config.js'
import { profilesOf } from '../config/profiles.js'
import { Cycle, type CycleResult } from '../framework/cycle.js'
import { fitMessage } from '../framework/fit-error.js'
import type { Snapshot } from '../framework/plugin.js'
import type { Profile } from '../framework/profile.js'
import { Nominator } from '../queue/nominator.js'
import { noInformer } from './no-informer.js'

export class TestCluster {
  readonly cache: Cache
  readonly snapshot: Snapshot
  readonly nominator = new Nominator()
  readonly cycle: Cycle
  readonly profile: Profile

  constructor(nodes: readonly Node[], options: { namespaces?: readonly Namespace[]; profile?: ProfileConfig } = {}) {
    const namespaceLabels = (name: string) => options.namespaces?.find(({ metadata }) => metadata.name === name)?.metadata.labels
    this.cache = new Cache(namespaceLabels)
    for (const each of nodes) this.cache.setNode(each)
    this.snapshot = { nodes: this.cache.nodes, index: this.cache.index, namespaceLabels, cache: this.cache }
    this.cycle = new Cycle(this.snapshot, this.nominator, seededRandom(1))
    const deps = { client: undefined as never, clock: new VirtualClock(), logger: silentLogger, namespaceLabels, informer: noInformer }
    const profiles = profilesOf({ ...defaultConfig, profiles: [{ schedulerName: 'default-scheduler', ...options.profile }] }, deps)
    this.profile = profiles.get('default-scheduler') as Profile
  }

  runs(node: string, of: Pod): void {
    this.cache.setPod({ ...of, spec: { ...of.spec, containers: of.spec?.containers ?? [], nodeName: node } })
  }

  result(of: Pod): CycleResult {
    return this.cycle.run(new PodInfo(of), this.profile)
  }

  /** The node chosen, or the message. */
  choose(of: Pod): string {
    const result = this.result(of)
    if (result.kind === 'fits') return this.cache.nodes.names[result.slot] as string
    const { nodeCount, statuses, preFilter } = result.failure
    return fitMessage({ nodeCount, statuses: statuses.filter((status) => status !== undefined), ...(preFilter ? { preFilter } : {}) })
  }

  /** Every node that could be chosen: those with the best score. */
  choices(of: Pod, tries = 20): string[] {
    return [...new Set(Array.from({ length: tries }, () => this.choose(of)))].sort()
  }
}
