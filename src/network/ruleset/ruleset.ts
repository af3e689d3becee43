/**
 * What the node's nftables table should hold (sets, verdict maps, chains with their rules) and what of it has changed since it was
 * last taken. Elements are counted: two pods that have one address after each other, or two nodes that give the same range, may
 * come and go in any order. Nothing here knows the kernel: a change is a value, written as text by render.ts.
 */
import { assert } from '../../base/errors.js'
import type { Rule } from './rule.js'

export interface SetDefinition {
  readonly name: string
  /** nft's type: "ipv4_addr", "ipv4_addr . inet_proto . inet_service". */
  readonly type: string
  /** Elements are ranges or prefixes. */
  readonly interval?: boolean
  /** A verdict map instead: elements have a chain that they jump to. */
  readonly verdicts?: boolean
}

/** Elements of a verdict map are written "KEY : jump CHAIN". */
export interface ElementChange {
  readonly set: string
  readonly elements: readonly string[]
}

/** One transaction. `whole`: the table is to hold this and nothing else. */
export interface RulesetChange {
  readonly whole: boolean
  readonly sets: readonly SetDefinition[]
  readonly chains: readonly { readonly name: string; readonly isNew: boolean; readonly rules: readonly Rule[] }[]
  readonly removed: readonly ElementChange[]
  readonly added: readonly ElementChange[]
  readonly goneChains: readonly string[]
  readonly goneSets: readonly string[]
}

interface SetState {
  readonly definition: SetDefinition
  /** Element → how many want it. */
  readonly counts: Map<string, number>
  /** Verdict map: key → chain. */
  readonly verdicts: Map<string, string>
  /** Whether the kernel has the set. */
  applied: boolean
  /** Element or key → what the kernel has of it (undefined: nothing). Present only for what has changed. */
  readonly before: Map<string, string | undefined>
}

interface ChainState {
  rules: readonly Rule[]
  applied: boolean
  dirty: boolean
}

const present = ''

export class Ruleset {
  readonly #sets = new Map<string, SetState>()
  readonly #chains = new Map<string, ChainState>()
  readonly #changedSets = new Set<SetState>()
  readonly #goneSets = new Set<string>()
  readonly #goneChains = new Set<string>()
  #chainsChanged = false

