/** The node's nftables table: policies, and the masquerading of what leaves the cluster. */
import type { IpFamily } from '../../api/ip.js'
import type { NetworkHost } from '../host/host.js'
import type { NetworkNode } from '../network-node.js'
import { Policies } from '../policy/policies.js'
import { baseChains, defineBaseSets, localRanges, podRanges } from './base-chains.js'
import { Ruleset } from './ruleset.js'
import { Table } from './table.js'

export interface RulesetKeeperOptions {
  readonly host: NetworkHost
  readonly families: readonly IpFamily[]
  readonly nodeName: string
  readonly bridge: string
  readonly masquerade: boolean
  readonly policies: boolean
}

export class RulesetKeeper {
  readonly policies: Policies
  readonly #options: RulesetKeeperOptions
  readonly #ruleset = new Ruleset()
  readonly #table: Table
  readonly #nodes = new Map<string, NetworkNode>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: RulesetKeeperOptions) {
    this.#options = options
    this.policies = new Policies({ ruleset: this.#ruleset, families: options.families })
    defineBaseSets(this.#ruleset, options.families)
    this.#table = new Table(options.host, this.#ruleset, baseChains(options))
  }

  isFor(families: readonly IpFamily[]): boolean {
    return families.length === this.#options.families.length && families.every((family) => this.#options.families.includes(family))
  }

  setNode(node: NetworkNode): void {
    this.#ranges('add', node)
    this.deleteNode(node.name)
    this.#nodes.set(node.name, node)
  }

  deleteNode(name: string): void {
    const node = this.#nodes.get(name)
    if (node) this.#ranges('remove', node)
    this.#nodes.delete(name)
  }

  /** One transaction at a time, each with all that is known when it begins. */
  write(): Promise<'nothing' | 'change' | 'whole'> {
    const written = this.#last.then(() => {
      this.policies.settle()
      return this.#table.write()
    })
    this.#last = written.catch(() => undefined)
    return written
  }

  check(): Promise<void> {
    return this.#table.check()
  }

  size() {
    return { ...this.#ruleset.size(), ...this.policies.counts() }
  }

  #ranges(verb: 'add' | 'remove', { name, podCidrs }: NetworkNode): void {
    const { nodeName, families } = this.#options
    for (const { family, text } of podCidrs) {
      if (!families.includes(family)) continue
      this.#ruleset[verb](podRanges(family), text)
      if (name === nodeName) this.#ruleset[verb](localRanges(family), text)
    }
  }
}
