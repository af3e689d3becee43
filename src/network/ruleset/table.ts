/** Writes the ruleset's changes into the kernel: what has changed where that is possible, everything where it is not known. */
import { CommandError, type NetworkHost } from '../host/host.js'
import { renderChange, renderRemoval, tableName } from './render.js'
import type { Ruleset } from './ruleset.js'

export class Table {
  readonly #host: NetworkHost
  readonly #ruleset: Ruleset
  readonly #base: string
  #isKnown = false

  constructor(host: NetworkHost, ruleset: Ruleset, base: string) {
    this.#host = host
    this.#ruleset = ruleset
    this.#base = base
  }

  /** What was written: nothing, a change, or the whole table. After a failure the next one is whole. */
  async write(): Promise<'nothing' | 'change' | 'whole'> {
    const change = this.#isKnown ? this.#ruleset.take() : this.#ruleset.takeWhole()
    if (!change) return 'nothing'
    this.#isKnown = false
    await this.#host.run('nft', ['-f', '-'], renderChange(change, this.#base))
    this.#isKnown = true
    return change.whole ? 'whole' : 'change'
  }

  /** Looks whether the table is still there: somebody may have flushed the machine's rules. */
  async check(): Promise<void> {
    try {
      const listed = JSON.parse(await this.#host.run('nft', ['-j', 'list', 'tables', 'inet'])) as {
        nftables: { table?: { name: string } }[]
      }
      if (!listed.nftables.some(({ table }) => table?.name === tableName)) this.#isKnown = false
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      this.#isKnown = false
    }
  }
}

export async function removeTable(host: NetworkHost): Promise<void> {
  await host.run('nft', ['-f', '-'], renderRemoval())
}