  /** Names are never used twice: a set that was dropped is another one than the next. */
  define(definition: SetDefinition): void {
    assert(!this.#sets.has(definition.name) && !this.#goneSets.has(definition.name), `the set ${definition.name} is new`)
    const state = { definition, counts: new Map(), verdicts: new Map(), applied: false, before: new Map() }
    this.#sets.set(definition.name, state)
    this.#changedSets.add(state)
  }

  drop(name: string): void {
    const state = this.#set(name)
    this.#sets.delete(name)
    this.#changedSets.delete(state)
    if (state.applied) this.#goneSets.add(name)
  }

  add(name: string, element: string): void {
    const state = this.#set(name)
    const count = state.counts.get(element) ?? 0
    state.counts.set(element, count + 1)
    if (count === 0) this.#changed(state, element, undefined)
  }

  remove(name: string, element: string): void {
    const state = this.#set(name)
    const count = state.counts.get(element) ?? 0
    assert(count > 0, `${name} has the element ${element}`)
    if (count > 1) {
      state.counts.set(element, count - 1)
      return
    }
    state.counts.delete(element)
    this.#changed(state, element, present)
  }

  /** undefined: packets with this key go on. */
  setVerdict(name: string, key: string, chain: string | undefined): void {
    const state = this.#set(name)
    const old = state.verdicts.get(key)
    if (old === chain) return
    if (chain === undefined) state.verdicts.delete(key)
    else state.verdicts.set(key, chain)
    this.#changed(state, key, old)
  }

  setChain(name: string, rules: readonly Rule[]): void {
    const state = this.#chains.get(name)
    if (state) {
      state.rules = rules
      state.dirty = true
    } else this.#chains.set(name, { rules, applied: false, dirty: true })
    this.#chainsChanged = true
  }

  dropChain(name: string): void {
    const state = this.#chains.get(name)
    assert(state, `there is a chain ${name}`)
    this.#chains.delete(name)
    if (state.applied) this.#goneChains.add(name)
  }

  /** What has changed since the last call; undefined: nothing. Taken is done: one that fails is mended by `takeWhole`. */
  take(): RulesetChange | undefined {
    const { added, removed, sets } = this.#elementChanges()
    const chains = this.#chainsChanged ? [...this.#chains].filter(([, { dirty }]) => dirty) : []
    const change: RulesetChange = {
      whole: false,
      ...{ sets, added, removed },
      chains: chains.map(([name, { applied, rules }]) => ({ name, isNew: !applied, rules })),
      goneChains: [...this.#goneChains],
      goneSets: [...this.#goneSets],
    }
    this.#taken()
    const { goneChains, goneSets } = change
    const isEmpty = [sets, added, removed, change.chains, goneChains, goneSets].every((list) => list.length === 0)
    return isEmpty ? undefined : change
  }

  takeWhole(): RulesetChange {
    const change: RulesetChange = {
      whole: true,
      sets: [...this.#sets.values()].map(({ definition }) => definition),
      chains: [...this.#chains].map(([name, { rules }]) => ({ name, isNew: true, rules })),
      removed: [],
      added: [...this.#sets.values()].map((state) => ({ set: state.definition.name, elements: elementsOf(state) })).filter(isFilled),
      goneChains: [],
      goneSets: [],
    }
    for (const state of this.#sets.values()) this.#changedSets.add(state)
    this.#chainsChanged = true
    this.#taken()
    return change
  }

  /** How many sets, elements and chains there are. */
  size(): { readonly sets: number; readonly elements: number; readonly chains: number } {
    let elements = 0
    for (const { counts, verdicts } of this.#sets.values()) elements += counts.size + verdicts.size
    return { sets: this.#sets.size, elements, chains: this.#chains.size }
  }

  #elementChanges() {
    const sets: SetDefinition[] = []
    const added: ElementChange[] = []
    const removed: ElementChange[] = []
    for (const state of this.#changedSets) {
      const { name: set } = state.definition
      if (!state.applied) {
        sets.push(state.definition)
        added.push({ set, elements: elementsOf(state) })
        continue
      }
      const [more, less]: [string[], string[]] = [[], []]
      for (const [key, before] of state.before) {
        const now = currentOf(state, key)
        if (now === before) continue
        if (before !== undefined) less.push(key)
        if (now !== undefined) more.push(written(key, now))
      }
      added.push({ set, elements: more })
      removed.push({ set, elements: less })
    }
    return { sets, added: added.filter(isFilled), removed: removed.filter(isFilled) }
  }

  #taken(): void {
    for (const state of this.#changedSets) {
      state.applied = true
      state.before.clear()
    }
    if (this.#chainsChanged)
      for (const state of this.#chains.values()) {
        state.applied = true
        state.dirty = false
      }
    this.#changedSets.clear()
    this.#goneSets.clear()
    this.#goneChains.clear()
    this.#chainsChanged = false
  }

  #changed(state: SetState, key: string, before: string | undefined): void {
    if (!state.before.has(key)) state.before.set(key, before)
    this.#changedSets.add(state)
  }

  #set(name: string): SetState {
    const state = this.#sets.get(name)
    assert(state, `there is a set ${name}`)
    return state
  }
}

function currentOf({ definition, counts, verdicts }: SetState, key: string): string | undefined {
  return definition.verdicts ? verdicts.get(key) : counts.has(key) ? present : undefined
}

function elementsOf({ definition, counts, verdicts }: SetState): string[] {
  return definition.verdicts ? [...verdicts].map(([key, chain]) => written(key, chain)) : [...counts.keys()]
}

function written(key: string, value: string): string {
  return value === present ? key : `${key} : jump ${value}`
}

function isFilled({ elements }: ElementChange): boolean {
  return elements.length > 0
}
