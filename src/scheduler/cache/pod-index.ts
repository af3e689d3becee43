/**
 * Who is where, by selector: how many pods of each node a selector means, and how many pods of each node hold an affinity
 * term. Kept current pod by pod, so that spreading and affinity read counts instead of looking at every pod of the cluster.
 */
import type { Selector } from '../../api/selectors/label.js'
import { nothing } from '../../api/selectors/label.js'
import type { PodInfo } from './pod-info.js'
import { type NamespaceLabels, type PodTerm, termMatches } from './pod-term.js'

/** Counters kept at a time; the one not asked for the longest goes. */
const countersMax = 512

/** By slot; a slot beyond the end counts none. */
export interface Counts {
  counts: Int32Array
}

interface Counter extends Counts {
  matches(info: PodInfo): boolean
  /** True when labels of namespaces decide. */
  readonly byNamespaceLabels: boolean
}

/** A term held by pods: which, and how many of them on each node. */
export interface HeldTerm extends Counts {
  readonly term: PodTerm
  readonly kind: HeldKind
  total: number
}

/** `affinity` and `antiAffinity` are the required ones. */
export type HeldKind = 'affinity' | 'antiAffinity' | 'preferredAffinity' | 'preferredAntiAffinity'
const heldKinds: readonly HeldKind[] = ['affinity', 'antiAffinity', 'preferredAffinity', 'preferredAntiAffinity']

export class PodIndex {
  readonly #counters = new Map<string, Counter>()
  readonly #held: Readonly<Record<HeldKind, Map<string, HeldTerm>>> = {
    affinity: new Map(),
    antiAffinity: new Map(),
    preferredAffinity: new Map(),
    preferredAntiAffinity: new Map(),
  }
  readonly #labelsOf: NamespaceLabels
  readonly #all: () => readonly (readonly PodInfo[])[]

  /** `all`: the pods of every slot. */
  constructor(labelsOf: NamespaceLabels, all: () => readonly (readonly PodInfo[])[]) {
    this.#labelsOf = labelsOf
    this.#all = all
  }

  /** Pods that a term means, those being deleted too. */
  matchingTerm(term: PodTerm): Counts {
    return this.#counter(`t\0${term.text}`, term.namespaceSelector !== nothing, (info) => termMatches(term, info, this.#labelsOf))
  }

  /** Pods that match all of the terms at once. */
  matchingTerms(terms: readonly PodTerm[]): Counts {
    const [only] = terms
    if (only && terms.length === 1) return this.matchingTerm(only)
    const byLabels = terms.some(({ namespaceSelector }) => namespaceSelector !== nothing)
    return this.#counter(`a\0${terms.map(({ text }) => text).join('\n')}`, byLabels, (info) =>
      terms.every((term) => termMatches(term, info, this.#labelsOf)),
    )
  }

  /** Pods of a namespace that a selector means and that are not being deleted. */
  matchingSelector(namespace: string, selector: Selector): Counts {
    return this.#counter(
      `s\0${namespace}\0${selector.text}`,
      false,
      (info) => info.namespace === namespace && !info.isTerminating && selector.matches(info.labels),
    )
  }

  /** The distinct terms of a kind that pods hold. */
  held(kind: HeldKind): Iterable<HeldTerm> {
    return this.#held[kind].values()
  }

  hasHeld(kind: HeldKind): boolean {
    return this.#held[kind].size > 0
  }

  add(slot: number, info: PodInfo): void {
    this.#change(slot, info, 1)
  }

  remove(slot: number, info: PodInfo): void {
    this.#change(slot, info, -1)
  }

  /** Labels of a namespace changed: what was counted by them is counted anew. */
  namespaceChanged(): void {
    for (const [key, { byNamespaceLabels }] of this.#counters) if (byNamespaceLabels) this.#counters.delete(key)
  }

  #change(slot: number, info: PodInfo, by: 1 | -1): void {
    for (const counter of this.#counters.values()) if (counter.matches(info)) bump(counter, slot, by)
    for (const kind of heldKinds) {
      const terms = info.terms[kind]
      if (terms.length === 0) continue
      const held = this.#held[kind]
      for (const term of terms) {
        let entry = held.get(term.text)
        if (!entry) held.set(term.text, (entry = { term, kind, counts: new Int32Array(slot + 1), total: 0 }))
        bump(entry, slot, by)
        entry.total += by
        if (entry.total === 0) held.delete(term.text)
      }
    }
  }

  #counter(key: string, byNamespaceLabels: boolean, matches: (info: PodInfo) => boolean): Counts {
    const known = this.#counters.get(key)
    if (known) {
      this.#counters.delete(key)
      this.#counters.set(key, known)
      return known
    }
    const all = this.#all()
    const counter: Counter = { counts: new Int32Array(all.length), matches, byNamespaceLabels }
    for (const [slot, pods] of all.entries()) for (const info of pods) if (matches(info)) bump(counter, slot, 1)
    if (this.#counters.size >= countersMax) this.#counters.delete(this.#counters.keys().next().value as string)
    this.#counters.set(key, counter)
    return counter
  }
}

function bump(of: Counts, slot: number, by: number): void {
  if (slot >= of.counts.length) {
    const wider = new Int32Array(Math.max(64, 2 * (slot + 1)))
    wider.set(of.counts)
    of.counts = wider
  }
  of.counts[slot] = (of.counts[slot] as number) + by
}
